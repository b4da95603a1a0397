package trust_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"gitlab.com/towpath/towpath/argocd/verify/internal/testrepo"
)

// An Application that Argo CD itself would write back differently is healed
// for ever.
func TestApplicationsSurviveArgoCD(t *testing.T) {
	t.Parallel()
	envs := testrepo.Environments()
	envs[1].Delivery.Prune, envs[1].Delivery.SelfHeal = false, false
	envs[2].Delivery.Sync = "manual"
	files := testrepo.Files(t, envs)
	for name := range files {
		expectRoundTrip(t, name, files[name].Data)
	}
}

// expectRoundTrip fails if content is an Application whose spec Argo CD's types
// would write back differently.
func expectRoundTrip(t *testing.T, name string, content []byte) {
	t.Helper()
	if !strings.Contains(string(content), "\nkind: Application\n") || strings.HasPrefix(name, "argocd/bootstrap/admission") {
		return
	}
	var app v1alpha1.Application
	if err := yaml.UnmarshalStrict(content, &app); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	var written, read struct {
		Spec any `json:"spec"`
	}
	text, err := json.Marshal(app)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &written); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &read); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(written, read) {
		t.Errorf("%s: Argo CD would write back\n%v\nin place of\n%v", name, written, read)
	}
}
