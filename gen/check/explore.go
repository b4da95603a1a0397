package check

import (
	"io/fs"
	"path"

	"gitlab.com/towpath/towpath/gen/cases"
	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/watch"
)

// mostTried is how many made-up cases are rendered, at most, for one chart: a second
// or two of work. Charts in order need a few dozen.
const mostTried = 600

// explorer looks for cases that lead a chart's templates to what they did not do yet.
//
// Rendering takes a millisecond or two and asking the contract takes longer, so it
// asks only about cases that showed something new. And it does not try what there
// is: a branch that did not run has a condition, which read some values. Those are
// what it changes.
type explorer struct {
	repo     fs.FS
	watcher  *watch.Watcher
	chart    *chart.Chart
	fields   *cases.Field
	switches *cases.Switches
	seen     *watch.Seen

	bases []base
	tried int
	// known are the values that are known to decide on a branch, done the settings
	// that were tried for it.
	known map[reason]bool
	done  map[attempt]bool
}

// base is a case that the contract accepts, and what it showed.
type base struct {
	cases.Case
	variant variant
	seen    *watch.Seen
}

// variant is what templates may ask for besides values.
type variant struct {
	name, version string
	everyAPI      bool
}

func variants(c *chart.Chart) []variant {
	versions := kubernetes.Versions()
	var all []variant
	for _, version := range []string{versions[0], versions[len(versions)-1]} {
		for _, name := range []string{"example", c.Name} {
			for _, everyAPI := range []bool{false, true} {
				all = append(all, variant{name, version + ".0", everyAPI})
			}
		}
	}
	return all
}

func (e *explorer) request(made cases.Case, v variant) chart.Release {
	r := chart.Release{Name: v.name, Namespace: e.chart.Name, Values: made.Files(), KubernetesVersion: v.version}
	if v.everyAPI {
		r.APIVersions = e.watcher.Seen().APIVersions
	}
	return r
}

// start begins from what was seen of the releases of some environments, and of the
// defaults. It reports false if a release can't be rendered.
func (e *explorer) start(s *sights, environments []string) (ok bool) {
	all, ok := s.bases(environments)
	if !ok {
		return false
	}
	// An error is one of defaults that are refused by themselves, as an image
	// without a tag.
	defaults := base{cases.Case{Values: map[string]any{}}, variants(e.chart)[0], nil}
	defaults.seen, _ = e.watcher.Try(e.request(defaults.Case, defaults.variant), nil)
	e.watcher.Add(defaults.seen)
	e.bases = append([]base{defaults}, all...)
	e.seen = e.watcher.Seen()
	for _, b := range e.bases {
		for _, r := range e.reasons(b.seen) {
			e.known[r] = true
		}
	}
	return true
}

// tests renders the chart's own files of values.
func (e *explorer) tests() error {
	if e.complete() {
		return nil
	}
	names, err := fs.Glob(e.repo, path.Join(e.chart.Path(), "ci", "*.yaml"))
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := fs.ReadFile(e.repo, name)
		if err != nil {
			return err
		}
		r := e.request(cases.Case{}, variants(e.chart)[0])
		r.Values = [][]byte{data}
		_ = e.watcher.Render(r) // What was read before an error was read.
	}
	e.seen = e.watcher.Seen()
	return nil
}

// complete reports whether nothing is left to find.
func (e *explorer) complete() bool {
	return len(e.seen.Unrendered()) == 0 && len(unread(e.seen, e.fields)) == 0
}
