package check

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"golang.org/x/sync/errgroup"

	"gitlab.com/towpath/towpath/gen/cases"
	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/render"
	"gitlab.com/towpath/towpath/gen/watch"
)

// charts are the charts of releases, with what was seen of them.
type charts struct {
	renderer *render.Renderer
	mu       sync.Mutex
	byName   map[string]*sights
}

// add watches the chart of a release being rendered. One that is not produced from the
// contract is left out.
func (c *charts) add(env *environment.Environment, release environment.Release, request chart.Release) {
	if release.Foreign {
		return
	}
	if s := c.sights(release.Chart); s != nil {
		s.add(env.Name, orderOf(release.Name, release.Helm), request)
	}
}

// sights returns what was seen of a chart, nil if the chart can't be loaded: that is
// reported with the releases.
func (c *charts) sights(name string) *sights {
	loaded, err := c.renderer.Chart(name)
	if err != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.byName[name]
	if !ok {
		s = newSights(loaded)
		c.byName[name] = s
	}
	return s
}

// findings holds the charts of the selected environments against the contract;
// if all environments are selected, every chart of the contract. A chart that a
// release can't be rendered with is left out: that is reported already, and what
// its templates read can't be known.
func (c *charts) findings(repo fs.FS, all, selected []*environment.Environment) (finding.List, error) {
	var names, environments []string
	for _, env := range all {
		environments = append(environments, env.Name)
	}
	used := map[string]bool{}
	for _, env := range selected {
		for _, release := range env.Releases {
			if !release.Foreign && !used[release.Chart] {
				used[release.Chart] = true
				names = append(names, release.Chart)
			}
		}
	}
	value, err := loadContract(repo)
	if err != nil {
		return nil, nil //nolint:nilerr // Reported with the environments.
	}
	contract := cases.NewContract(value)
	if len(all) == len(selected) {
		names = append(names, contract.Charts()...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	findings := make([]finding.List, len(names))
	var group errgroup.Group
	for i, name := range names {
		group.Go(func() error {
			s := c.sights(name)
			if s == nil {
				return nil
			}
			var err error
			findings[i], err = chartAgainst(repo, contract, s, environments)
			return err
		})
	}
	err = group.Wait()
	return slices.Concat(findings...), err
}

func loadContract(repo fs.FS) (cue.Value, error) {
	inst, err := environment.LoadContract(repo)
	if err != nil {
		return cue.Value{}, err
	}
	if inst.Err != nil {
		return cue.Value{}, inst.Err
	}
	v := cuecontext.New().BuildInstance(inst)
	return v, v.Err()
}

// chartAgainst reports values of the contract that no template of the chart reads, those
// that a template reads and the contract does not define, and branches of
// templates that nothing renders.
//
// It starts from what was seen of the releases of the environments, and goes on with the
// chart's own defaults, with the files of values in its folder ci, and with cases that
// are made up from the contract, until there is nothing left to find.
func chartAgainst(repo fs.FS, contract *cases.Contract, s *sights, environments []string) (finding.List, error) {
	c := s.chart
	e := &explorer{
		repo: repo, watcher: s.watcher, chart: c, fields: contract.Fields(c.Name),
		known: map[reason]bool{}, done: map[attempt]bool{},
	}
	if !e.start(s, environments) {
		return nil, nil
	}
	decided := true
	if !e.complete() {
		var err error
		if e.switches, err = contract.Switches(c.Name); err != nil {
			return nil, nil //nolint:nilerr // The contract says nothing of the chart.
		}
		if decided, err = e.explore(); err != nil {
			return nil, err
		}
	}
	findings := chartFindings(c, e.seen, e.fields, contract.Approval(), decided)
	if len(findings) > 0 && e.switches != nil {
		for _, u := range e.switches.Unknown() {
			findings = append(findings, finding.Finding{
				Rule: "missing-example", Severity: finding.Warning, Position: u.Position,
				Message: fmt.Sprintf("no value of %s for chart %s can be made up that the contract accepts", u.Path, c.Name),
				Help:    "give one behind the field: @example(TEXT)",
			})
		}
	}
	return findings, nil
}

func chartFindings(c *chart.Chart, seen *watch.Seen, fields, approval *cases.Field, decided bool) finding.List {
	var findings finding.List
	for _, f := range unread(seen, fields) {
		what := "the value " + strings.Join(f.Path, ".")
		if len(f.Fields) > 0 {
			what += ", with all below it,"
		}
		found := finding.Finding{
			Rule: "unread-value", Severity: finding.Error, Position: f.Position, Width: len(f.Name),
			Message: fmt.Sprintf("%s is read by no template of chart %s", what, c.Name),
			Help:    "read it in a template, or take it out of the contract",
		}
		if !decided {
			found.Severity = finding.Warning
			found.Message = fmt.Sprintf("no case was found in which a template of chart %s reads %s", c.Name, what)
			found.Help = fmt.Sprintf("if one does, add a file of values that leads there to %s/ci; or else take it out of the contract", c.Path())
		}
		findings = append(findings, found)
	}
	for _, asked := range seen.Asked() {
		defined, names, undefined := fields.Undefined(asked.Path)
		switch asked.Path[0] {
		case "global":
			continue // Helm's own, which any chart may read.
		case approval.Name:
			defined, names, undefined = approval.Undefined(asked.Path[1:])
			defined++
		}
		if !undefined {
			continue
		}
		name := asked.Path[defined]
		f := finding.Finding{
			Rule: "undefined-value", Severity: finding.Error,
			Position: finding.Position{File: path.Join(c.Path(), asked.File), Line: asked.Line, Column: asked.Column},
			Message:  fmt.Sprintf("the contract defines no value %s for chart %s", strings.Join(asked.Path[:defined+1], "."), c.Name),
			Help:     finding.DidYouMean(name, names),
			Width:    len(name),
		}
		if len(names) <= 12 {
			f.Allowed = strings.Join(names, ", ")
		}
		if f.Help == "" {
			f.Help = "define it in envs/contract"
		}
		findings = append(findings, f)
	}
	for _, b := range seen.Unrendered() {
		f := finding.Finding{
			Rule: "unrendered-branch", Severity: finding.Warning,
			Position: finding.Position{File: path.Join(c.Path(), b.File()), Line: b.Line, Column: b.Column},
			Message:  fmt.Sprintf("no environment and no test renders this branch (%s)", b.Kind),
			Help:     fmt.Sprintf("take it out, or add a file of values that leads here to %s/ci", c.Path()),
		}
		if b.Kind == "define" {
			f.Message = fmt.Sprintf("nothing includes the template %q", b.Name)
			f.Help = "take it out, or include it"
		}
		findings = append(findings, f)
	}
	return findings
}

// unread returns the values that were not read; a table of which none was, in
// place of what is in it.
func unread(seen *watch.Seen, f *cases.Field) []*cases.Field {
	if len(f.Fields) == 0 {
		if len(f.Path) == 0 || seen.Read(f.Path) {
			return nil
		}
		return []*cases.Field{f}
	}
	var all []*cases.Field
	whole := len(f.Path) > 0
	for _, child := range f.Fields {
		below := unread(seen, child)
		whole = whole && len(below) == 1 && below[0] == child
		all = append(all, below...)
	}
	if whole && f.Position.IsValid() {
		return []*cases.Field{f}
	}
	return all
}
