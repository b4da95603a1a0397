package chart

import (
	"io/fs"
	"maps"
	"slices"
	"testing"
	"testing/fstest"

	"helm.sh/helm/v3/pkg/engine"
)

// TestSteady includes the same helper in two templates, before and after something that
// may make it another text, and holds the result against Helm's engine.
func TestSteady(t *testing.T) {
	const plain = `{{ include "helper" . }} {{ include "helper" $ }}{{ with .Values }}{{ include "helper" $ }}{{ end }}`
	for name, test := range map[string]struct {
		helper, template string
		steady           bool
	}{
		"values":               {`{{ .Values.a }}{{ .Release.Name }}{{ template "other" . }}`, plain, true},
		"dot in a range":       {`{{ range .Values.list }}{{ . | quote }}{{ end }}`, plain, true},
		"dot after a range":    {`{{ range .Values.list }}{{ else }}{{ toJson . }}{{ end }}`, plain, false},
		"the file's name":      {`{{ .Template.Name }}`, plain, false},
		"by index":             {`{{ index . "Template" "Name" }}`, plain, false},
		"by a variable":        {`{{ $all := . }}{{ $all.Template.BasePath }}{{ index $all "Temp" }}`, plain, false},
		"all data as text":     {`{{ toJson . | sha256sum }}`, plain, false},
		"all data in a map":    {`{{ $d := dict "all" $ }}{{ range $d }}{{ toJson .Template }}{{ end }}`, plain, false},
		"all data in a with":   {`{{ with . }}{{ toJson . | sha256sum }}{{ end }}`, plain, false},
		"written in between":   {`{{ .Values.a }}`, plain + `{{ $_ := set .Values "a" "changed" }}` + plain, false},
		"merged in between":    {`{{ .Values.a }}`, plain + `{{ $_ := mergeOverwrite .Values (dict "a" "x") }}` + plain, false},
		"written by tpl":       {`{{ .Values.a }}`, plain + `{{ tpl .Values.program . }}` + plain, false},
		"a map of its own":     {`{{ .x }}`, `{{ include "helper" (dict "x" 1) }}{{ include "helper" (dict "x" 2) }}`, true},
		"a map as it is given": {`{{ .a }}`, `{{ include "helper" .Values }}{{ include "helper" .Values.table }}`, true},
		"random order":         {`{{ keys .Values.table | len }}`, plain, false},
	} {
		t.Run(name, func(t *testing.T) {
			repo := fstest.MapFS{}
			for file, text := range map[string]string{
				"Chart.yaml":             "apiVersion: v2\nname: boat\nversion: 1.0.0\n",
				"values.yaml":            "a: first\nlist: [1, 2]\ntable: {a: 3}\nprogram: '{{ $_ := set .Values \"a\" \"changed\" }}'\n",
				"templates/_helpers.tpl": `{{ define "helper" }}` + test.helper + `{{ end }}{{ define "other" }}{{ .Chart.Name }}{{ end }}`,
				"templates/a.yaml":       test.template,
				"templates/b.yaml":       test.template,
			} {
				repo["charts/boat/"+file] = &fstest.MapFile{Data: []byte(text), Mode: fs.ModePerm}
			}
			c, err := Load(repo, "boat")
			if err != nil {
				t.Fatal(err)
			}
			r := Release{Name: "one", Namespace: "harbour", KubernetesVersion: "1.33.0"}
			chrt, top, err := c.Inputs(r)
			if err != nil {
				t.Fatal(err)
			}
			want, err := engine.Engine{}.Render(chrt, top)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if chrt, top, err = c.Inputs(r); err != nil {
					t.Fatal(err)
				}
				templates := Templates(chrt, top)
				got, err := c.engine.render(templates)
				if err != nil {
					t.Fatal(err)
				}
				if !maps.Equal(got, want) {
					t.Errorf("it renders to\n%q\nand with Helm to\n%q", got, want)
				}
				parsed, err := parseTemplates(Order(templates), templates)
				if err != nil {
					t.Fatal(err)
				}
				if got := IsSteady(parsed); got != test.steady {
					t.Errorf("steady is %t; templates are %v", got, slices.Sorted(maps.Keys(templates)))
				}
			}
		})
	}
}
