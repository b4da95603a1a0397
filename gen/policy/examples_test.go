package policy

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// TestEveryRuleHasAText makes sure that each rule over objects has a text, and
// that each text of the class has a judge, here or where it says.
func TestEveryRuleHasAText(t *testing.T) {
	judged := ObjectRules()
	for _, id := range judged {
		rule, ok := finding.Lookup(id)
		switch {
		case !ok:
			t.Errorf("%s has no text in gen/finding/rules", id)
		case rule.Class != finding.Policy || rule.CheckedBy != "":
			t.Errorf("the text of %s says that it is of class %s, checked by %q", id, rule.Class, rule.CheckedBy)
		}
	}
	if len(judged) != len(objectRules)+len(fleetRules) {
		t.Error("a rule is registered twice")
	}
	for _, rule := range finding.Rules() {
		if rule.Class == finding.Policy && rule.CheckedBy == "" && !slices.Contains(judged, rule.ID) {
			t.Errorf("%s is a rule that nothing judges", rule.ID)
		}
	}
}

// TestObjectExamples holds the examples of every rule over objects against it.
// They are valid objects, so that gen explain shows what can be copied.
func TestObjectExamples(t *testing.T) {
	for _, id := range ObjectRules() {
		t.Run(id, func(t *testing.T) {
			rule, _ := finding.Lookup(id)
			bad, good := example(t, rule.Bad), example(t, rule.Good)
			if len(judgeOne(id, bad)) == 0 {
				t.Error("bad does not break the rule")
			}
			for _, v := range judgeOne(id, good) {
				t.Errorf("good breaks the rule: %s: %s", v.Object, v.Message)
			}
			for _, v := range judgeOne(id, bad) {
				if v.Message == "" || strings.HasSuffix(v.Message, ".") || v.Object.Kind == "" {
					t.Errorf("the violation says too little, or ends in a full stop: %+v", v)
				}
			}
		})
	}
}

func judgeOne(id string, releases []*Release) []Violation {
	var violations []Violation
	for _, release := range releases {
		for _, j := range Objects(releases)[release] {
			if j.Rule == id {
				violations = append(violations, j.Violation)
			}
		}
	}
	return violations
}

var header = regexp.MustCompile(`(?m)^# (environment|release): ([a-z0-9-]+)\n`)

// example reads an example: YAML documents, of the release web in prod unless a
// line such as "# environment: stage" or "# release: db" above them says
// otherwise. An environment is of the tier that its name says.
func example(t *testing.T, text string) []*Release {
	t.Helper()
	env, name := "prod", "web"
	var releases []*Release
	add := func(text string) {
		objects, err := manifest.Parse([]chart.Source{{Template: "example.yaml", Text: text}})
		if err != nil {
			t.Fatal(err)
		}
		if len(objects) > 0 {
			releases = append(releases, &Release{Environment: exampleEnvironment(env), Name: name, Objects: objects})
		}
		api, err := kubernetes.Open("1.33")
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			for _, problem := range api.Validate(o.Data) {
				t.Errorf("%s is no valid object: %s", o, problem)
			}
		}
	}
	for {
		at := header.FindStringSubmatchIndex(text)
		if at == nil {
			add(text)
			return releases
		}
		add(text[:at[0]])
		switch value := text[at[4]:at[5]]; text[at[2]:at[3]] {
		case "environment":
			env = value
		case "release":
			name = value
		}
		text = text[at[1]:]
	}
}

func exampleEnvironment(name string) *environment.Environment {
	tier := map[string]string{"dev": "development", "stage": "staging"}[name]
	if tier == "" {
		tier = "production"
	}
	return &environment.Environment{
		Name: name, Tier: tier, Namespace: "towpath-" + name,
		Cluster: environment.Cluster{Server: "https://kubernetes.default.svc", KubernetesVersion: "1.33"},
	}
}
