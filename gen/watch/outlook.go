package watch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Together adds what a rendering saw to what others did, nil if there was none, without
// making it count.
func Together(seen, tried *Seen) *Seen {
	if seen == nil {
		seen = newSeen()
	}
	seen.add(tried)
	return seen
}

// Outlook returns what a rendering saw of the conditions of branches that did not run,
// neither in it nor in what else was seen, and a text that is equal for renderings that
// saw the same of them: starting from one or from the other leads to the same branches.
func (w *Watcher) Outlook(seen, tried *Seen) (*Seen, string) {
	open := map[position]bool{}
	for _, b := range w.unrun(seen) {
		open[b.condition] = true
	}
	left := newSeen()
	var text strings.Builder
	for _, at := range slices.SortedFunc(maps.Keys(tried.conditions), position.compare) {
		if !open[at] {
			continue
		}
		c := tried.conditions[at]
		left.conditions[at] = c
		fmt.Fprintf(&text, "%s:%d:%d", at.Template, at.Line, at.Column)
		for _, set := range []map[string]bool{c.read, c.files} {
			for _, name := range slices.Sorted(maps.Keys(set)) {
				text.WriteString("\n" + name)
			}
			text.WriteByte('\n')
		}
	}
	return left, text.String()
}
