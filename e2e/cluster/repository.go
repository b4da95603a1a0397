package cluster

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// The versions of the service that there are images of. They differ in what they say their version is.
const (
	FirstVersion = "0.1.0"
	NextVersion  = "0.2.0"
)

// BrokenVersion is one that migrates the database, and then never answers.
const BrokenVersion = "0.3.0"

// environments are those whose env.cue asks for controllers that this cluster does not have, as they are here.
//
//go:embed envs/*.cue
var environments embed.FS

// world is an environment of this cluster alone, in two regions, with its chart.
//
//go:embed all:world
var world embed.FS

// exampleKey is the approval key that the repository comes with, whose private half nobody has.
const exampleKey = "170C6F1ADB1B1613"

// repository makes the repository that Argo CD follows: the working tree, with images and an approval key of this
// cluster's own, as a team does that takes it over. It goes to the Git server, and the clone stays.
func (c *Cluster) repository(ctx context.Context) error {
	clone, bare := c.path("repository"), c.path("git/towpath/towpath.git")
	if err := copyTree(ctx, c.config.Repository, clone); err != nil {
		return err
	}
	if err := c.write("gitconfig", fmt.Sprintf(`[user]
	name = Developer
	email = developer@towpath.example
[init]
	defaultBranch = main
[safe]
	directory = *
[http "https://%s/"]
	sslCAInfo = %s
`, gitHost, c.path("pki/hosts-ca.crt"))); err != nil {
		return err
	}
	key, err := c.approvalKey()
	if err != nil {
		return fmt.Errorf("approval key: %w", err)
	}
	for _, name := range []string{"stage", "prod"} {
		text, err := environments.ReadFile("envs/" + name + ".cue")
		if err != nil {
			return err
		}
		// The text is for a reader of the folder too, hence no template.
		changed := strings.ReplaceAll(string(text), "APPROVALKEY", key)
		if err := os.WriteFile(filepath.Join(clone, "envs", name, "env.cue"), []byte(changed), 0o644); err != nil {
			return err
		}
	}
	if err := c.addWorld(clone, key); err != nil {
		return err
	}
	pinned := func(image string) string { return image + "@" + c.state.Images[image] }
	image := pinned(serviceImage + ":" + FirstVersion)
	release := []string{c.config.Programs["gen"], "release"}
	return c.runAll(ctx, clone,
		[]string{"git", "init", "--quiet", "."},
		[]string{"git", "add", "--all"},
		[]string{"git", "commit", "--quiet", "--message=The repository as it is"},
		append(release, "dev", "--image", image),
		append(release, "stage", "--release", "service", "--image", image),
		append(release, "stage", "--release", "postgres", "--image", pinned(bundledPostgresImage)),
		append(release, "stage", "--release", "redis", "--image", pinned(bundledRedisImage)),
		append(release, "prod", "--image", image, "--force", "--reason", "the first image of a new cluster"),
		[]string{c.config.Programs["gen"], "render"},
		[]string{"git", "add", "--all"},
		[]string{"git", "commit", "--quiet", "--message=Images and key of this cluster"},
		[]string{"git", "init", "--quiet", "--bare", bare},
		[]string{"git", "-C", bare, "config", "http.receivepack", "true"},
		[]string{"git", "remote", "add", "origin", bare},
		[]string{"git", "push", "--quiet", "--set-upstream", "origin", "main"},
	)
}

// addWorld adds the environment world to the repository.
func (c *Cluster) addWorld(clone, key string) error {
	texts := strings.NewReplacer("APPROVALKEY", key, "PAUSEIMAGE", pauseImage+"@"+c.state.Images[pauseImage])
	return fs.WalkDir(world, "world", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := world.ReadFile(name)
		if err != nil {
			return err
		}
		to := filepath.Join(clone, strings.TrimPrefix(name, "world/"))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, []byte(texts.Replace(string(data))), 0o644)
	})
}

// copyTree copies what Git knows of a working tree, or would: neither ignored files nor the history.
func copyTree(ctx context.Context, from, to string) error {
	list := exec.CommandContext(ctx, "git", "-c", "safe.directory=*", "-C", from, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
	output, err := list.Output()
	if err != nil {
		return fmt.Errorf("files of %s: %w", from, err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(output), "\x00"), "\x00") {
		information, err := os.Lstat(filepath.Join(from, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // Deleted, and not committed yet.
		}
		if err != nil {
			return err
		}
		if !information.Mode().IsRegular() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), data, information.Mode().Perm()); err != nil {
			return err
		}
	}
	return nil
}

// approvalKey makes the key that approves, in keys/approval.asc, puts its public half into the repository in place of
// the example, and returns its id.
func (c *Cluster) approvalKey() (string, error) {
	entity, err := openpgp.NewEntity("Approvals", "", "approvals@towpath.example", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	if err != nil {
		return "", err
	}
	id := entity.PrimaryKey.KeyIdString()
	private, err := armored(openpgp.PrivateKeyType, func(w *bytes.Buffer) error { return entity.SerializePrivate(w, nil) })
	if err != nil {
		return "", err
	}
	public, err := armored(openpgp.PublicKeyType, func(w *bytes.Buffer) error { return entity.Serialize(w) })
	if err != nil {
		return "", err
	}
	if err := c.write("keys/approval.asc", private); err != nil {
		return "", err
	}
	bootstrap := c.path("repository/argocd/bootstrap")
	if err := os.Remove(filepath.Join(bootstrap, "keys", exampleKey+".asc")); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(bootstrap, "keys", id+".asc"), []byte(public), 0o644); err != nil {
		return "", err
	}
	kustomization := filepath.Join(bootstrap, "kustomization.yaml")
	text, err := os.ReadFile(kustomization)
	if err != nil {
		return "", err
	}
	return id, os.WriteFile(kustomization, bytes.ReplaceAll(text, []byte(exampleKey), []byte(id)), 0o644)
}

func armored(kind string, write func(*bytes.Buffer) error) (string, error) {
	var plain, text bytes.Buffer
	if err := write(&plain); err != nil {
		return "", err
	}
	encoder, err := armor.Encode(&text, kind, nil)
	if err != nil {
		return "", err
	}
	if _, err := encoder.Write(plain.Bytes()); err != nil {
		return "", err
	}
	if err := encoder.Close(); err != nil {
		return "", err
	}
	return text.String() + "\n", nil
}

// runAll runs commands in a folder until the first fails.
func (c *Cluster) runAll(ctx context.Context, dir string, commands ...[]string) error {
	for _, command := range commands {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+c.path("gitconfig"))
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, output)
		}
	}
	return nil
}
