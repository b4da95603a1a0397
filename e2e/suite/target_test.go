package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/e2e/build"
	"gitlab.com/towpath/towpath/e2e/cluster"
)

// target is a cluster that can be tried, and what that takes.
type target struct {
	// kubectl is the program, and kubeconfig the file with an administrator's access.
	kubectl, kubeconfig string
	// argoCD is the address of Argo CD's API, https://HOST:PORT. authority is a file with the certificates that its
	// own is checked with, besides those of the machine, or empty.
	argoCD, authority string
	// token is an Argo CD administrator's. If it is empty, the first password is still there to log in with.
	token string
	// gen is the program. clone is a clone of the repository that Argo CD follows, with the right to push.
	gen, clone string
	// environment is what git and gen get besides the environment of the test.
	environment []string
	// images are two of the service, with tag and digest.
	images [2]string
	// proxy is an HTTP proxy that reaches Services and pods, or empty.
	proxy string
}

// isOwn tells whether the cluster is the one on this machine, whose servers can be stopped.
func (c target) isOwn() bool { return config.Programs != nil }

// ownCluster is the cluster of go run . up in a folder.
func ownCluster(dir string) (target, error) {
	var err error
	if state, err = cluster.ReadState(dir); err != nil {
		return target{}, err
	}
	if config, err = cluster.ReadConfig(dir); err != nil {
		return target{}, err
	}
	image := func(version string) string {
		tagged := "registry.gitlab.com/towpath/towpath/service:" + version
		return tagged + "@" + state.Images[tagged]
	}
	return target{
		kubectl: filepath.Join(dir, "bin", "kubectl"), kubeconfig: filepath.Join(dir, "kubeconfig", "outside"),
		argoCD: "https://" + config.Outside.ArgoCD, authority: filepath.Join(dir, "pki", "ca.crt"),
		gen: config.Programs["gen"], clone: filepath.Join(dir, "repository"),
		environment: []string{
			"GIT_CONFIG_GLOBAL=" + filepath.Join(dir, "gitconfig"), "GEN_SIGNING_KEY=" + filepath.Join(dir, "keys", "approval.asc"),
		},
		images: [2]string{image(cluster.FirstVersion), image(cluster.NextVersion)},
		proxy:  config.Outside.Proxy,
	}, nil
}

// repositoryVariable names the repository, and with it says that the suite may change what follows it. The other
// variables are in many a shell, for other ends.
const repositoryVariable = "TOWPATH_REPOSITORY"

func isGiven() bool { return os.Getenv(repositoryVariable) != "" }

// variables are those that name a cluster, with what each is.
var variables = []struct {
	name, what string
	optional   bool
}{
	{repositoryVariable, "address of the repository that Argo CD follows, to clone from and push to", false},
	{"KUBECONFIG", "file with the access of an administrator of the cluster", false},
	{"ARGOCD_SERVER", "HOST:PORT of Argo CD's API", false},
	{"ARGOCD_AUTH_TOKEN", "token of an administrator of Argo CD, unless the first password is still in argocd-initial-admin-secret", true},
	{"TOWPATH_ARGOCD_CA", "file with the certificates that Argo CD's is checked with, besides the machine's", true},
	{"TOWPATH_IMAGES", "two images of the service, REPO:TAG@DIGEST, with a space between", false},
	{"GEN_SIGNING_KEY", "file with the approval key", false},
	{"GEN_SIGNING_PASSPHRASE", "passphrase of that key", true},
}

// givenCluster is a cluster that variables name, as e2e/README.md says. It is changed: main and the approval branch
// get commits, and environments run what they say.
func givenCluster(ctx context.Context, getenv func(string) string, folder string) (target, error) {
	var missing []string
	for _, v := range variables {
		if getenv(v.name) == "" && !v.optional {
			missing = append(missing, fmt.Sprintf("%s: %s", v.name, v.what))
		}
	}
	if len(missing) > 0 {
		return target{}, fmt.Errorf("%s names a cluster to try, and these are not set:\n  %s", repositoryVariable, strings.Join(missing, "\n  "))
	}
	images := strings.Fields(getenv("TOWPATH_IMAGES"))
	if len(images) != 2 || images[0] == images[1] || !strings.Contains(images[0], "@sha256:") || !strings.Contains(images[1], "@sha256:") {
		return target{}, fmt.Errorf("TOWPATH_IMAGES is %q; it has to be two different images, each REPO:TAG@sha256:DIGEST", getenv("TOWPATH_IMAGES"))
	}
	if !testing.Verbose() && *report == "" {
		return target{}, errors.New("some tests need this machine's own cluster and are left out elsewhere: add -v or -report FILE, which name them")
	}
	c := target{
		kubeconfig: getenv("KUBECONFIG"), argoCD: getenv("ARGOCD_SERVER"), authority: getenv("TOWPATH_ARGOCD_CA"), token: getenv("ARGOCD_AUTH_TOKEN"),
		images: [2]string(images), clone: filepath.Join(folder, "repository"), gen: filepath.Join(folder, "gen"),
	}
	if !strings.Contains(c.argoCD, "://") {
		c.argoCD = "https://" + c.argoCD
	}
	var err error
	if c.kubectl, err = exec.LookPath("kubectl"); err != nil {
		return target{}, err
	}
	if os.Getenv("GIT_AUTHOR_EMAIL") == "" {
		for _, who := range []string{"AUTHOR", "COMMITTER"} {
			c.environment = append(c.environment, "GIT_"+who+"_NAME=Developer", "GIT_"+who+"_EMAIL=developer@towpath.example")
		}
	}
	// As the cluster of go run . up has it, for whom Go has compiled it so already.
	if err := build.Current(ctx, filepath.Join("..", ".."), "./gen", c.gen); err != nil {
		return target{}, err
	}
	if err := command(ctx, "git", "clone", "--quiet", getenv(repositoryVariable), c.clone); err != nil {
		return target{}, fmt.Errorf("cloning %s: %w", repositoryVariable, err)
	}
	return c, nil
}

// needsOwnCluster leaves a test out where the cluster is not this machine's own, and says so in the table.
func needsOwnCluster(t *testing.T, why string) {
	t.Helper()
	if !here.isOwn() {
		leftOut(t, why)
	}
}

func imageOf(version string) string {
	if version == cluster.NextVersion {
		return here.images[1]
	}
	return here.images[0]
}
