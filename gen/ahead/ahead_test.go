package ahead

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/environment"
)

func TestWanted(t *testing.T) {
	repo := fstest.MapFS{}
	for _, name := range []string{"dev", "prod", "stage"} {
		repo["envs/"+name+"/env.cue"] = &fstest.MapFile{}
	}
	all := []string{"dev", "prod", "stage"}
	tests := []struct {
		args string
		want []string
	}{
		{"render", all},
		{"render envs/prod", all},
		{"render --manifests", all},
		{"render --manifests --no-cache", all},
		{"render envs/prod --manifests --no-cache", []string{"prod"}},
		{"render --manifests --no-cache stage ./envs/prod/ -o json", []string{"prod", "stage"}},
		{"check prod", all},
		{"check --rules", nil},
		{"explain prod service.replicas", []string{"prod"}},
		{"explain stale-file", nil},
		{"explain", nil},
		{"render --help", nil},
		{"render -C elsewhere", nil},
		{"diff", all},
		{"diff prod -o json", []string{"prod"}},
		{"diff envs/stage envs/prod", []string{"prod", "stage"}},
		{"diff --from stage", all},
		{"diff --from stage prod", []string{"prod"}},
		{"diff --from stage --to prod", nil},
		{"diff prod --to=HEAD", nil},
		{"version", nil},
		{"env list", nil},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, wanted(repo, strings.Fields(tt.args))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.args, diff)
		}
	}
}

// TestLoad makes sure that a guess is used once, and for what was guessed only.
func TestLoad(t *testing.T) {
	environments.begin(about("../..", []string{"prod"}), func() (*environment.Set, error) { return nil, os.ErrClosed })
	if set, err := Load("../..", []string{"dev"}); err != nil || len(set.Environments) != 1 {
		t.Fatalf("another environment than guessed: %v, %v", set, err)
	}
	if _, err := Load("../..", []string{"prod"}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the guess was not used: %v", err)
	}
	if set, err := Load("../..", []string{"prod"}); err != nil || set.Environments[0].Name != "prod" {
		t.Errorf("the guess was used twice: %v", err)
	}
}

// TestInitialisesEarly makes sure that the head start is one: that Helm and
// Kubernetes initialise after this package.
func TestInitialisesEarly(t *testing.T) {
	program := t.TempDir() + "/gen"
	if out, err := exec.Command("go", "build", "-o", program, "..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(program, "version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	trace := string(out)
	mine := strings.Index(trace, "init gitlab.com/towpath/towpath/gen/ahead ")
	for _, later := range []string{"helm.sh/helm/v3/pkg/chartutil", "k8s.io/client-go/kubernetes/scheme"} {
		if at := strings.Index(trace, "init "+later+" "); mine < 0 || at < mine {
			t.Errorf("%s initialises at byte %d of the trace, gen/ahead at %d", later, at, mine)
		}
	}
}

func TestReadsTree(t *testing.T) {
	for args, want := range map[string]bool{
		"diff": true, "diff prod --from HEAD": true, "diff envs/stage envs/prod": true,
		"diff --to HEAD": false, "diff --from a --to=b": false, "diff --help": false, "diff -C elsewhere": false,
		"render": false, "check": false,
	} {
		if got := readsTree(strings.Fields(args)); got != want {
			t.Errorf("%s: %t", args, got)
		}
	}
}

// TestTree takes the snapshot of a repository that was begun, once, and of another one.
func TestTree(t *testing.T) {
	begun, other := t.TempDir(), t.TempDir()
	for _, root := range []string{begun, other} {
		if err := os.MkdirAll(root+"/envs/dev", 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+"/envs/dev/env.cue", []byte(root), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	startTree(begun)
	for _, root := range []string{other, begun, begun} {
		text, err := Tree(root).ReadFile("envs/dev/env.cue")
		if err != nil || string(text) != root {
			t.Errorf("in %s there is %q, %v", root, text, err)
		}
	}
	readCUE(os.DirFS(t.TempDir())) // There is nothing.
}
