package check

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/cases"
	"gitlab.com/towpath/towpath/gen/chart"
)

// TestChart plants one fault each into a small chart, and its sound counterpart.
func TestChart(t *testing.T) {
	const contract = `package contract
#Charts: c: {
	on: bool | *false
	mode: *"a" | "b"
	text: string | *""
	list: [...string]
	table: {
		one: int | *1
		two: int | *2
	}
	things: [string]: {
		x: bool | *false
		y: string | *"y"
	}
	_rules: [string]: true
	_rules: {
		if on if text == "" {
			"text": error("on needs a text")
		}
	}
}
#Release: {
	chart: string
	name:  string
	_tier: string
	values: #Charts[chart]
	_rules: [string]: true
	_rules: {
		if _tier == "production" if !values.on {
			"values.on": error("production is on")
		}
	}
}
#Approval: {
	number!: int & >=1
}
`
	const sound = `{{ .Values.on }}{{ .Values.mode }}{{ .Values.text }}{{ .Values.list }}{{ toYaml .Values.table }}
{{ range .Values.things }}{{ .x }}{{ .y }}{{ end }}
`
	for _, test := range []struct {
		name, template string
		want           []string
	}{
		{"sound", sound, nil},
		{"unread", strings.Replace(sound, "{{ .Values.text }}", "", 1), []string{
			"envs/contract/c.cue:5:2: error: the value text is read by no template of chart c [unread-value]",
		}},
		{"unread below", strings.Replace(sound, "toYaml .Values.table", ".Values.table.one", 1), []string{
			"envs/contract/c.cue:9:3: error: the value table.two is read by no template of chart c [unread-value]",
		}},
		{"a table unread", strings.Replace(sound, "toYaml .Values.table", "1", 1), []string{
			"envs/contract/c.cue:7:2: error: the value table, with all below it, is read by no template of chart c [unread-value]",
		}},
		{"only tested", strings.Replace(sound, "toYaml .Values.table", "if .Values.table }}{{ end }}{{ 1", 1), []string{
			"envs/contract/c.cue:7:2: error: the value table, with all below it, is read by no template of chart c [unread-value]",
		}},
		{"unread of an element", strings.Replace(sound, "{{ .y }}", "", 1), []string{
			"envs/contract/c.cue:13:3: error: the value things.*.y is read by no template of chart c [unread-value]",
		}},
		{"read behind two switches", strings.Replace(sound, "{{ .Values.text }}", `{{ if and .Values.on (eq .Values.mode "b") }}{{ .Values.text }}{{ end }}`, 1), nil},
		{"read behind an element's switch", strings.Replace(sound, "{{ .y }}", "{{ if .x }}{{ .y }}{{ end }}", 1), nil},
		{"read where nothing leads", strings.Replace(sound, "{{ .Values.text }}", `{{ if eq .Values.mode "c" }}{{ .Values.text }}{{ end }}`, 1), []string{
			"charts/c/templates/t.yaml:1:35: warning: no environment and no test renders this branch (if) [unrendered-branch]",
			"envs/contract/c.cue:5:2: warning: no case was found in which a template of chart c reads the value text [unread-value]",
		}},
		{"undefined", sound + "{{ .Values.tabel.one }}", []string{
			"charts/c/templates/t.yaml:3:12: error: the contract defines no value tabel for chart c [undefined-value]",
		}},
		{"undefined below", sound + "{{ .Values.table.onne }}", []string{
			"charts/c/templates/t.yaml:3:18: error: the contract defines no value table.onne for chart c [undefined-value]",
		}},
		{"undefined behind a switch", sound + "{{ if and .Values.on (not .Values.list) }}\n{{ with .Values.table }}{{ .thre }}{{ end }}{{ end }}", []string{
			"charts/c/templates/t.yaml:4:29: error: the contract defines no value table.thre for chart c [undefined-value]",
		}},
		{"undefined of an element", sound + "{{ range .Values.things }}{{ .z }}{{ end }}", []string{
			"charts/c/templates/t.yaml:3:31: error: the contract defines no value things.example.z for chart c [undefined-value]",
		}},
		{"the approval record", sound + "{{ with .Values.approval }}{{ .number }}{{ end }}", nil},
		{"undefined of the approval record", sound + "{{ with .Values.approval }}{{ .nummer }}{{ end }}", []string{
			"charts/c/templates/t.yaml:3:32: error: the contract defines no value approval.nummer for chart c [undefined-value]",
		}},
		{"an else that never runs", sound + "{{ if .Values.mode }}a{{ else }}b{{ end }}", []string{
			"charts/c/templates/t.yaml:3:23: warning: no environment and no test renders this branch (else) [unrendered-branch]",
		}},
		{"a define that nothing includes", sound + `{{ define "x" }}{{ end }}`, []string{
			`charts/c/templates/t.yaml:3:1: warning: nothing includes the template "x" [unrendered-branch]`,
		}},
		{"an API version", sound + `{{ if .Capabilities.APIVersions.Has "example.org/v1" }}a{{ else }}b{{ end }}`, nil},
		{"what a file in ci leads to", sound + `{{ if eq .Values.mode "ci" }}{{ end }}`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			repo := fstest.MapFS{
				"envs/cue.mod/module.cue":   {Data: []byte("module: \"gitlab.com/towpath/towpath/envs\"\nlanguage: version: \"v0.17.0\"\n")},
				"envs/contract/c.cue":       {Data: []byte(contract)},
				"charts/c/Chart.yaml":       {Data: []byte("apiVersion: v2\nname: c\nversion: 1.0.0\n")},
				"charts/c/values.yaml":      {Data: []byte("{on: false, mode: a, text: '', list: [], table: {one: 1, two: 2}, things: {}}")},
				"charts/c/templates/t.yaml": {Data: []byte(test.template)},
			}
			if strings.Contains(test.name, "in ci") {
				repo["charts/c/ci/mode.yaml"] = &fstest.MapFile{Data: []byte("mode: ci")}
			}
			if diff := cmp.Diff(test.want, chartLines(t, repo, "c")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func chartLines(t *testing.T, repo fs.FS, name string) []string {
	t.Helper()
	contract, err := loadContract(repo)
	if err != nil {
		t.Fatal(err)
	}
	c, err := chart.Load(repo, name)
	if err != nil {
		t.Fatal(err)
	}
	findings, err := chartAgainst(repo, cases.NewContract(contract), newSights(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range findings.Sort() {
		lines = append(lines, f.Error())
	}
	return lines
}

// BenchmarkChart watches each of the repository's charts.
func BenchmarkChart(b *testing.B) {
	repo := os.DirFS("../..")
	contract, err := loadContract(repo)
	if err != nil {
		b.Fatal(err)
	}
	entries, err := fs.ReadDir(repo, chart.Dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		c, err := chart.Load(repo, entry.Name())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.Name, func(b *testing.B) {
			for b.Loop() {
				findings, err := chartAgainst(repo, cases.NewContract(contract), newSights(c), nil)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(findings)), "findings")
				if testing.Verbose() {
					fmt.Println(findings)
				}
			}
		})
	}
}
