package bake

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"gitlab.com/towpath/towpath/e2e/image"
)

// authorities is where Debian has the certificates of the authorities that it trusts.
const authorities = "/etc/ssl/certs/ca-certificates.crt"

// base is how the Dockerfile of the service names the image that it is built in.
var base = regexp.MustCompile(`(?m)^ARG GO_IMAGE=(golang:([0-9.]+)-\S+)$`)

// Service returns the oven for the Dockerfile of the service, in a repository. In it is a stand-in for Go's image: the
// same version of Go, on a small Debian, whose root folder is given. The cache is the folder of package build.
func Service(ctx context.Context, repository, cache, debian string) (*Oven, error) {
	dockerfile, err := os.ReadFile(filepath.Join(repository, "Dockerfile"))
	if err != nil {
		return nil, err
	}
	found := base.FindSubmatch(dockerfile)
	if found == nil {
		return nil, fmt.Errorf("the Dockerfile of %s has no ARG GO_IMAGE=golang:VERSION-RELEASE", repository)
	}
	store, err := image.NewStore(filepath.Join(cache, "images"))
	if err != nil {
		return nil, err
	}
	golang, err := golang(ctx, store, debian, "go"+string(found[2]))
	if err != nil {
		return nil, fmt.Errorf("a stand-in for %s: %w", found[1], err)
	}
	// What the machine has downloaded and compiled already is of use to the build.
	caches, err := goEnv(ctx, "", "GOMODCACHE", "GOCACHE")
	if err != nil {
		return nil, err
	}
	return &Oven{
		Folder: filepath.Join(cache, "bake"), Store: store,
		Bases:  map[string]v1.Image{"docker.io/library/" + string(found[1]): golang},
		Caches: map[string]string{"/go/pkg/mod": caches[0], "/root/.cache/go-build": caches[1]},
	}, nil
}

// golang is Go's official image as far as a build without C needs it.
func golang(ctx context.Context, store *image.Store, debian, version string) (v1.Image, error) {
	// Go itself gets the version, where the machine has another.
	env, err := goEnv(ctx, version, "GOROOT", "GOPROXY")
	if err != nil {
		return nil, err
	}
	system, err := store.SmallLayer(debian)
	if err != nil {
		return nil, err
	}
	tools, err := store.Layer("go 1 "+version, func(archive *tar.Writer) error {
		return image.Tree(archive, env[0], "/usr/local/go", "api/", "doc/", "test/")
	})
	if err != nil {
		return nil, err
	}
	bundle, err := os.ReadFile(authorities)
	if err != nil {
		return nil, fmt.Errorf("the authorities that this machine trusts: %w (apt-get install ca-certificates)", err)
	}
	trusted, err := store.Layer(fmt.Sprintf("authorities %x", sha256.Sum256(bundle)), func(archive *tar.Writer) error {
		return errors.Join(image.Text(archive, authorities, string(bundle), 0o644), image.Folder(archive, "/go", 0o755, 0))
	})
	if err != nil {
		return nil, err
	}
	return image.New(v1.Config{
		Env:        []string{strings.Replace(image.Path, "PATH=", "PATH=/go/bin:/usr/local/go/bin:", 1), "GOPATH=/go", "GOPROXY=" + env[1]},
		WorkingDir: "/go", Cmd: []string{"bash"},
	}, system, tools, trusted)
}

// goEnv asks Go for its settings, a version of it unless that is empty.
func goEnv(ctx context.Context, version string, names ...string) ([]string, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"env"}, names...)...)
	if version != "" {
		cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+version)
	}
	var messages strings.Builder
	cmd.Stderr = &messages
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w\n%s", err, messages.String())
	}
	return strings.Split(strings.TrimSuffix(string(output), "\n"), "\n"), nil
}
