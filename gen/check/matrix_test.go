package check

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"cuelang.org/go/cue"

	"gitlab.com/towpath/towpath/gen/cases"
	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/policy"
)

// judges say what is wrong with the objects of a case, besides what Kubernetes itself
// says. A judge is added here.
var judges = []func(chart string, made cases.Case, objects []manifest.Object) []string{againstPolicy}

// chosen are the rules of the policy that a case may break, as its values say that it
// wants to: the policy, and not the contract, keeps an environment from it, so that
// there can be a waiver. Each has the value that asks for it.
var chosen = map[string]struct {
	path  string
	asked any // nil is the default
}{
	"missing-network-policy": {"networkPolicy.enabled", false},
	"ingress-tls":            {"ingress.tls.enabled", nil},
}

// againstPolicy judges by gen's own policy, as in an environment of tier staging.
func againstPolicy(chart string, made cases.Case, objects []manifest.Object) []string {
	env := &environment.Environment{Name: "matrix", Tier: "staging", Namespace: "matrix"}
	release := &policy.Release{Environment: env, Name: chart, Objects: objects}
	var problems []string
	for _, j := range policy.Objects([]*policy.Release{release})[release] {
		if c, ok := chosen[j.Rule]; ok && valueOf(made, c.path) == c.asked {
			continue
		}
		if j.Rule == "mutable-tag" {
			continue // Not every case has a digest; the contract demands it in production.
		}
		problems = append(problems, fmt.Sprintf("%s, %s: %s [%s]", j.Object, strings.Join(j.Path, "."), j.Message, j.Rule))
	}
	return problems
}

func valueOf(made cases.Case, path string) any {
	var v any = made.Values
	for key := range strings.SplitSeq(path, ".") {
		table, _ := v.(map[string]any)
		v = table[key]
	}
	return v
}

// TestMatrix renders every chart with each pair of its switches' settings, and
// demands objects that every version of Kubernetes takes, or a refusal by the
// contract.
func TestMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("it renders hundreds of cases")
	}
	repo := os.DirFS("../..")
	contract, err := loadContract(repo)
	if err != nil {
		t.Fatal(err)
	}
	charts, err := contract.LookupPath(cue.ParsePath("#Charts")).Fields()
	if err != nil {
		t.Fatal(err)
	}
	for charts.Next() {
		name := charts.Selector().String()
		matrix, err := cases.Pairwise(contract, name)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d cases; refused:\n%s", name, len(matrix.Cases), strings.Join(matrix.Refused, "\n"))
		for i, made := range matrix.Cases {
			versions := kubernetes.Versions()
			t.Run(name+"/"+made.Name, func(t *testing.T) { renderCase(t, repo, name, made, versions[i%len(versions)]) })
		}
	}
}

func renderCase(t *testing.T, repo fs.FS, name string, made cases.Case, version string) {
	c, err := chart.Load(repo, name)
	if err != nil {
		t.Fatal(err)
	}
	sources, err := c.Render(chart.Release{Name: name, Namespace: "matrix", KubernetesVersion: version + ".0", Values: made.Files()})
	if err != nil {
		t.Fatalf("the contract accepts it, the chart does not: %v", err)
	}
	objects, err := manifest.Parse(sources)
	if err != nil {
		t.Fatal(err)
	}
	api, err := kubernetes.Open(version)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		for _, problem := range api.Validate(o.Data) {
			t.Errorf("%s, Kubernetes %s: %s: %s", o, version, strings.Join(problem.Path, "."), problem.Message)
		}
	}
	for _, judge := range judges {
		for _, problem := range judge(name, made, objects) {
			t.Error(problem)
		}
	}
}
