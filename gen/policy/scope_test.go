package policy

import (
	"fmt"
	"os"
	"testing"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gitlab.com/towpath/towpath/gen/finding"
)

// TestScopes makes sure that no rule of envs/policy needs all releases at once.
func TestScopes(t *testing.T) {
	rules, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]scope{
		"api-docs": apart, "debug-logging": apart, "demo-data": apart, "production-drift": once, "production-weaker": apart,
	}
	if diff := cmp.Diff(want, rules.scopes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestParts holds many releases against the rules in parts and at once.
func TestParts(t *testing.T) {
	rules, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	data := &Data{}
	for env, tier := range map[string]string{"dev": "development", "stage": "staging", "prod": "production"} {
		releases := map[string]any{}
		for i := range 2 * partReleases {
			name := fmt.Sprintf("web-%03d", i)
			release := map[string]any{
				"name": name,
				"values": map[string]any{
					"replicas":  int64(i%3 + len(tier)%2), // Production has fewer.
					"config":    map[string]any{"demo": i%5 == 0, "apiDocs": i%7 == 0, "logLevel": []string{"info", "debug"}[i%2]},
					"resources": map[string]any{"limits": map[string]any{"cpu": fmt.Sprint(i%4+len(tier)%2, "m")}},
				},
			}
			if i%9 == 0 {
				name += "-" + env // As in a region.
			}
			releases[name] = release
		}
		if err := data.Add(env, map[string]any{
			"name": env, "tier": tier, "delivery": map[string]any{"sync": "automated", "prune": false, "selfHeal": true}, "releases": releases,
		}); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{"dev", "prod", "stage"}
	got, err := rules.Judge(data, names)
	if err != nil {
		t.Fatal(err)
	}
	apartly := rules.evaluated.count
	rules.scopes = nil
	want, err := rules.Judge(data, names)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(finding.Rule{}, "Bad", "Good")); diff != "" {
		t.Errorf("in parts (+) and at once (-):\n%s", diff)
	}
	count := map[string]int{}
	for _, violations := range got {
		for _, v := range violations {
			count[v.Rule.ID]++
		}
	}
	for _, rule := range rules.Rules() {
		if count[rule.ID] == 0 {
			t.Errorf("nothing breaks %s", rule.ID)
		}
	}
	if apartly > partReleases || rules.evaluated.count < 3*2*partReleases {
		t.Errorf("%d releases were evaluated at a time, and then %d", apartly, rules.evaluated.count)
	}
}

// TestWhole are rules that must see everything at once.
func TestWhole(t *testing.T) {
	const each = "for name, release in environment.releases "
	for _, text := range []string{
		"for name, release in environment.releases for other, again in environment.releases {}",
		"if len(environment.releases) > 3 {}",
		each + "if len(environment.releases) > 3 {}",
		each + "for other in environments for otherName, otherRelease in other.releases {}",
		each + "for other in environments for otherName, otherRelease in other.releases if otherRelease.x != _|_ if name == otherName {}",
		each + "for other in environments for otherName, otherRelease in other.releases if name != otherName {}",
		each + "for other in environments for otherName, otherRelease in other.releases if name == release {}",
		each + "for other in environments if (#any & other).x {}",
		each + "let all = environments {}",
		each + "if environment[release.x] {}",
		each + "if environments.stage.releases[release.x] != _|_ {}",
		"for other in environments for name, release in environment.releases for other in other.list if other.releases != _|_ {}",
		each + "for environment in release.list if environment.x {}",
	} {
		if got := scopeIn(t, text); got != whole {
			t.Errorf("%s: scope %d", text, got)
		}
	}
	for _, text := range []string{
		each + "if environments.stage.releases[name] != _|_ {}",
		each + "for other in environments for otherName, otherRelease in other.releases if otherName == name {}",
		each + "for other in environments for otherName, otherRelease in other.releases if (*otherRelease.name | otherName) == (*release.name | name) {}",
	} {
		if got := scopeIn(t, text); got != apart {
			t.Errorf("%s: scope %d", text, got)
		}
	}
	for _, text := range []string{
		"if environment.tier == \"production\" for field in [\"a\"] if environment.delivery[field] {}",
		"for other in environments if other.tier == environment.tier {}",
	} {
		if got := scopeIn(t, text); got != once {
			t.Errorf("%s: scope %d", text, got)
		}
	}
}

func scopeIn(t *testing.T, comprehension string) scope {
	t.Helper()
	file, err := parser.ParseFile("rule.cue", "package policy\nrules: \"x\": violations: [\n"+comprehension+",\n]\n")
	if err != nil {
		t.Fatal(err)
	}
	return scopes([]*ast.File{file})["x"]
}
