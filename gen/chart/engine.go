package chart

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"
	"text/template"

	helm "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

// Template is a template of a chart, or of one that it depends on.
type Template struct {
	Text []byte
	// Base is the folder of the templates, as Helm names it.
	Base string
	// Data is what Helm calls the template with.
	Data map[string]any
}

// Templates finds the templates of a chart and its dependencies by Helm's names of
// them, and makes the data of each, as Helm's engine does. The arguments are what
// [Chart.Inputs] returns.
func Templates(c *helm.Chart, top chartutil.Values) map[string]Template {
	all := map[string]Template{}
	collect(c, all, top)
	return all
}

func collect(c *helm.Chart, all map[string]Template, parent chartutil.Values) map[string]any {
	dependencies := map[string]any{}
	data := map[string]any{
		"Chart": struct {
			helm.Metadata
			IsRoot bool
		}{*c.Metadata, c.IsRoot()},
		"Files":        newFiles(c.Files),
		"Release":      parent["Release"],
		"Capabilities": parent["Capabilities"],
		"Values":       make(chartutil.Values),
		"Subcharts":    dependencies,
	}
	if c.IsRoot() {
		data["Values"] = parent["Values"]
	} else if values, err := parent.Table("Values." + c.Name()); err == nil {
		data["Values"] = values
	}
	for _, dep := range c.Dependencies() {
		dependencies[dep.Name()] = collect(dep, all, data)
	}
	for _, t := range c.Templates {
		partial := strings.HasPrefix(path.Base(t.Name), "_")
		if strings.EqualFold(c.Metadata.Type, "library") && !partial {
			continue
		}
		all[path.Join(c.ChartFullPath(), t.Name)] = Template{t.Data, path.Join(c.ChartFullPath(), "templates"), data}
	}
	return data
}

// Order returns the names of templates in the order in which Helm's engine parses
// and renders them: a define replaces an earlier one of the same name.
func Order(templates map[string]Template) []string {
	names := make([]string, 0, len(templates))
	for name := range templates {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := strings.Count(b, "/") - strings.Count(a, "/"); d != 0 {
			return d
		}
		return strings.Compare(b, a)
	})
	return names
}

// execute returns what the templates render to, by Helm's names of them.
//
// Helm's engine parses all templates for every release again. They are parsed once
// here, and rendered with the same functions. Whatever goes wrong with that is
// Helm's to tell: it then renders the release itself, with inputs of its own, as
// templates may have written to those that were used.
func (c *Chart) execute(r Release, chrt *helm.Chart, top chartutil.Values) (map[string]string, error) {
	if rendered, err := c.engine.render(Templates(chrt, top)); err == nil {
		return rendered, nil
	}
	chrt, top, err := c.Inputs(r)
	if err != nil {
		return nil, err
	}
	return engine.Engine{}.Render(chrt, top)
}

// parsedTemplates are the templates of one chart. Which of its dependencies belong
// to it depends on the release, so there may be several sets of them.
type parsedTemplates struct {
	mu   sync.Mutex
	sets map[string]*templateSet // by their names
	// parses counts the sets that were parsed.
	parses int
}

// templateSet is a set of templates, parsed, with copies of it that nobody renders
// with now: their functions know which copy they belong to.
type templateSet struct {
	parsed *template.Template
	steady bool // see [IsSteady]
	idle   []*executor
}

// executor renders templates, for one release at a time.
type executor struct {
	template *template.Template
	includes map[string]int // that run now, against recursion

	// Where templates are steady: what was included with the data of the chart.
	steady   bool
	data     map[string]any
	included map[string]string
}

func (p *parsedTemplates) render(templates map[string]Template) (rendered map[string]string, err error) {
	names := Order(templates)
	set, x, err := p.take(names, templates)
	if err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("rendering: %v", r)
		}
	}()
	rendered = make(map[string]string, len(names))
	var out strings.Builder
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), "_") {
			continue
		}
		data := templates[name].Data
		data["Template"] = chartutil.Values{"Name": name, "BasePath": templates[name].Base}
		out.Reset()
		x.begin(data)
		if err := x.template.ExecuteTemplate(&out, name, data); err != nil {
			return nil, err // What has failed is not used again.
		}
		rendered[name] = withoutMissing(out.String())
	}
	x.begin(nil)
	p.mu.Lock()
	defer p.mu.Unlock()
	set.idle = append(set.idle, x)
	return rendered, nil
}

// withoutMissing removes what text/template writes for a key that is not there.
func withoutMissing(text string) string { return strings.ReplaceAll(text, "<no value>", "") }

// take returns the parsed templates of the given names, and an executor of them.
func (p *parsedTemplates) take(names []string, templates map[string]Template) (*templateSet, *executor, error) {
	key := strings.Join(names, "\n")
	p.mu.Lock()
	defer p.mu.Unlock()
	set, ok := p.sets[key]
	if !ok {
		parsed, err := parseTemplates(names, templates)
		if err != nil {
			return nil, nil, err
		}
		p.parses++
		if p.sets == nil {
			p.sets = map[string]*templateSet{}
		}
		set = &templateSet{parsed: parsed, steady: IsSteady(parsed)}
		p.sets[key] = set
	}
	if last := len(set.idle) - 1; last >= 0 {
		x := set.idle[last]
		set.idle = set.idle[:last]
		return set, x, nil
	}
	x, err := newExecutor(set.parsed)
	if err == nil {
		x.steady = set.steady
	}
	return set, x, err
}

// missingKey is the option that Helm sets; clones of a template lose it.
const missingKey = "missingkey=zero"

func parseTemplates(names []string, templates map[string]Template) (*template.Template, error) {
	t := template.New("gotpl").Option(missingKey).Funcs(Functions()).Funcs((&executor{}).functions(nil))
	for _, name := range names {
		if _, err := t.New(name).Parse(string(templates[name].Text)); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func newExecutor(parsed *template.Template) (*executor, error) {
	t, err := parsed.Clone()
	if err != nil {
		return nil, err
	}
	x := &executor{template: t, includes: map[string]int{}}
	t.Option(missingKey).Funcs(x.functions(t))
	return x, nil
}

// begin makes the executor ready for a template with this data.
func (x *executor) begin(data map[string]any) {
	if x.steady && !isSame(x.data, data) {
		x.data, x.included = data, map[string]string{}
	}
}

// isSame reports whether two maps are one.
func isSame(a, b map[string]any) bool {
	return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}

// functions are those that render other templates.
func (x *executor) functions(t *template.Template) template.FuncMap {
	return template.FuncMap{"include": x.include(t), "tpl": x.tpl(t)}
}

// deepest is how often Helm lets a template include itself.
const deepest = 1000

// include is Helm's: a template as a function.
func (x *executor) include(t *template.Template) func(string, any) (string, error) {
	return func(name string, data any) (string, error) {
		table, ofChart := data.(map[string]any)
		ofChart = ofChart && x.steady && isSame(table, x.data)
		if ofChart {
			if text, ok := x.included[name]; ok {
				return text, nil
			}
		}
		if x.includes[name] > deepest {
			return "", errors.New("the template includes itself")
		}
		x.includes[name]++
		defer func() { x.includes[name]-- }()
		var out strings.Builder
		err := t.ExecuteTemplate(&out, name, data)
		if err == nil && ofChart {
			x.included[name] = out.String()
		}
		return out.String(), err
	}
}

// tpl is Helm's: a text as a template.
func (x *executor) tpl(parent *template.Template) func(string, any) (string, error) {
	return func(text string, data any) (string, error) {
		t, err := parent.Clone()
		if err != nil {
			return "", err
		}
		t.Option(missingKey).Funcs(x.functions(t))
		if t, err = t.New(parent.Name()).Parse(text); err != nil {
			return "", err
		}
		var out strings.Builder
		if err := t.Execute(&out, data); err != nil {
			return "", err
		}
		return withoutMissing(out.String()), nil
	}
}
