package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/argoproj/gitops-engine/pkg/health"
	synccommon "github.com/argoproj/gitops-engine/pkg/sync/common"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	grpcutil "github.com/argoproj/argo-cd/v2/util/grpc"

	"gitlab.com/towpath/towpath/gen/argocd"
)

var update = flag.Bool("update", false, "write what gen/argocd is tested with")

const (
	wanted  = "1111111111222222222233333333334444444444"
	earlier = "5555555555666666666677777777778888888888"
)

// live is an Application with all that gen reads, in the types of Argo CD.
func live() *v1alpha1.Application {
	at := metav1.NewTime(time.Date(2025, 3, 5, 12, 30, 0, 0, time.UTC))
	return &v1alpha1.Application{
		TypeMeta:   metav1.TypeMeta{APIVersion: "argoproj.io/v1alpha1", Kind: "Application"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "argocd-stage", Name: "service", ResourceVersion: "42"},
		Spec:       v1alpha1.ApplicationSpec{Project: "stage"},
		Operation:  &v1alpha1.Operation{Sync: &v1alpha1.SyncOperation{Revision: wanted}},
		Status: v1alpha1.ApplicationStatus{
			Sync:   v1alpha1.SyncStatus{Status: v1alpha1.SyncStatusCodeOutOfSync, Revision: wanted},
			Health: v1alpha1.HealthStatus{Status: health.HealthStatusDegraded},
			History: v1alpha1.RevisionHistories{
				{Revision: wanted, DeployedAt: at, ID: 0},
				{Revision: earlier, DeployedAt: at, ID: 1},
			},
			Conditions: []v1alpha1.ApplicationCondition{
				{Type: v1alpha1.ApplicationConditionComparisonError, Message: "the chart does not render", LastTransitionTime: &at},
			},
			ReconciledAt: &at,
			OperationState: &v1alpha1.OperationState{
				Phase: synccommon.OperationFailed, Message: "one or more objects failed to apply", StartedAt: at, FinishedAt: &at,
				SyncResult: &v1alpha1.SyncOperationResult{Revision: wanted},
			},
			Summary: v1alpha1.ApplicationSummary{Images: []string{"registry.example/service:0.2.0", "registry.example/sidecar:1"}},
			Resources: []v1alpha1.ResourceStatus{
				{Version: "v1", Kind: "ConfigMap", Name: "service-config", Status: v1alpha1.SyncStatusCodeSynced},
				{Version: "v1", Kind: "Service", Name: "service", Health: &v1alpha1.HealthStatus{Status: health.HealthStatusHealthy}},
				{Group: "apps", Version: "v1", Kind: "Deployment", Name: "service", Health: &v1alpha1.HealthStatus{
					Status: health.HealthStatusDegraded, Message: "its pods restart again and again",
				}},
			},
		},
	}
}

// fromServer has gen's client read an Application that is served as Argo CD's API
// encodes it.
func fromServer(t *testing.T, app *v1alpha1.Application) ([]byte, argocd.Application) {
	t.Helper()
	body, err := new(grpcutil.JSONMarshaler).Marshal(app)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }))
	defer server.Close()
	client, err := argocd.FromEnvironment(func(name string) string {
		return map[string]string{argocd.ServerVariable: server.URL, argocd.TokenVariable: "token"}[name]
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.Application(t.Context(), app.Namespace, app.Name)
	if err != nil {
		t.Fatal(err)
	}
	return body, got
}

// TestClientReadsRealTypes holds gen's client against the types of the Argo CD
// that this repository installs. gen itself can't link them; what its tests read
// is made here.
func TestClientReadsRealTypes(t *testing.T) {
	t.Parallel()
	app := live()
	body, got := fromServer(t, app)
	s := app.Status
	want := argocd.Application{
		Namespace: app.Namespace, Name: app.Name,
		Sync: string(s.Sync.Status), Health: string(s.Health.Status), Revision: s.Sync.Revision, LastSync: earlier,
		Images: s.Summary.Images, Syncing: true,
		OperationPhase: string(s.OperationState.Phase), OperationMessage: s.OperationState.Message,
		Conditions:   []argocd.Condition{{Type: s.Conditions[0].Type, Message: s.Conditions[0].Message}},
		Unhealthy:    []argocd.Object{{Kind: "Deployment", Name: "service", Health: "Degraded", Message: s.Resources[2].Health.Message}},
		ReconciledAt: s.ReconciledAt.Time,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("gen reads something else (-is +read):\n%s", d)
	}

	var golden bytes.Buffer
	if err := json.Indent(&golden, body, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden.WriteByte('\n')
	name := filepath.Join("..", "..", "gen", "argocd", "testdata", "application.json")
	if *update {
		if err := os.WriteFile(name, golden.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(committed), golden.String()); d != "" {
		t.Errorf("%s is not what Argo CD's types give; go test ./argocd/verify -run ClientReads -update writes it:\n%s", name, d)
	}
}

// Argo CD's codes are what gen compares with and asks for.
func TestClientKnowsTheCodes(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{argocd.Synced, string(v1alpha1.SyncStatusCodeSynced)},
		{argocd.Healthy, string(health.HealthStatusHealthy)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("gen says %s, Argo CD %s", pair[0], pair[1])
		}
	}
	for phase, syncing := range map[synccommon.OperationPhase]bool{
		synccommon.OperationRunning: true, synccommon.OperationTerminating: true,
		synccommon.OperationFailed: false, synccommon.OperationError: false, synccommon.OperationSucceeded: false,
	} {
		app := live()
		app.Operation, app.Status.OperationState.Phase = nil, phase
		app.Status.Sync.Status, app.Status.Health.Status = v1alpha1.SyncStatusCodeSynced, health.HealthStatusHealthy
		if _, got := fromServer(t, app); got.Syncing != syncing || got.Ready() == syncing {
			t.Errorf("%s: syncing is %t and ready %t, want %t and %t", phase, got.Syncing, got.Ready(), syncing, !syncing)
		}
	}
	// One that Argo CD has not looked at yet.
	if _, got := fromServer(t, &v1alpha1.Application{ObjectMeta: live().ObjectMeta}); got.Sync != "Unknown" || got.Health != "Unknown" || !got.ReconciledAt.IsZero() {
		t.Errorf("a new Application is %+v", got)
	}
}
