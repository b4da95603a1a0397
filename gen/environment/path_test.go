package environment_test

import (
	"testing"

	"cuelang.org/go/cue/cuecontext"
	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/environment"
)

func TestPaths(t *testing.T) {
	for text, names := range map[string][]string{
		`releases.payments-api.values.replicas`: {"releases", "payments-api", "values", "replicas"},
		`regions.web-eu.server`:                 {"regions", "web-eu", "server"},
		`annotations."app.kubernetes.io/name"`:  {"annotations", "app.kubernetes.io/name"},
		`hosts[0]`:                              {"hosts", "0"},
		`data."ca.crt".key`:                     {"data", "ca.crt", "key"},
		`env[2]."a b".größe_1`:                  {"env", "2", "a b", "größe_1"},
	} {
		if got := environment.JoinPath(names); got != text {
			t.Errorf("%q is joined to %s, not %s", names, got, text)
		}
		if diff := cmp.Diff(names, environment.SplitPath(text)); diff != "" {
			t.Errorf("%s is split (-want +got):\n%s", text, diff)
		}
	}
}

func TestPathOf(t *testing.T) {
	v := cuecontext.New().CompileString(`"web-eu": "a.b": [{c: 1}]`)
	want := []string{"web-eu", "a.b", "0", "c"}
	found, _ := environment.Find(v, want)
	if diff := cmp.Diff(want, environment.PathOf(found)); diff != "" {
		t.Errorf("path of what was found there (-want +got):\n%s", diff)
	}
}
