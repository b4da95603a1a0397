package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A pod that is gone from one moment to the next takes with it what it was asked. Nobody can save that; what is asked
// afterwards has to go elsewhere as soon as Kubernetes knows.
func TestKilledPodUnderLoad(t *testing.T) {
	needsOwnCluster(t, "the load has to come from the cluster's network")
	t.Run("deleted", func(t *testing.T) {
		happened := tried(t, "`kubectl delete pod --force --grace-period=0` of a pod of prod, under load")
		killUnderLoad(t, happened, func(p pod) {
			kubectl(t, "-n", "towpath-prod", "delete", "pod", p.name, "--force", "--grace-period=0")
		})
	})
	t.Run("process", func(t *testing.T) {
		happened := tried(t, "the process of a pod of prod gets SIGKILL, under load")
		killUnderLoad(t, happened, func(p pod) {
			process, err := processOf(p)
			if err != nil {
				t.Fatal(err)
			}
			if err := process.Kill(); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// hearsay is how long a node may take to hear that a pod is gone.
const hearsay = 2 * time.Second

func killUnderLoad(t *testing.T, happened func(string, ...any), kill func(pod)) {
	t.Helper()
	eventually(t, 3*time.Minute, settled("prod"))
	pods, err := servicePods("prod")
	if err != nil {
		t.Fatal(err)
	}
	l := underLoad(t, "prod")
	inFlight := l.InFlight()
	kill(pods[0])
	start := time.Now()
	eventually(t, 3*time.Minute, func() error {
		now, err := servicePods("prod")
		if err != nil {
			return err
		}
		for _, p := range now {
			if p.uid == pods[0].uid && !p.restarted {
				return fmt.Errorf("%s is still there", p.name)
			}
		}
		return settled("prod")()
	})
	took := time.Since(start)
	result := l.Stop()
	var refused time.Duration
	for _, failure := range result.Failures {
		switch {
		case failure.Refused:
			refused = failure.At.Sub(start)
		case failure.At.After(start.Add(hearsay)):
			t.Errorf("it was sent when the pod was long gone: %s", failure)
		}
	}
	if refused > 10*time.Second {
		t.Errorf("connections are refused for %s:\n%s", refused, listed(result.Failures))
	}
	happened("%s, of %d in flight when it happened", result, inFlight)
	if refused > 0 {
		happened("the pod refused new connections for %s, until its Service knew", seconds(refused))
	}
	happened("all pods were ready again after %s", seconds(took))
}

// processOf finds the process of a pod by the cgroup that is called after it.
func processOf(p pod) (*os.Process, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(data), "/pod"+p.uid+"/") {
			continue // Ended meanwhile, or somebody else.
		}
		folder := filepath.Dir(file)
		if name, err := os.ReadFile(filepath.Join(folder, "comm")); err != nil || strings.TrimSpace(string(name)) != "service" {
			continue
		}
		id, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			return nil, err
		}
		return os.FindProcess(id)
	}
	return nil, fmt.Errorf("no process of %s is there", p.name)
}
