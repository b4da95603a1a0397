package watch

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"helm.sh/helm/v3/pkg/chartutil"

	"gitlab.com/towpath/towpath/gen/chart"
)

// set is a number of templates that were parsed together.
type set struct {
	template *template.Template
	recorder *recorder
	names    []string
	branches []Branch
	first    int // number of the first branch
	includes map[string]int

	// Where templates are steady, as [chart.IsSteady] says: what was included with the data
	// of the chart, and what that read.
	steady   bool
	data     map[string]any
	included map[string]included
}

// included is a template that was rendered once, and what it adds to the log wherever it
// is included again. Nothing else that is noted says how often or from where.
type included struct {
	text string
	log  []string
	done []position
}

func (s *set) addBranch(b Branch) int {
	s.branches = append(s.branches, b)
	return s.first + len(s.branches) - 1
}

func (s *set) addSpan(at span) int {
	s.recorder.spans = append(s.recorder.spans, at)
	return len(s.recorder.spans) - 1
}

func (s *set) addSite(at site) int {
	s.recorder.sites = append(s.recorder.sites, at)
	return len(s.recorder.sites) - 1
}

// render returns the texts of one release's templates, or of the named ones.
func (w *Watcher) render(r chart.Release, only []string) (rendered map[string]string, err error) {
	chrt, top, err := w.chart.Inputs(r)
	if err != nil {
		return nil, err
	}
	files := chart.Templates(chrt, top)
	s, err := w.parse(files)
	if err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("rendering: %v", r)
		}
	}()
	s.recorder.reset()
	s.begin(nil)
	if values, err := top.Table("Values"); err == nil {
		s.recorder.follow(map[string]any(values), nil)
	}
	rendered = map[string]string{}
	for _, name := range s.names {
		if strings.HasPrefix(path.Base(name), "_") || only != nil && !slices.Contains(only, name) {
			continue
		}
		s.recorder.file = name
		data := files[name].Data
		s.begin(data)
		data["Template"] = chartutil.Values{"Name": name, "BasePath": files[name].Base}
		var out strings.Builder
		if err := s.template.ExecuteTemplate(&out, name, data); err != nil {
			return nil, err
		}
		rendered[name] = strings.ReplaceAll(out.String(), "<no value>", "")
	}
	return rendered, nil
}

// parse parses the templates in the order of Helm's engine, in which later ones
// replace a define of the same name, and puts notes into them.
func (w *Watcher) parse(files map[string]chart.Template) (*set, error) {
	names := chart.Order(files)
	key := strings.Join(names, "\n")
	if s, ok := w.sets[key]; ok {
		return s, nil
	}
	s := &set{
		template: template.New("gotpl").Option("missingkey=zero"),
		names:    names, first: w.branches, includes: map[string]int{},
		recorder: &recorder{seen: w.seen, sites: make([]site, 1)}, // Site 0 is unknown.
	}
	all := s.recorder.observed(chart.Functions())
	all["include"], all["tpl"] = s.include(s.template), s.tpl(s.template)
	s.template.Funcs(all)
	for _, name := range names {
		if _, err := s.template.New(name).Parse(string(files[name].Text)); err != nil {
			return nil, err
		}
	}
	s.steady = chart.IsSteady(s.template)
	// In an order, so that every worker numbers the branches alike.
	trees := s.template.Templates()
	slices.SortFunc(trees, func(a, b *template.Template) int { return strings.Compare(a.Name(), b.Name()) })
	for _, t := range trees {
		if t.Tree == nil || t.Root == nil {
			continue
		}
		text := string(files[t.ParseName].Text)
		r := &rewriter{tree: t.Tree, text: text, set: s}
		if t.Name() == t.ParseName {
			r.list(t.Root)
		} else {
			r.body(t.Root, "define", t.Name(), position{})
		}
	}
	w.branches += len(s.branches)
	w.sets[key] = s
	return s, nil
}

// begin makes the set ready for a template with this data.
func (s *set) begin(data map[string]any) {
	if !isSame(s.data, data) {
		s.data, s.included = data, map[string]included{}
	}
}

func isSame(a, b map[string]any) bool { return address(a) == address(b) }

// include is Helm's: template as a function.
func (s *set) include(t *template.Template) func(string, any) (string, error) {
	return func(name string, data any) (string, error) {
		table, ofChart := data.(map[string]any)
		ofChart = ofChart && s.steady && isSame(table, s.data)
		r := s.recorder
		if ofChart {
			if again, ok := s.included[name]; ok {
				r.log = append(r.log, again.log...)
				for _, place := range again.done {
					r.doneIn(place)
				}
				return again.text, nil
			}
		}
		if s.includes[name] > 1000 {
			return "", fmt.Errorf("the template %s includes itself", name)
		}
		s.includes[name]++
		defer func() { s.includes[name]-- }()
		var out strings.Builder
		log, done := len(r.log), len(r.done)
		err := t.ExecuteTemplate(&out, name, data)
		if err == nil && ofChart {
			s.included[name] = included{out.String(), slices.Clone(r.log[log:]), slices.Clone(r.done[done:])}
		}
		return out.String(), err
	}
}

// tpl is Helm's: text as a template.
func (s *set) tpl(parent *template.Template) func(string, any) (string, error) {
	return func(text string, data any) (string, error) {
		t, err := parent.Clone()
		if err != nil {
			return "", err
		}
		t.Option("missingkey=zero")
		t.Funcs(template.FuncMap{"include": s.include(t), "tpl": s.tpl(t)})
		known := map[*parse.Tree]bool{}
		for _, old := range t.Templates() {
			known[old.Tree] = true
		}
		t, err = t.New(parent.Name()).Parse(text)
		if err != nil {
			return "", err
		}
		for _, added := range t.Templates() {
			if added.Tree != nil && !known[added.Tree] {
				(&rewriter{tree: added.Tree, set: s, silent: true}).list(added.Root)
			}
		}
		var out strings.Builder
		if err := t.Execute(&out, data); err != nil {
			return "", err
		}
		return strings.ReplaceAll(out.String(), "<no value>", ""), nil
	}
}
