package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/manifest"
)

func TestParse(t *testing.T) {
	text := `# only a comment
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: x}
---

--- # a separator with a comment
apiVersion: v1
kind: ConfigMap
metadata:
  name: late
  annotations: {argocd.argoproj.io/sync-wave: "2"}
data:
  text: |
    --- is no separator here
---
apiVersion: v1
kind: ConfigMap
metadata: {name: early, annotations: {argocd.argoproj.io/sync-wave: "-10"}}
---
apiVersion: v1
kind: Pod
metadata: {name: t, annotations: {"helm.sh/hook": test}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {"helm.sh/hook": "pre-upgrade,pre-install"}}
---
apiVersion: example.org/v1
kind: Thing
metadata: {name: b}
---
apiVersion: v1
kind: Service
metadata: {name: a, namespace: x}
`
	objects, err := manifest.Parse([]chart.Source{{Template: "charts/c/templates/all.yaml", Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range objects {
		got = append(got, o.String())
	}
	want := []string{"ConfigMap/early", "Service/x/a", "Service/x/b", "Job.batch/migrate", "Thing.example.org/b", "ConfigMap/late"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("objects in the order of applying (-want +got):\n%s", diff)
	}
}

func TestParseFindings(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"no YAML", "a: b: c", "the text is no YAML object"},
		{"a list", "- a\n- b", "the text is no YAML object"},
		{"a key twice", "apiVersion: v1\nkind: A\nkind: B\nmetadata: {name: x}", `key "kind" already set`},
		{"an item of a List", "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: A}]", "item 0 of a List: the object has no metadata.name"},
		{"no kind", "apiVersion: v1\nmetadata: {name: x}", `the object has no kind: "apiVersion: v1"`},
		{"no apiVersion", "kind: A\nmetadata: {name: x}", "the object has no apiVersion"},
		{"no name", "apiVersion: v1\nkind: A", "the object has no metadata.name"},
		{"a name that is a number", "apiVersion: v1\nkind: A\nmetadata: {name: 1}", "the object has no metadata.name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := manifest.Parse([]chart.Source{{Template: "t.yaml", Text: tt.text}})
			list, rest := finding.From(err)
			if rest != nil || len(list) != 1 {
				t.Fatalf("findings %v, error %v", list, rest)
			}
			if list[0].File != "t.yaml" || !strings.Contains(list[0].Message, tt.want) {
				t.Errorf("found %v, want %q in t.yaml", list[0], tt.want)
			}
		})
	}
}

// FuzzParse demands that any text ends in objects or findings, and that objects
// survive being written and read.
func FuzzParse(f *testing.F) {
	f.Add("apiVersion: v1\nkind: A\nmetadata: {name: x}\n---\n")
	f.Add("a: &a [*a]")
	f.Add("? {}\n")
	f.Fuzz(func(t *testing.T, text string) {
		objects, err := manifest.Parse([]chart.Source{{Template: "t.yaml", Text: text}})
		if err != nil {
			if _, rest := finding.From(err); rest != nil {
				t.Fatalf("an error that is no finding: %v", rest)
			}
			return
		}
		written, err := manifest.Marshal(objects)
		if err != nil {
			t.Fatal(err)
		}
		again, err := manifest.Parse([]chart.Source{{Template: "t.yaml", Text: string(written)}})
		if err != nil {
			t.Fatalf("what was written can't be read: %v\n%s", err, written)
		}
		if diff := cmp.Diff(objects, again); diff != "" {
			t.Errorf("objects changed (-before +after):\n%s", diff)
		}
	})
}
