package chart

import (
	"strings"
	"testing"
	"testing/fstest"

	"helm.sh/helm/v3/pkg/chartutil"
)

// TestSchema holds what is said of values against what Helm says, and makes sure that
// the schema is compiled once.
func TestSchema(t *testing.T) {
	c, err := Load(fstest.MapFS{
		"charts/c/Chart.yaml":         {Data: []byte("apiVersion: v2\nname: c\nversion: 1.0.0\n")},
		"charts/c/values.yaml":        {Data: []byte("n: 1\n")},
		"charts/c/values.schema.json": {Data: []byte(`{"type": "object", "properties": {"n": {"type": "integer"}, "s": {"pattern": "^a"}}, "additionalProperties": false}`)},
	}, "c")
	if err != nil {
		t.Fatal(err)
	}
	for _, values := range []string{"{}", "n: 2", "n: x", "s: b", "n: null", "more: 1\nless: 1\n\"n\": []\nb: {}\na: {}\ns: b"} {
		r := Release{Name: "c", KubernetesVersion: "1.33", Values: [][]byte{[]byte(values)}}
		got := c.ValidateValues(r)
		chrt, given, err := c.prepare(r)
		if err != nil {
			t.Fatal(err)
		}
		all, err := chartutil.CoalesceValues(chrt, given)
		if err != nil {
			t.Fatal(err)
		}
		want := chartutil.ValidateAgainstSchema(chrt, all)
		switch {
		case (got == nil) != (want == nil):
			t.Errorf("%q: %v, and Helm says %v", values, got, want)
		case want != nil && !strings.Contains(got.Error(), inOrder(strings.TrimSpace(want.Error()))):
			t.Errorf("%q: %v, and Helm says %v", values, got, want)
		}
	}
	if n := len(c.schemas.compiled); n != 1 {
		t.Errorf("%d schemas were compiled", n)
	}
}

func TestInOrder(t *testing.T) {
	got := inOrder("c:\n- at '/b': 'oneOf' failed\n  - at '/b/z': got string\n  - at '/b/a': additional properties 'y', 'x' not allowed\n- at '/a': got null\nsub:\n- at '': missing")
	want := "c:\n- at '/a': got null\n- at '/b': 'oneOf' failed\n  - at '/b/a': additional properties 'x', 'y' not allowed\n  - at '/b/z': got string\nsub:\n- at '': missing"
	if got != want {
		t.Errorf("in order:\n%s\nwant:\n%s", got, want)
	}
}
