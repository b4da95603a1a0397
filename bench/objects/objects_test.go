package objects_test

import (
	"slices"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/bench/objects"
)

func parse(t *testing.T, text string) []objects.Object {
	t.Helper()
	parsed, err := objects.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestEqual(t *testing.T) {
	a := parse(t, `---
# Source: a.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: n}
data: {x: "1", y: 'two'}
---
# nothing in here
---
apiVersion: v1
kind: Other
metadata: {name: b}
numbers: [1, 1000000, 0.5, 9007199254740993]
`)
	b := parse(t, `apiVersion: v1
kind: Other
metadata:
  name: b
numbers:
- 1.0
- 1e6
- 5e-1
- 9007199254740993
---
kind: ConfigMap
apiVersion: v1
data:
  y: two
  x: |-
    1
metadata: {namespace: n, name: a}
`)
	if d := objects.Differences(a, b); len(d) > 0 {
		t.Errorf("equal objects differ:\n%s", strings.Join(d, "\n"))
	}
}

func TestDifferences(t *testing.T) {
	const base = "apiVersion: v1\nkind: K\nmetadata: {name: a}\n"
	for _, test := range []struct {
		name      string
		got, want string
		lines     []string
	}{
		{"text and number", "x: 1", `x: "1"`, []string{`v1/K/-/a: x is 1, want "1"`}},
		{"null and absent", "x: null", "", []string{"v1/K/-/a: x is null, want none"}},
		{"absent and empty", "", "x: {}", []string{"v1/K/-/a: x is missing, want {}"}},
		{"null and empty map", "x: null", "x: {}", []string{"v1/K/-/a: x is null, want {}"}},
		{"empty map and null", "x: {}", "x: null", []string{"v1/K/-/a: x is {}, want null"}},
		{"list and null", "x: []", "x: null", []string{"v1/K/-/a: x is [], want null"}},
		{"length", "x: [1]", "x: [1, 2]", []string{"v1/K/-/a: x is [1], want [1,2]"}},
		{"order of a list", "x: [2, 1]", "x: [1, 2]", []string{"v1/K/-/a: x[0] is 2, want 1", "v1/K/-/a: x[1] is 1, want 2"}},
		{"neighbours beyond float64", "x: 9007199254740992", "x: 9007199254740993", []string{"v1/K/-/a: x is 9007199254740992, want 9007199254740993"}},
		{"depth", "x: {a: [{z: true}]}", "x: {a: [{z: false}]}", []string{"v1/K/-/a: x.a[0].z is true, want false"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			lines := objects.Differences(parse(t, base+test.got), parse(t, base+test.want))
			if !slices.Equal(lines, test.lines) {
				t.Errorf("got %q, want %q", lines, test.lines)
			}
		})
	}
}

func TestDifferentSets(t *testing.T) {
	object := func(name string) string {
		return "---\napiVersion: apps/v1\nkind: K\nmetadata: {name: " + name + ", namespace: ns}\n"
	}
	got := parse(t, object("a")+object("b")+object("b"))
	want := parse(t, object("b")+object("c"))
	lines := objects.Differences(got, want)
	expected := []string{"apps/v1/K/ns/b: there twice", "apps/v1/K/ns/a: not expected", "apps/v1/K/ns/c: missing"}
	if !slices.Equal(lines, expected) {
		t.Errorf("got %q, want %q", lines, expected)
	}
}

func TestParseErrors(t *testing.T) {
	for _, text := range []string{"a: [", "- a list", "just text"} {
		if _, err := objects.Parse([]byte("a: 1\n---\n" + text + "\n")); err == nil || !strings.Contains(err.Error(), "document 2") {
			t.Errorf("Parse of %q gives %v, want an error in document 2", text, err)
		}
	}
}

func TestListsAreTheirItems(t *testing.T) {
	list := parse(t, `apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: K, metadata: {name: a}}
- apiVersion: v1
  kind: List
  items:
  - {apiVersion: v1, kind: K, metadata: {name: b}}
`)
	apart := parse(t, "apiVersion: v1\nkind: K\nmetadata: {name: a}\n---\napiVersion: v1\nkind: K\nmetadata: {name: b}\n")
	if d := objects.Differences(list, apart); len(d) > 0 {
		t.Errorf("a list differs from its items:\n%s", strings.Join(d, "\n"))
	}
}
