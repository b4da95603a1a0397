// Package suite tries the repository on a real Kubernetes and a real Argo CD. The cluster is that of go run . up:
// one that is up is used and left up, else one is brought up for the run and ended after it. Or it is any other, that
// variables name; see [givenCluster].
//
//	go test ./suite -timeout 60m
//	go test ./suite -timeout 60m -report ../../docs/e2e.md
//
// The tests share the cluster and go one after the other, in the order of the names of their files; each leaves it as
// the next expects it. What does not wait is the commit of [TestUntoldCommit], and what runs aside meanwhile.
package suite

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/e2e/cluster"
)

var (
	dir    = flag.String("dir", "/tmp/towpath-e2e", "folder of the cluster")
	keep   = flag.Bool("keep", false, "leave a cluster up that was brought up for this run")
	report = flag.String("report", "", "file for a table of what was tried")
)

// The cluster that is tried. config and state are those of this machine's own, and empty for any other.
var (
	here   target
	config cluster.Config
	state  cluster.State
	rows   []row
)

func TestMain(m *testing.M) {
	runtime.LockOSThread() // startProxy says why.
	flag.Parse()
	code, err := runSuite(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func runSuite(m *testing.M) (code int, err error) {
	start, before := time.Now(), processors()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	folder, err := os.MkdirTemp("", "towpath-suite-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	about := "on a cluster that was up"
	end := func() error { return nil }
	defer func() { err = errors.Join(err, end()) }()
	if isGiven() {
		if here, err = givenCluster(ctx, os.Getenv, folder); err != nil {
			return 1, err
		}
	} else {
		if os.Geteuid() != 0 {
			advice := "the suite needs root, for namespaces: run it with sudo"
			if os.Getenv("TOWPATH_REQUIRE_TOOLS") != "" {
				return 1, errors.New(advice)
			}
			fmt.Println("skipped:", advice)
			return 0, nil
		}
		was, err := cluster.ReadState(*dir)
		if isUp := err == nil && was.Ready; !isUp {
			program := filepath.Join(folder, "e2e")
			if err := command(ctx, "go", "build", "-o", program, ".."); err != nil {
				return 1, err
			}
			if !*keep {
				end = func() error { return command(context.Background(), program, "down", "--dir", *dir) }
			}
			if err := command(ctx, program, "up", "--dir", *dir); err != nil {
				return 1, err
			}
			about = "the cluster's start and end included"
		}
		if here, err = ownCluster(*dir); err != nil {
			return 1, err
		}
		if *rowsFile != "" {
			err = ownClone(folder)
		} else { // A run by variables has pushed from a clone of its own.
			_, err = tryRun(nil, "git", "pull", "--quiet", "--ff-only", "origin", "main")
		}
		if err != nil {
			return 1, err
		}
	}
	endProxy, err := startProxy(folder)
	if err != nil {
		return 1, err
	}
	code = m.Run()
	if code != 0 {
		if pods, err := tryKubectl("get", "pods", "--all-namespaces", "--output=wide"); err == nil {
			fmt.Println(pods)
		}
	}
	stopAside()
	forgetTokens()
	err = errors.Join(endProxy(), end())
	end = func() error { return nil }
	if *rowsFile != "" {
		err = errors.Join(err, writeRows(*rowsFile))
	}
	if *report != "" {
		err = errors.Join(err, writeReport(*report, time.Since(start), about+taken(before, processors())))
	}
	return code, err
}

func command(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	// The first interrupt lets it clean up.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// kubectl returns what kubectl prints, as the cluster's administrator.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	text, err := tryKubectl(args...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func tryKubectl(args ...string) (string, error) { return output(kubectlCommand(args...)) }

func kubectlCommand(args ...string) *exec.Cmd {
	cmd := exec.Command(here.kubectl, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+here.kubeconfig)
	return cmd
}

func output(cmd *exec.Cmd) (string, error) {
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s%s", strings.Join(cmd.Args, " "), err, out.Bytes(), messages.Bytes())
	}
	return strings.TrimSpace(out.String()), nil
}

// application is what the tests read of an Application.
type application struct {
	Metadata struct{ Annotations map[string]string }
	Status   struct {
		Sync struct {
			Status, Revision string
		}
		Health struct {
			Status, Message string
		}
		OperationState struct {
			Phase, Message string
			// Operation has the objects of a sync that is not of all of them.
			Operation  struct{ Sync struct{ Resources []any } }
			SyncResult struct {
				Revision  string
				Resources []struct{ HookType string }
			}
		}
		Conditions []struct{ Type, Message string }
		Resources  []struct {
			Kind, Name, Status string
			Health             struct{ Status, Message string }
		}
	}
}

func (a application) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s at %.10s, %s", a.Status.Sync.Status, a.Status.Sync.Revision, a.Status.Health.Status)
	if a.Status.OperationState.Phase != "" {
		fmt.Fprintf(&text, ", last sync %s: %s", a.Status.OperationState.Phase, a.Status.OperationState.Message)
	}
	for _, condition := range a.Status.Conditions {
		fmt.Fprintf(&text, "\n  %s: %s", condition.Type, condition.Message)
	}
	for _, resource := range a.Status.Resources {
		if resource.Status != "Synced" || resource.Health.Status != "" && resource.Health.Status != "Healthy" {
			fmt.Fprintf(&text, "\n  %s %s: %s %s %s", resource.Kind, resource.Name, resource.Status, resource.Health.Status, resource.Health.Message)
		}
	}
	return text.String()
}

func readApplication(namespace, name string) (application, error) {
	var read application
	err := askKubernetes(http.MethodGet, applicationPath(namespace, name), nil, &read)
	return read, err
}

// delivered is nil once the Application is Synced and Healthy, at the revision unless that is empty.
func delivered(namespace, name, revision string) func() error {
	return func() error {
		found, err := readApplication(namespace, name)
		if err != nil {
			return err
		}
		if found.Status.Sync.Status != "Synced" || found.Status.Health.Status != "Healthy" || revision != "" && found.Status.Sync.Revision != revision {
			return fmt.Errorf("%s/%s: %s", namespace, name, found)
		}
		return nil
	}
}

// slack is how much longer than on a quiet machine something may take. It costs nothing but where something is broken.
const slack = 3

// eventually asks until the answer is nil, and returns how long that took. The limit is that of a quiet machine.
func eventually(t *testing.T, limit time.Duration, ask func() error) time.Duration {
	t.Helper()
	limit *= slack
	start := time.Now()
	for {
		err := ask()
		if err == nil {
			return time.Since(start)
		}
		if time.Since(start) > limit {
			t.Fatalf("not within %s: %v", limit, err)
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// refreshedUntil is eventually where Argo CD is asked to look, at once and then every few seconds: what one look starts,
// such as an AppProject that has to be there first, another finishes.
func refreshedUntil(t *testing.T, limit time.Duration, look func(), ask func() error) time.Duration {
	t.Helper()
	var looked time.Time
	return eventually(t, limit, func() error {
		if time.Since(looked) > 2*time.Second {
			look()
			looked = time.Now()
		}
		return ask()
	})
}

// clone is where changes are made. Its origin is what Argo CD follows.
func clone() string { return here.clone }

func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	text, err := tryRun(nil, program, args...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func tryRun(env []string, program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = clone()
	cmd.Env = append(append(os.Environ(), here.environment...), env...)
	return output(cmd)
}

func git(t *testing.T, args ...string) string { t.Helper(); return run(t, "git", args...) }

func gen(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, here.gen, args...)
}
