package suite

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestPipelineWaits(t *testing.T) {
	happened := tried(t, "the pipeline waits, by its own token, with `gen status stage --wait COMMIT` as `.ci/healthy` does, and for prod")
	needsProd(t)
	env := []string{"ARGOCD_SERVER=" + here.argoCD, "ARGOCD_AUTH_TOKEN=" + pipelineToken(t)}
	revision := tune(t, "stage", twoEvictions)
	t.Cleanup(func() { tune(t, "stage") })
	start := time.Now()
	for name := range strings.FieldsSeq(kubectl(t, "-n", "argocd-stage", "get", "applications.argoproj.io", "-o", "jsonpath={.items[*].metadata.name}")) {
		refresh(t, "argocd-stage", name)
	}
	said, err := tryRun(env, here.gen, append([]string{"status", "stage", "--wait", revision, "--timeout", "10m"}, argoCDAuthority()...)...)
	if err != nil {
		t.Fatal(err)
	}
	if got := evictions(t, "stage"); got != "2" {
		t.Errorf("stage allows %s evictions: gen did not wait for the commit", got)
	}
	happened("stage ran the commit %s after the push: %s", seconds(time.Since(start)), said)
	args := append([]string{"status", "prod", "--wait", approvalHead(t), "--timeout", "10m", "-o", "json"}, argoCDAuthority()...)
	if said, err = tryRun(env, here.gen, args...); err != nil {
		t.Fatal(err)
	}
	var status struct {
		Environments []struct {
			Releases []struct {
				Name     string
				Deployed *struct{ Sync, Health string }
			}
		}
	}
	if err := json.Unmarshal([]byte(said), &status); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for _, release := range status.Environments[0].Releases {
		if release.Deployed == nil || release.Deployed.Sync != "Synced" || release.Deployed.Health != "Healthy" {
			t.Errorf("gen status: %s", said)
			continue
		}
		happened("prod: %s is %s and %s", release.Name, release.Deployed.Sync, release.Deployed.Health)
	}
}
