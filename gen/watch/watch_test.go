package watch

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/chart"
)

func load(t *testing.T, files map[string]string) *chart.Chart {
	t.Helper()
	repo := fstest.MapFS{"charts/c/Chart.yaml": {Data: []byte("apiVersion: v2\nname: c\nversion: 1.0.0\n")}}
	for name, text := range files {
		repo["charts/c/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	c, err := chart.Load(repo, "c")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func release(values string) chart.Release {
	return chart.Release{Name: "r", Namespace: "n", KubernetesVersion: "1.33.0", Values: [][]byte{[]byte(values)}}
}

func watch(t *testing.T, c *chart.Chart, releases ...chart.Release) *Seen {
	t.Helper()
	w := New(c)
	for _, r := range releases {
		if err := w.Render(r); err != nil {
			t.Fatal(err)
		}
	}
	return w.Seen()
}

// TestRead makes sure that reading is seen whichever way a template comes by a
// value, and that the value beside it is not.
func TestRead(t *testing.T) {
	const values = "a: {b: {c: 1, d: 2}, l: [{x: 1, y: 2}], s: [p], e: []}\nm: {one: {x: 1, y: 2}}\nt: '{{ .Values.a.b.c }}'\nk: b\n"
	all := []string{"a.b.c", "a.b.d", "a.l.[].x", "a.l.[].y", "a.s", "a.e", "m.*.x", "m.*.y", "t", "k"}
	for _, test := range []struct {
		template, read, asked string
	}{
		{`{{ .Values.a.b.c }}`, "a.b.c", ""},
		{`{{ $.Values.a.b.c }}`, "a.b.c", ""},
		{`{{ (.Values.a).b.c }}`, "a.b.c", ""},
		{`{{ with .Values.a.b }}{{ .c }}{{ end }}`, "a.b.c", ""},
		{`{{ with .Values }}{{ with .a }}{{ .b.d }}{{ end }}{{ end }}`, "a.b.d", ""},
		{`{{ $v := .Values.a }}{{ $w := $v.b }}{{ $w.c }}`, "a.b.c", ""},
		{`{{ $v := .Values.a }}{{ if true }}{{ $v = .Values.a.b }}{{ end }}{{ $v.c }}`, "a.b.c", ""},
		{`{{ if .Values.a.b }}yes{{ end }}`, "", ""},
		{`{{ if and .Values.a .Values.a.b }}{{ if not .Values.m }}{{ end }}{{ end }}`, "", ""},
		{`{{ toYaml .Values.a.b }}`, "a.b.c a.b.d", ""},
		{`{{ .Values.a.b | toJson | quote }}`, "a.b.c a.b.d", ""},
		{`{{ .Values.a.b }}`, "a.b.c a.b.d", ""},
		{`{{ printf "%v" .Values.a.b }}`, "a.b.c a.b.d", ""},
		{`{{ toYaml (dict "b" .Values.a.b) }}`, "a.b.c a.b.d", ""},
		{`{{ merge (dict) .Values.a.b | len }}`, "a.b.c a.b.d", ""},
		{`{{ include "d" (dict "given" .Values.a.b) }}`, "a.b.c", ""},
		{`{{ template "d" (dict "given" .Values.a.b) }}`, "a.b.c", ""},
		{`{{ range .Values.a.s }}{{ . }}{{ end }}`, "a.s", ""},
		{`{{ range .Values.a.e }}{{ . }}{{ end }}`, "a.e", ""},
		{`{{ range .Values.a.l }}{{ .x }}{{ end }}`, "a.l.[].x", ""},
		{`{{ range $i, $e := .Values.a.l }}{{ $e.y }}{{ end }}`, "a.l.[].y", ""},
		{`{{ (first .Values.a.l).x }}`, "a.l.[].x", ""},
		{`{{ (index .Values.a.l 0).x }}`, "a.l.[].x", ""},
		{`{{ range .Values.a.b }}{{ . }}{{ end }}`, "a.b.c a.b.d", ""},
		{`{{ range $k, $v := .Values.m }}{{ $v.x }}{{ end }}`, "m.*.x", ""},
		{`{{ range values .Values.m }}{{ .x }}{{ end }}`, "m.*.x", ""},
		{`{{ tpl .Values.t . }}`, "a.b.c t", ""},
		{`{{ tpl "{{ with .Values.a }}{{ include \"d\" (dict \"given\" .b) }}{{ end }}" . }}`, "a.b.c", ""},
		{`{{ index .Values.a "b" "c" }}`, "a.b.c", ""},
		{`{{ index .Values.a .Values.k "d" }}`, "a.b.d k", ""},
		{`{{ "c" | index .Values.a.b }}`, "a.b.c", ""},
		{`{{ get .Values.a.b "c" }}`, "a.b.c", ""},
		{`{{ (get .Values.a .Values.k).c }}`, "a.b.c k", ""},
		{`{{ hasKey .Values.a.b "c" }}`, "a.b.c", ""},
		{`{{ dig "b" "c" 0 .Values.a }}`, "a.b.c", ""},
		{`{{ .Values.a | dig "b" "d" 0 }}`, "a.b.d", ""},
		{`{{ pluck "d" .Values.a.b }}`, "a.b.d", ""},
		{`{{ pick .Values.a.b "d" | toYaml }}`, "a.b.d", ""},
		{`{{ (default dict .Values.a.b).c }}`, "a.b.c", ""},
		{`{{ (required "b" .Values.a.b).c }}`, "a.b.c", ""},
		{`{{ ternary .Values.a.b .Values.m true | len }}`, "", ""},
		{`{{ if false }}{{ .Values.a.b.c }}{{ end }}`, "", ""},
		// What is asked for and not there.
		{`{{ .Values.a.nothing }}`, "", "t.yaml:1:14 a.nothing"},
		{"\n  {{ .Values.nothing }}", "", "t.yaml:2:14 nothing"},
		{`{{ $.Values.a.nothing }}`, "", "t.yaml:1:15 a.nothing"},
		{`{{ (.Values.a).nothing }}`, "", "t.yaml:1:16 a.nothing"},
		{`{{ with .Values.a }}{{ .nothing }}{{ end }}`, "", "t.yaml:1:25 a.nothing"},
		{`{{ $v := .Values.a }}{{ $v.nothing }}`, "", "t.yaml:1:28 a.nothing"},
		{`{{ get .Values.a "nothing" }}`, "", "t.yaml:1:4 a.nothing"},
		{`{{ if hasKey .Values.a "nothing" }}{{ end }}`, "", "t.yaml:1:7 a.nothing"},
		{`{{ index .Values "nothing" }}`, "", "t.yaml:1:4 nothing"},
		{`{{ dig "b" "nothing" "" .Values.a }}`, "", "t.yaml:1:4 a.b.nothing"},
		{`{{ include "e" . }}`, "", "_h.tpl:2:30 a.nothing"},
		{`{{ $_ := set .Values "nothing" 1 }}{{ .Values.nothing }}`, "", ""},
	} {
		t.Run(test.template, func(t *testing.T) {
			c := load(t, map[string]string{
				"templates/t.yaml": test.template,
				"templates/_h.tpl": `{{ define "d" }}{{ with .given }}{{ .c }}{{ end }}{{ end }}` + "\n" + `{{ define "e" }}{{ .Values.a.nothing }}{{ end }}`,
			})
			seen := watch(t, c, release(values))
			var read, asked []string
			for _, path := range all {
				if seen.Read(strings.Split(path, ".")) {
					read = append(read, path)
				}
			}
			if got := strings.Join(read, " "); got != test.read {
				t.Errorf("read %q, want %q", got, test.read)
			}
			for _, a := range seen.Asked() {
				if slices.Contains(a.Path, "nothing") {
					asked = append(asked, fmt.Sprintf("%s:%d:%d %s", strings.TrimPrefix(a.File, "templates/"), a.Line, a.Column, strings.Join(a.Path, ".")))
				}
			}
			if got := strings.Join(asked, " "); got != test.asked {
				t.Errorf("asked for %q, want %q", got, test.asked)
			}
		})
	}
}

func TestUnrendered(t *testing.T) {
	for _, test := range []struct {
		name, template string
		want           []string
	}{
		{"all", "{{ if .Values.flag }}a{{ else }}b{{ end }}", nil},
		{"if", "a\n{{- if .Values.never }}a{{ end }}", []string{"t.yaml:2:1 if"}},
		{"else", "{{ if .Values.always }}a\n{{ else }}b{{ end }}", []string{"t.yaml:2:1 else"}},
		{"else if", "{{ if .Values.flag }}a\n{{ else if .Values.never }}b\n{{ else }}c{{ end }}", []string{"t.yaml:2:1 if"}},
		{"with", "{{ with .Values.never }}\n{{ . }}{{ else }}b{{ end }}", []string{"t.yaml:1:1 with"}},
		{"range", "{{ range .Values.none }}a{{ else }}b{{ end }}", []string{"t.yaml:1:1 range"}},
		{"range else", "{{ range .Values.some }}a{{ else }}b{{ end }}", []string{"t.yaml:1:26 else"}},
		{"the outermost only", "{{ if .Values.never }}{{ if .Values.never }}a{{ else }}b{{ end }}{{ end }}", []string{"t.yaml:1:1 if"}},
		{"after a comment", "{{ if .Values.never }}\n{{- /* why */}}\na{{ end }}", []string{"t.yaml:1:1 if"}},
		{"a refusal", `{{ if .Values.never }}{{ fail "no" }}{{ end }}`, nil},
		{"a define", `{{ define "x" }}{{ if .Values.never }}{{ end }}{{ end }}`, []string{"t.yaml:1:1 define"}},
		{"a define that is used", `{{ define "x" }}{{ end }}{{ include "x" . }}`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := load(t, map[string]string{"templates/t.yaml": test.template})
			seen := watch(t, c,
				release("always: true\nflag: true\nsome: [1]\nnone: []"), release("always: true\nflag: false\nsome: [1]\nnone: []"))
			var got []string
			for _, b := range seen.Unrendered() {
				got = append(got, fmt.Sprintf("%s:%d:%d %s", strings.TrimPrefix(b.File(), "templates/"), b.Line, b.Column, b.Kind))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestDependencies makes sure that what a dependency reads counts by the path
// that the chart gives it, and that its templates are not judged.
func TestDependencies(t *testing.T) {
	c := load(t, map[string]string{
		"Chart.yaml":                  "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: sub, version: 1.0.0, condition: sub.enabled}]\n",
		"charts/sub/Chart.yaml":       "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
		"charts/sub/templates/a.yaml": "{{ .Values.x }}{{ .Values.nothing }}{{ if .Values.never }}{{ end }}",
	})
	seen := watch(t, c, release("sub: {enabled: true, x: 1, y: 2}"), release("sub: {enabled: false}"))
	if !seen.Read([]string{"sub", "x"}) || seen.Read([]string{"sub", "y"}) {
		t.Errorf("read x: %v, y: %v", seen.Read([]string{"sub", "x"}), seen.Read([]string{"sub", "y"}))
	}
	if len(seen.Asked()) > 0 || len(seen.Unrendered()) > 0 {
		t.Errorf("judged: %v %v", seen.Asked(), seen.Unrendered())
	}
}

// TestCorpusAsHelm holds the engine of this package against Helm's, on charts that
// use what the repository's own do not.
func TestCorpusAsHelm(t *testing.T) {
	root := os.DirFS("../render/testdata")
	entries, err := fs.ReadDir(root, chart.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		c, err := chart.Load(root, entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		t.Run(entry.Name(), func(t *testing.T) { same(t, c, release("")) })
	}
}

// same demands that Helm's engine and this package render the same text.
func same(t *testing.T, c *chart.Chart, r chart.Release) {
	t.Helper()
	want, err := c.Render(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := New(c).render(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range want {
		if s.CRD {
			continue
		}
		name := c.Name + strings.TrimPrefix(s.Template, c.Path())
		if diff := cmp.Diff(s.Text, got[name]); diff != "" {
			t.Errorf("%s (-helm +here):\n%s", name, diff)
		}
		delete(got, name)
	}
	for name, text := range got {
		if strings.TrimSpace(text) != "" && !strings.HasSuffix(name, "NOTES.txt") {
			t.Errorf("%s is rendered here only", name)
		}
	}
}
