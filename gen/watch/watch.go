// Package watch renders charts to see what their templates read. It renders as
// Helm does, but in templates that it has put notes into: at each field that is
// read, and at the beginning of each branch. What is read is known by where it
// lies in memory, so that a value is recognised whichever way a template came by
// it: by with, range, a variable, a dict handed to another template, or a
// function.
//
// What is rendered is of no use here; package chart renders with Helm's own
// engine. A test makes sure that both render the same.
package watch

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/chart"
)

// position is a place in a template by Helm's name of the file.
type position struct {
	Template     string
	Line, Column int
}

// Branch is a part of a template that runs or not: a body of if, with, range,
// else or define.
type Branch struct {
	position
	// Kind is if, with, range, else or define.
	Kind string
	// Name is that of a define.
	Name string
	// Refuses tells that the branch ends in fail whenever it runs.
	Refuses bool

	from, to  int      // offsets of the branch
	condition position // of the pipeline that decides whether it runs
}

// Seen is what templates were seen to do. Paths are joined by a separator; see
// [Seen.Asked] and [Seen.Read].
type Seen struct {
	// APIVersions are those that templates ask .Capabilities for.
	APIVersions []string

	asked    map[string]position // paths that were asked for by name, with one place
	read     map[string]bool     // single values that were read
	each     map[string]bool     // tables that were gone through
	whole    map[string]bool     // tables and lists that were used with all below
	set      map[string]bool     // paths that a template wrote itself
	branches map[int]bool        // branches that ran, by their number
	// conditions are the pipelines that decide on branches, by their places.
	conditions map[position]condition
	// unrendered are the branches that did not, ordered.
	unrendered []Branch
}

// condition is what happened where a pipeline decided whether a branch runs.
type condition struct {
	read  map[string]bool // paths
	files map[string]bool // for which of the chart's files it ran
}

func newSeen() *Seen {
	return &Seen{
		nil, map[string]position{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{},
		map[int]bool{}, map[position]condition{}, nil,
	}
}

func id(path []string) string { return strings.Join(path, separator) }

// Watcher renders one chart again and again, and gathers what is seen. It must
// not be used by several goroutines at once.
type Watcher struct {
	chart *chart.Chart
	seen  *Seen
	// sets are the templates of the chart, parsed, by their names: which of its
	// dependencies belong to it depends on the release.
	sets     map[string]*set
	branches int
}

// New returns a watcher of a chart.
func New(c *chart.Chart) *Watcher {
	return &Watcher{chart: c, seen: newSeen(), sets: map[string]*set{}}
}

// Render renders the chart for a release. What was read before an error counts.
func (w *Watcher) Render(r chart.Release) error {
	seen, err := w.Try(r, nil)
	w.Add(seen)
	return err
}

// Try renders the chart for a release that may be given up: what is seen counts
// only when it is added. Of the chart's files, only those named are rendered; nil is
// all.
func (w *Watcher) Try(r chart.Release, files []string) (*Seen, error) {
	before := *w.seen
	*w.seen = *newSeen()
	w.seen.APIVersions = before.APIVersions
	_, err := w.render(r, files)
	tried := *w.seen
	before.APIVersions = tried.APIVersions
	*w.seen = before
	return &tried, err
}

// Add makes count what a rendering saw.
func (w *Watcher) Add(tried *Seen) { w.seen.add(tried) }

func (s *Seen) add(tried *Seen) {
	for path, place := range tried.asked {
		if old, ok := s.asked[path]; !ok || less(place, old) {
			s.asked[path] = place
		}
	}
	for i, notes := range tried.notes() {
		maps.Copy(s.notes()[i], notes)
	}
	maps.Copy(s.branches, tried.branches)
}

// News reports whether a rendering saw anything that was not seen before.
func (w *Watcher) News(tried *Seen) bool {
	for path := range tried.asked {
		if _, ok := w.seen.asked[path]; !ok {
			return true
		}
	}
	for i, notes := range tried.notes() {
		if adds(notes, w.seen.notes()[i]) {
			return true
		}
	}
	return adds(tried.branches, w.seen.branches)
}

func (s *Seen) notes() []map[string]bool {
	return []map[string]bool{s.read, s.each, s.whole, s.set}
}

// adds reports whether a has a key that b does not.
func adds[K comparable](a, b map[K]bool) bool {
	for key := range a {
		if !b[key] {
			return true
		}
	}
	return false
}

// Seen returns what was seen so far.
func (w *Watcher) Seen() *Seen {
	seen := *w.seen
	seen.unrendered = w.unrun(&seen)
	slices.SortFunc(seen.unrendered, func(a, b Branch) int {
		return cmp.Or(strings.Compare(a.Template, b.Template), cmp.Compare(a.from, b.from))
	})
	return &seen
}

// unrun returns the branches that did not run.
func (w *Watcher) unrun(seen *Seen) []Branch {
	ran := map[Branch]bool{}
	for _, s := range w.sets {
		for i, b := range s.branches {
			ran[b] = ran[b] || seen.branches[s.first+i]
		}
	}
	var unrun []Branch
	for b, ran := range ran {
		if !ran {
			unrun = append(unrun, b)
		}
	}
	return unrun
}

func (p position) compare(other position) int {
	return cmp.Or(strings.Compare(p.Template, other.Template), cmp.Compare(p.Line, other.Line), cmp.Compare(p.Column, other.Column))
}

func less(a, b position) bool {
	// A place that is not known is the worst.
	if (a.Template == "") != (b.Template == "") {
		return a.Template != ""
	}
	if a.Template != b.Template {
		return a.Template < b.Template
	}
	return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
}

// Asked is a path below .Values that a template asked for by name.
type Asked struct {
	Path []string
	// File is relative to the chart's folder, "" if it is not known.
	File         string
	Line, Column int
}

// Asked returns every path that a template of the chart itself asked for and did
// not set, ordered by path.
func (s *Seen) Asked() []Asked {
	var all []Asked
	for _, id := range slices.Sorted(maps.Keys(s.asked)) {
		file := file(s.asked[id])
		if s.set[id] || strings.HasPrefix(file, "charts/") {
			continue
		}
		all = append(all, Asked{strings.Split(id, separator), file, s.asked[id].Line, s.asked[id].Column})
	}
	return all
}

// Read reports whether a single value, or a list of such, was read. A "*" in its
// path stands for any key.
func (s *Seen) Read(path []string) bool {
	if matches(s.read, path) || matches(s.whole, path) {
		return true
	}
	for n := range path {
		if matches(s.whole, path[:n]) {
			return true
		}
	}
	return len(path) > 0 && matches(s.each, path[:len(path)-1])
}

func matches(ids map[string]bool, path []string) bool {
	if !slices.Contains(path, "*") {
		return ids[id(path)]
	}
	for id := range ids {
		got := strings.Split(id, separator)
		if slices.EqualFunc(got, path, func(key, want string) bool { return want == "*" || key == want }) {
			return true
		}
	}
	return false
}

// Unrendered returns the branches of the chart itself that never ran, and lie in
// no other such branch, ordered by file and line. Branches that only refuse are
// left out: they are there for what is refused before.
func (s *Seen) Unrendered() []Branch {
	var all []Branch
	for _, b := range s.unrendered {
		if b.Refuses || strings.HasPrefix(b.File(), "charts/") {
			continue
		}
		within := slices.ContainsFunc(all, func(outer Branch) bool {
			return outer.Template == b.Template && outer.from <= b.from && b.to <= outer.to
		})
		if !within {
			all = append(all, b)
		}
	}
	return all
}

// Decided returns the values that a rendering read to decide whether a branch runs,
// and the files that it came there from; ok is false if it did not.
func (s *Seen) Decided(b Branch) (paths [][]string, files []string, ok bool) {
	c, ok := s.conditions[b.condition]
	read := slices.Sorted(maps.Keys(c.read))
	for _, path := range read {
		// A table was read on the way to what is in it.
		if !slices.ContainsFunc(read, func(below string) bool { return strings.HasPrefix(below, path+separator) }) {
			paths = append(paths, strings.Split(path, separator))
		}
	}
	return paths, slices.Sorted(maps.Keys(c.files)), ok
}

// File returns the branch's file relative to the chart's folder.
func (b Branch) File() string { return file(b.position) }

func file(p position) string {
	_, rel, ok := strings.Cut(p.Template, "/")
	if !ok {
		return ""
	}
	return path.Clean(rel)
}
