package suite

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/e2e/cluster"
)

// control stops or starts a server of the cluster.
func control(t *testing.T, server, verb string) {
	t.Helper()
	client := &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(*dir, cluster.ControlSocket))
		}},
	}
	response, err := client.Post("http://cluster/"+server+"/"+verb, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(response.Body)
		t.Fatalf("%s %s: %s %s", verb, server, response.Status, answer)
	}
}

// Each part of Argo CD that a sync needs is killed while one runs. It may take longer, and has to end as if nothing had
// happened.
func TestArgoCDKilledInTheMiddle(t *testing.T) {
	for _, part := range []struct{ name, label string }{
		{"application controller", "argocd-application-controller"},
		{"repo-server", "argocd-repo-server"},
		{"Redis", "argocd-redis"},
	} {
		t.Run(part.name, func(t *testing.T) {
			happened := tried(t, "Argo CD's "+part.name+" is killed while a commit is delivered to stage")
			eventually(t, 5*time.Minute, argoCDReady)
			eventually(t, 5*time.Minute, delivered("argocd-stage", "service", ""))
			image := otherImage(t, "stage")
			gen(t, "release", "stage", "--release", "service", "--image", image)
			revision := pushMain(t, "stage: another image, and no "+part.name)
			start := time.Now()
			refresh(t, "argocd-stage", "service")
			eventually(t, time.Minute, syncRuns("argocd-stage", "service"))
			killed := time.Since(start)
			kubectl(t, "-n", "argocd", "delete", "pod", "-l", "app.kubernetes.io/name="+part.label, "--force", "--grace-period=0")
			eventually(t, 5*time.Minute, inTurn(delivered("argocd-stage", "service", revision), runs("stage", image)))
			found, err := readApplication("argocd-stage", "service")
			if err != nil {
				t.Fatal(err)
			}
			if phase := found.Status.OperationState.Phase; phase != "Succeeded" {
				t.Errorf("the sync ended as %s: %s", phase, found)
			}
			happened("killed %s after the push, in the middle of the sync; Synced and Healthy with the right image after %s", seconds(killed), seconds(time.Since(start)))
		})
	}
	eventually(t, 5*time.Minute, argoCDReady)
	t.Run("its API afterwards", func(t *testing.T) {
		happened := tried(t, "after its Redis was killed, Argo CD's API is asked for the objects of each Application, as its UI does")
		if forgotten := objectsFound(t); len(forgotten) > 0 {
			happened("it lacked those of %s, and had all once its controller was restarted", strings.Join(forgotten, ", "))
			return
		}
		happened("it had all")
	})
}

// syncRuns is nil while a sync is under way.
func syncRuns(namespace, name string) func() error {
	return func() error {
		found, err := readApplication(namespace, name)
		if err == nil && found.Status.OperationState.Phase != "Running" {
			err = fmt.Errorf("no sync runs: %s", found)
		}
		return err
	}
}

// outage is how long the API server is away: longer than the grace that Kubernetes gives a node which it hears nothing
// of, 50 s.
const outage = time.Minute

// The commit is dev's, and the load stage's. What watches the API server asks it again in ever longer steps, so that after
// an outage a node's kube-proxy may not know for a minute of what the controllers replace meanwhile. Who updates a service
// in that minute can lose requests, whatever its pods do; docs/operate.md says so.
func TestAPIServerAway(t *testing.T) {
	needsOwnCluster(t, "it stops the API server")
	happened := tried(t, "the API server is away for a minute, under load on stage, and a commit to main changes dev meanwhile")
	for _, env := range []string{"dev", "stage"} {
		eventually(t, 5*time.Minute, inTurn(delivered("argocd-"+env, "service", ""), settled(env)))
	}
	image := otherImage(t, "dev")
	l := underLoad(t, "stage")
	control(t, "kube-apiserver", "stop")
	back := false
	t.Cleanup(func() {
		if !back {
			control(t, "kube-apiserver", "start")
		}
	})
	start := time.Now()
	if text, err := tryKubectl("get", "nodes", "--request-timeout=2s"); err == nil {
		t.Errorf("the API server answers: %s", text)
	}
	gen(t, "release", "dev", "--release", "service", "--image", image)
	revision := pushMain(t, "dev: another image, while nobody can deliver it")
	time.Sleep(outage - time.Since(start)) // It is the time that is tried.
	during := l.SoFar()
	control(t, "kube-apiserver", "start")
	back = true
	start = time.Now()
	eventually(t, 3*time.Minute, nodesReady)
	// It answers before it serves custom kinds.
	eventually(t, time.Minute, func() error { _, err := readApplication("argocd-dev", "service"); return err })
	happened("while it was away: %s", during)
	refresh(t, "argocd-dev", "service")
	eventually(t, 5*time.Minute, inTurn(delivered("argocd-dev", "service", revision), runs("dev", image), settled("dev")))
	happened("with what came after: %s; the commit was delivered %s after it was back", noneFailed(t, l), seconds(time.Since(start)))
	eventually(t, 5*time.Minute, argoCDReady)
}

func nodesReady() error {
	text, err := tryKubectl("get", "nodes", "--request-timeout=5s", "-o", "jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=='Ready')].status}{'\\n'}{end}")
	if err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(strings.TrimSpace(line), " True") {
			return fmt.Errorf("nodes: %s", text)
		}
	}
	return nil
}
