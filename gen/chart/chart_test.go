package chart

import (
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/finding"
)

func chartFS(files map[string]string) fstest.MapFS {
	repo := fstest.MapFS{"charts/c/Chart.yaml": {Data: []byte("apiVersion: v2\nname: c\nversion: 1.0.0\n")}}
	for name, text := range files {
		repo["charts/c/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return repo
}

func render(t *testing.T, files map[string]string, values string) ([]Source, finding.List) {
	t.Helper()
	c, err := Load(chartFS(files), "c")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := c.Render(Release{Name: "r", Namespace: "n", KubernetesVersion: "1.33", Values: [][]byte{[]byte(values)}})
	list, rest := finding.From(err)
	if rest != nil {
		t.Fatal(rest)
	}
	return sources, list
}

func TestRender(t *testing.T) {
	sources, findings := render(t, map[string]string{
		"values.yaml":          "a: 1\nb: {c: 2, d: 3}\n",
		"templates/z.yaml":     "v: {{ .Values.a }} {{ .Values.b.c }} {{ .Values.b.d }}",
		"templates/a.yaml":     "n: {{ .Release.Name }} {{ .Release.Namespace }} {{ .Capabilities.KubeVersion.Minor }} {{ .Release.IsInstall }}",
		"templates/empty.yaml": "{{ if false }}x{{ end }}\n",
		"templates/_h.tpl":     "{{ define \"x\" }}{{ end }}",
		"templates/NOTES.txt":  "hello",
		"templates/skip.yaml":  "never: true",
		".helmignore":          "skip.yaml\n",
		"crds/crd.yaml":        "kind: CustomResourceDefinition",
	}, "b: {c: 9}")
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	want := []Source{
		{Template: "charts/c/crds/crd.yaml", CRD: true, Text: "kind: CustomResourceDefinition"},
		{Template: "charts/c/templates/a.yaml", Text: "n: r n 33 true"},
		{Template: "charts/c/templates/z.yaml", Text: "v: 1 9 3"},
	}
	if diff := cmp.Diff(want, sources); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
}

// TestRenderValueFiles makes sure that later value files win, key by key.
func TestRenderValueFiles(t *testing.T) {
	c, err := Load(chartFS(map[string]string{"templates/a.yaml": "{{ .Values | toJson }}"}), "c")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := c.Render(Release{Name: "r", KubernetesVersion: "1.33", Values: [][]byte{
		[]byte("a: {x: 1, z: 1}\nl: [1, 2]\n"), []byte("a: {z: 2}\nl: [3]\n"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"a":{"x":1,"z":2},"l":[3]}`; sources[0].Text != want {
		t.Errorf("values %s, want %s", sources[0].Text, want)
	}
}

func TestTemplateErrors(t *testing.T) {
	tests := []struct{ name, template, helper, want, key string }{
		{"fail", `{{ fail "no way" }}`, "", "charts/c/templates/t.yaml:1:4: no way", ""},
		{"required", "\n{{ required \"give a\" .Values.a }}", "", "charts/c/templates/t.yaml:2:4: give a", ""},
		{"nil", `{{ .Values.a.b.c }}`, "", "charts/c/templates/t.yaml:1:11: nil pointer evaluating interface {}.b", "a.b.c"},
		{"in a partial", `{{ include "h" . }}`, "{{ define \"h\" }}\n\n{{ .Values.q.w }}{{ end }}", "charts/c/templates/_h.tpl:3:11: nil pointer evaluating interface {}.w", "q.w"},
		{"an unknown function", "a\n{{ nothing 1 }}", "", `charts/c/templates/t.yaml:2: function "nothing" not defined`, ""},
		{"no end", "{{ if true }}", "", "charts/c/templates/t.yaml:1: unexpected EOF", ""},
		{"a wrong type", `{{ index .Values.l "x" }}`, "", "charts/c/templates/t.yaml:1:4: cannot index slice/array with type string", "l"},
		{"a partial that is not there", `{{ include "nowhere" . }}`, "", `charts/c/templates/t.yaml:1:4: no template "nowhere" associated with template "gotpl"`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"templates/t.yaml": tt.template}
			if tt.helper != "" {
				files["templates/_h.tpl"] = tt.helper
			}
			_, findings := render(t, files, "l: [1]")
			if len(findings) != 1 {
				t.Fatalf("findings: %v", findings)
			}
			f := findings[0]
			if got := f.Position.String() + ": " + f.Message; got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if f.Object != tt.key {
				t.Errorf("the key is %q, want %q", f.Object, tt.key)
			}
		})
	}
}

// TestRenderConcurrently renders one chart with many values at once; the race
// detector sees what they share.
func TestLinksAreRefused(t *testing.T) {
	for _, name := range []string{"charts/c/files/link", "charts/c/templates/link.yaml"} {
		repo := chartFS(map[string]string{"templates/a.yaml": "a: 1"})
		repo["shared/file"] = &fstest.MapFile{Data: []byte("b: 2")}
		repo[name] = &fstest.MapFile{Data: []byte("../../../shared/file"), Mode: fs.ModeSymlink | 0o777}
		_, err := Load(repo, "c")
		if findings, _ := finding.From(err); len(findings) != 1 || findings[0].Rule != "chart-broken" || !strings.Contains(findings[0].Message, name+" is a symbolic link") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRenderConcurrently(t *testing.T) {
	c, err := Load(chartFS(map[string]string{
		"values.yaml":                    "sub: {a: default}\n",
		"templates/a.yaml":               "{{ .Values.x }}",
		"charts/sub/Chart.yaml":          "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
		"charts/sub/values.yaml":         "a: sub\n",
		"charts/sub/templates/a.yaml":    "{{ .Values.a }}",
		"charts/sub/templates/_h.tpl":    "{{ define \"s\" }}{{ end }}",
		"charts/sub/templates/b.yaml":    "{{ include \"s\" . }}b",
		"charts/sub/.helmignore":         "nothing\n",
		"charts/sub/crds/thing.yaml":     "kind: X",
		"charts/sub/templates/c.txt":     "{{ .Release.Name }}",
		"charts/sub/templates/NOTES.txt": "n",
	}), "c")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			value := strings.Repeat("x", i+1)
			sources, err := c.Render(Release{Name: "r", KubernetesVersion: "1.33", Values: [][]byte{[]byte("x: " + value + "\nsub: {a: " + value + "}\n")}})
			if err != nil {
				t.Error(err)
				return
			}
			if n := len(slices.DeleteFunc(sources, func(s Source) bool { return s.Text != value })); n != 2 {
				t.Errorf("%d templates have the value %s, want 2", n, value)
			}
		})
	}
	group.Wait()
}

// FuzzFindCalls demands that looking for calls ends for any text.
func FuzzFindCalls(f *testing.F) {
	for _, seed := range []string{
		"{{ env \"HOME\" }}", "{{ define \"a\" }}{{ template \"a\" now }}{{ end }}", "{{- range $i, $e := keys .x | sortAlpha }}{{ else }}{{ end -}}",
		"{{ with (lookup 1) }}{{ break }}{{ end }}", "{{ (index .a 0).b }}{{ $.Capabilities.HelmVersion }}", "{{/* env */}}", "{{",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		calls, err := findCalls("f", text)
		if err != nil {
			return
		}
		for _, c := range calls {
			if c.line < 1 || c.column < 1 || c.line > strings.Count(text, "\n")+1 {
				t.Errorf("a call of %s at %d:%d, outside of the text", c.name, c.line, c.column)
			}
		}
	})
}
