package schema_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/schema"
)

func contract(t *testing.T) *schema.Contract {
	t.Helper()
	inst, err := environment.LoadContract(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	c, err := schema.NewContract(inst)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestJSONRefuses holds values against the schema as Helm does.
func TestJSONRefuses(t *testing.T) {
	document, err := contract(t).JSON("service")
	if err != nil {
		t.Fatal(err)
	}
	base, err := os.ReadFile("../../envs/prod/values/service.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, values string
		refused      string // a part of the error; "" means accepted
	}{
		{"an environment's values", "", ""},
		{"Helm's global", "global: {}", ""},
		{"an approval record", "approval: {number: 1, commit: '0123456789012345678901234567890123456789', approvedBy: a, approvedAt: b}", ""},
		{"an approval record without a number", "approval: {commit: 0123456789012345678901234567890123456789, approvedBy: a, approvedAt: b}", "number"},
		{"a misspelt key", "imaxe: {}", "imaxe"},
		{"a misspelt key below", "autoscaling: {minReplcas: 3}", "minReplcas"},
		{"a misspelt key further below", "ingress: {tls: {enabld: true}}", "enabld"},
		{"a bound beside a default", "replicas: 101", "100"},
		{"a lower bound beside a default", "replicas: 0", "minimum"},
		{"a pattern beside a default", "image: {repository: 'Not A Repository'}", "repository"},
		{"a default outside the bounds", "config: {startupDelaySeconds: 0}", ""},
		{"bounds beside such a default", "config: {startupDelaySeconds: 3}", "startupDelaySeconds"},
		{"an enumeration", "config: {logLevel: loud}", "logLevel"},
		{"a wrong type", "replicas: '3'", "replicas"},
		{"a fraction", "replicas: 1.5", "replicas"},
		{"null", "replicas: null", "replicas"},
		{"a port out of range", "ports: {http: 70000}", "http"},
		{"a host that is no DNS name", "ingress: {hosts: ['Not_A_Host']}", "hosts"},
		{"a Secret of a vault", "externalSecrets: {database: {store: {name: vault}, data: {url: {key: a}}}}", ""},
		{"a misspelt key of such a Secret", "externalSecrets: {database: {stroe: {}}}", "stroe"},
		{"a wrong type in such a Secret", "externalSecrets: {database: {refreshInterval: 3}}", "refreshInterval"},
		{"a misspelt key of an entry", "externalSecrets: {database: {data: {url: {propety: a}}}}", "propety"},
		{"a name that no Secret can have", "externalSecrets: {Data_Base: {store: {name: vault}, data: {url: {key: a}}}}", "Data_Base"},
		{"a key that no Secret can have", "externalSecrets: {database: {data: {'a b': {key: a}}}}", "a b"},
		{"a host twice", "ingress: {hosts: [a.example, a.example]}", "hosts"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			values := map[string]any{}
			for _, text := range []string{string(base), tt.values} {
				var layer map[string]any
				if err := yaml.Unmarshal([]byte(text), &layer); err != nil {
					t.Fatal(err)
				}
				overlay(values, layer)
			}
			err := chartutil.ValidateAgainstSchema(&chart.Chart{Metadata: &chart.Metadata{Name: "service"}, Schema: document}, values)
			switch {
			case tt.refused == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.refused != "" && err == nil:
				t.Error("accepted")
			case tt.refused != "" && !strings.Contains(err.Error(), tt.refused):
				t.Errorf("refused without a word of %q: %v", tt.refused, err)
			}
		})
	}
}

// TestTypeWithMoreToSay: a field that adds defaults to a type takes the rest of the type too. CUE's encoder closes what
// is added around itself.
func TestTypeWithMoreToSay(t *testing.T) {
	document, err := contract(t).JSON("postgres")
	if err != nil {
		t.Fatal(err)
	}
	for text, accepted := range map[string]bool{
		`{image: {tag: "17", repository: a, digest: ""}}`:                                                  true,
		`{image: {tag: "17", repository: a, digst: ""}}`:                                                   false,
		`{image: {tag: "17", repository: A}}`:                                                              false,
		`{backup: {enabled: true, schedule: "1 2 * * *", storage: {size: 1Gi, className: fast}, keep: 3}}`: true,
		`{backup: {enabled: true, schedule: "1 2 * * *", storage: {size: 1Gi, classname: fast}}}`:          false,
		`{backup: {enabled: true, schedule: "1 2 * * *", storage: {size: 1Gi}, keep: 0}}`:                  false,
	} {
		var values map[string]any
		if err := yaml.Unmarshal([]byte(text), &values); err != nil {
			t.Fatal(err)
		}
		err := chartutil.ValidateAgainstSchema(&chart.Chart{Metadata: &chart.Metadata{Name: "postgres"}, Schema: document}, values)
		if accepted != (err == nil) {
			t.Errorf("%s: %v, want accepted %t", text, err, accepted)
		}
	}
}

func overlay(base, layer map[string]any) {
	for key, value := range layer {
		sub, ok := value.(map[string]any)
		old, isMap := base[key].(map[string]any)
		if ok && isMap {
			overlay(old, sub)
			continue
		}
		base[key] = value
	}
}

// TestDraft7 makes sure that nothing of a newer draft is left, which the
// validator of Helm before 3.18 would pass over in silence.
func TestDraft7(t *testing.T) {
	document, err := contract(t).JSON("service")
	if err != nil {
		t.Fatal(err)
	}
	for _, newer := range []string{"$defs", "2020-12", "prefixItems", "dependentRequired", "unevaluated", "$dynamicRef", "minContains"} {
		if strings.Contains(string(document), newer) {
			t.Errorf("the schema has %s, which draft 7 does not know", newer)
		}
	}
	var tree any
	if err := json.Unmarshal(document, &tree); err != nil {
		t.Fatal(err)
	}
	var walk func(path string, node any)
	walk = func(path string, node any) {
		switch n := node.(type) {
		case map[string]any:
			if _, ok := n["$ref"].(string); ok && len(n) > 1 {
				t.Errorf("%s has keywords beside $ref, which draft 7 ignores", path)
			}
			for key, child := range n {
				walk(path+"/"+key, child)
			}
		case []any:
			for _, child := range n {
				walk(path+"/-", child)
			}
		}
	}
	walk("", tree)
}

// TestDefaults makes sure that a chart's values.yaml has a comment on every key,
// and is what the schema accepts.
func TestDefaults(t *testing.T) {
	c := contract(t)
	text, err := c.Defaults("service")
	if err != nil {
		t.Fatal(err)
	}
	previous := ""
	for line := range strings.Lines(string(text)) {
		trimmed := strings.TrimSpace(line)
		// The items of a list belong to the key above them.
		if trimmed != "" && !strings.HasPrefix(trimmed, "#") && !strings.HasPrefix(trimmed, "- ") && !strings.HasPrefix(strings.TrimSpace(previous), "#") {
			t.Errorf("no comment above %q", trimmed)
		}
		previous = line
	}
	document, err := c.JSON("service")
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	if err := chartutil.ValidateAgainstSchema(&chart.Chart{Metadata: &chart.Metadata{Name: "service"}, Schema: document}, values); err != nil {
		t.Error(err)
	}
}
