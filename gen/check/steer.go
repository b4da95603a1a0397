package check

import (
	"fmt"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/cases"
	"gitlab.com/towpath/towpath/gen/watch"
)

// target is something not seen yet, with the values that decide on it in a case in
// which it was within reach.
type target struct {
	name  string
	base  base
	paths [][]string
	files []string // of the chart, that lead there
}

// reason is a value that decides on a target.
type reason struct{ target, path string }

// attempt is a setting that was tried for a target; alone, on this base.
type attempt struct {
	target  string
	setting cases.Setting
	base    *watch.Seen
}

// targets returns what was not seen yet, each in the last case in which it was
// within reach; or first in the first such case, where less stands in the way.
// Values come after branches, which read most of them.
func (e *explorer) targets(first bool) []target {
	var all []target
	for _, b := range e.seen.Unrendered() {
		var within []target
		for _, base := range e.bases {
			if paths, files, ok := base.seen.Decided(b); ok {
				within = append(within, target{branchName(b), base, paths, files})
			}
		}
		if len(within) > 0 && first {
			all = append(all, within[0])
		}
		if len(within) > 0 {
			all = append(all, within[len(within)-1])
		}
	}
	if len(all) > 0 && !first {
		return all
	}
	for _, f := range unread(e.seen, e.fields) {
		path := f.Path
		if i := slices.IndexFunc(path, func(key string) bool { return key == cases.AnyKey || key == cases.Element }); i >= 0 {
			path = path[:i]
		}
		all = append(all, target{strings.Join(f.Path, "."), e.bases[0], [][]string{path}, nil})
	}
	return all
}

func branchName(b watch.Branch) string {
	return fmt.Sprintf("%s:%d:%d %s", b.File(), b.Line, b.Column, b.Kind)
}

// explore looks for what was not seen yet. It reports whether what it did not find
// is not there.
func (e *explorer) explore() (decided bool, err error) {
	for {
		if err := e.steer(); err != nil || e.complete() {
			return true, err
		}
		before := len(e.bases)
		if all := e.deepen(); e.complete() || len(e.bases) == before || !all {
			// What a branch that never ran would read is not known.
			return all && len(e.seen.Unrendered()) == 0, nil
		}
	}
}

// steer changes the values that decide on what was not seen: many of them at once,
// then one at a time where changes stand in each other's way, and then what is no
// value.
func (e *explorer) steer() error {
	for e.together() {
	}
	if err := e.tests(); err != nil {
		return err
	}
	for e.alone() {
	}
	e.vary()
	return nil
}

// change is some settings changed in a base, for targets that some files lead to.
type change struct {
	base     base
	settings []cases.Setting
	files    []string
}

// together tries one more setting for each target, those of one base in one case. It
// reports whether there was any.
func (e *explorer) together() (more bool) {
	var changes []*change
	for _, t := range e.targets(false) {
		i := slices.IndexFunc(changes, func(c *change) bool { return c.base.seen == t.base.seen })
		if i < 0 {
			i = len(changes)
			changes = append(changes, &change{base: t.base, files: []string{}})
		}
		c := changes[i]
		s, ok := e.next(t, nil, c.settings)
		if !ok {
			continue
		}
		if !slices.Contains(c.settings, s) {
			c.settings = append(c.settings, s)
		}
		switch {
		case t.files == nil || c.files == nil:
			c.files = nil
		case !slices.ContainsFunc(t.files, func(file string) bool { return slices.Contains(c.files, file) }):
			c.files = append(c.files, t.files[0]) // Others most likely do the same.
		}
	}
	for _, c := range changes {
		if len(c.settings) == 0 {
			continue
		}
		if e.complete() || e.tried > mostTried {
			return false
		}
		more = true
		e.try(e.switches.Case(c.base.Case, c.settings...), c.base.variant, c.files, func() (cases.Case, bool) {
			return e.switches.Mend(c.base.Case, nil, c.settings...)
		})
	}
	return more
}

// alone tries one more setting for one target. It reports whether there was any.
func (e *explorer) alone() (more bool) {
	for _, t := range e.targets(true) {
		if e.tried > mostTried {
			return false
		}
		if s, ok := e.next(t, t.base.seen, nil); ok {
			e.try(e.switches.Case(t.base.Case, s), t.base.variant, t.files, func() (cases.Case, bool) {
				return e.switches.Mend(t.base.Case, &s)
			})
			return true
		}
	}
	return false
}

// next returns a setting that was not tried for a target yet, and does not stand in
// the way of others.
func (e *explorer) next(t target, base *watch.Seen, others []cases.Setting) (cases.Setting, bool) {
	for _, s := range e.switches.Others(t.base.Case, t.paths) {
		tried := attempt{t.name, s, base}
		if e.done[tried] || slices.ContainsFunc(others, func(o cases.Setting) bool { return o != s && s.SameSwitch(o) }) {
			continue
		}
		e.done[tried] = true
		return s, true
	}
	return cases.Setting{}, false
}

// vary changes what is no value, in the cases in which targets are within reach.
func (e *explorer) vary() {
	varied := map[*watch.Seen]bool{}
	for _, t := range e.targets(false) {
		if varied[t.base.seen] {
			continue
		}
		varied[t.base.seen] = true
		for _, v := range variants(e.chart) {
			if e.complete() || e.tried > mostTried {
				return
			}
			// That the base is valid is known already.
			e.try(t.base.Case, v, nil, func() (cases.Case, bool) { return t.base.Case, true })
		}
	}
}

// try renders a case. If that shows anything new, and the contract accepts it or
// something like it, it counts, and more can be changed from there. Only the named
// files of the chart are rendered; nil is all.
func (e *explorer) try(made cases.Case, v variant, files []string, mend func() (cases.Case, bool)) {
	e.tried++
	seen, _ := e.watcher.Try(e.request(made, v), files) // What was read before an error was read.
	if !e.leads(seen) {
		return
	}
	mended, ok := mend()
	if !ok {
		return
	}
	if mended.Name != made.Name {
		seen, _ = e.watcher.Try(e.request(mended, v), files)
		if !e.leads(seen) {
			return
		}
	}
	for _, r := range e.reasons(seen) {
		e.known[r] = true
	}
	e.watcher.Add(seen)
	e.bases = append(e.bases, base{mended, v, seen})
	e.seen = e.watcher.Seen()
}

// leads reports whether a rendering saw anything new, or came closer to it: a
// condition asks for its second value once the first is right.
func (e *explorer) leads(seen *watch.Seen) bool {
	return e.watcher.News(seen) || slices.ContainsFunc(e.reasons(seen), func(r reason) bool { return !e.known[r] })
}

// reasons returns the values that decided on targets.
func (e *explorer) reasons(seen *watch.Seen) []reason {
	var all []reason
	for _, b := range e.seen.Unrendered() {
		paths, _, _ := seen.Decided(b)
		for _, path := range paths {
			all = append(all, reason{branchName(b), strings.Join(path, ".")})
		}
	}
	return all
}

// deepen looks on where steering ends: at every switch by itself, and at every two
// of those that have a part in what is missing. It reports whether that was
// everything.
func (e *explorer) deepen() (all bool) {
	limit := e.tried + mostTried
	for _, b := range []base{e.bases[0], e.bases[len(e.bases)-1]} {
		for _, s := range e.switches.Others(b.Case, nil) {
			if e.complete() {
				return true
			}
			if e.tried > limit {
				return false
			}
			e.try(e.switches.Case(b.Case, s), b.variant, nil, func() (cases.Case, bool) { return e.switches.Mend(b.Case, &s) })
		}
	}
	var paths [][]string
	for _, t := range e.targets(true) {
		paths = append(paths, t.paths...)
	}
	v := e.bases[0].variant
	e.switches.Pairs(cases.Case{}, paths,
		func(made cases.Case) bool {
			e.tried++
			seen, _ := e.watcher.Try(e.request(made, v), nil)
			return e.tried <= limit && e.leads(seen)
		},
		func(made cases.Case) (more bool) {
			e.try(made, v, nil, func() (cases.Case, bool) { return made, true })
			return !e.complete() && e.tried <= limit
		})
	return e.tried <= limit
}
