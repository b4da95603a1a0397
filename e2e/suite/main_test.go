// Package suite tries the repository on a real Kubernetes and a real Argo CD. The cluster is that of go run . up:
// one that is up is used and left up, else one is brought up for the run and ended after it.
//
//	go test ./suite
//	go test ./suite -report ../../docs/e2e.md
//
// The tests share the cluster and go one after the other, in the order of the names of their files; each leaves it as
// the next expects it.
package suite

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
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

// Where the cluster is.
var (
	config  cluster.Config
	state   cluster.State
	rows    []row
	upTime  time.Duration
	ownHere bool
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := runSuite(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func runSuite(m *testing.M) (code int, err error) {
	if os.Geteuid() != 0 {
		advice := "the suite needs root, for namespaces: run it with sudo"
		if os.Getenv("TOWPATH_REQUIRE_TOOLS") != "" {
			return 1, errors.New(advice)
		}
		fmt.Println("skipped:", advice)
		return 0, nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	state, err = cluster.ReadState(*dir)
	if err != nil || !state.Ready {
		ownHere = !*keep
		program := filepath.Join(os.TempDir(), fmt.Sprintf("towpath-e2e-%d", os.Getpid()))
		defer os.Remove(program)
		if err := command(ctx, "go", "build", "-o", program, ".."); err != nil {
			return 1, err
		}
		start := time.Now()
		if ownHere {
			defer func() {
				if ending := command(context.Background(), program, "down", "--dir", *dir); err == nil {
					err = ending
				}
			}()
		}
		if err := command(ctx, program, "up", "--dir", *dir); err != nil {
			return 1, err
		}
		upTime = time.Since(start)
		if state, err = cluster.ReadState(*dir); err != nil {
			return 1, err
		}
	}
	data, err := os.ReadFile(filepath.Join(*dir, "config.json"))
	if err != nil {
		return 1, err
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return 1, err
	}
	code = m.Run()
	if *report != "" {
		return code, writeReport(*report)
	}
	return code, nil
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

func tryKubectl(args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(*dir, "bin", "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(*dir, "kubeconfig", "outside"))
	return output(cmd)
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
	Status struct {
		Sync struct {
			Status, Revision string
		}
		Health struct {
			Status, Message string
		}
		OperationState struct {
			Phase, Message string
			SyncResult     struct{ Revision string }
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
	text, err := tryKubectl("-n", namespace, "get", "applications.argoproj.io", name, "-o", "json")
	if err != nil {
		return read, err
	}
	return read, json.Unmarshal([]byte(text), &read)
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

// eventually asks until the answer is nil, and returns how long that took.
func eventually(t *testing.T, limit time.Duration, ask func() error) time.Duration {
	t.Helper()
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

// refresh has Argo CD look at Git now, as a webhook of the Git server would.
func refresh(t *testing.T, namespace, name string) {
	t.Helper()
	kubectl(t, "-n", namespace, "annotate", "--overwrite", "applications.argoproj.io", name, "argocd.argoproj.io/refresh=normal")
}

// clone is where changes are made. Its origin is what Argo CD follows.
func clone() string { return filepath.Join(*dir, "repository") }

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
	cmd.Env = append(append(os.Environ(), "GIT_CONFIG_GLOBAL="+filepath.Join(*dir, "gitconfig")), env...)
	return output(cmd)
}

func git(t *testing.T, args ...string) string { t.Helper(); return run(t, "git", args...) }

func gen(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, config.Programs["gen"], args...)
}

// serviceClient reaches Services and pods through the sandbox's proxy.
func serviceClient() *http.Client {
	return &http.Client{
		Timeout: 20 * time.Second,
		Transport: &http.Transport{
			// A CONNECT for plain http too: the proxy does nothing else.
			DialContext:       dialThroughProxy,
			DisableKeepAlives: true,
		},
	}
}

// argoCD asks Argo CD's API.
func argoCD(token, method, path string, body any) (int, []byte, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	request, err := http.NewRequest(method, "https://"+config.Outside.ArgoCD+path, bytes.NewReader(data))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities()}}}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// adminToken logs in as Argo CD's admin.
func adminToken(t *testing.T) string {
	t.Helper()
	encoded := kubectl(t, "-n", "argocd", "get", "secret", "argocd-initial-admin-secret", "-o", "jsonpath={.data.password}")
	password, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return tokenFrom(t, "", "/api/v1/session", map[string]string{"username": "admin", "password": string(password)})
}

// pipelineToken is that of the account which pipelines have.
func pipelineToken(t *testing.T) string {
	t.Helper()
	return tokenFrom(t, adminToken(t), "/api/v1/account/"+url.PathEscape("pipeline")+"/token", map[string]any{"name": "pipeline", "expiresIn": 0})
}

func tokenFrom(t *testing.T, token, path string, body any) string {
	t.Helper()
	status, answer, err := argoCD(token, http.MethodPost, path, body)
	if err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s %v", path, status, answer, err)
	}
	var got struct{ Token string }
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err)
	}
	return got.Token
}
