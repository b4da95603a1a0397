package diff

import "gitlab.com/towpath/towpath/gen/finding"

// generators tells what differs because another gen rendered the state before from
// what differs because the state does.
type generators struct {
	// note says which gen it was.
	note finding.Note
	// tool has, by object, the fields that the two gens render in another way from the
	// state before, and state those that differ between the states for one gen. The
	// field "" is the object as a whole, which came or went.
	tool, state map[string]map[string]bool
}

// newGenerators returns nil if the same gen rendered both states.
func newGenerators(from, to state) *generators {
	if from.tool == "" {
		return nil
	}
	return &generators{
		note: finding.Note{Message: from.tool + " rendered it otherwise"},
		tool: touched(from.objects, from.again), state: touched(from.again, to.objects),
	}
}

// touched returns the fields that differ, by the key of the object before and after.
func touched(before, after []*object) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	note := func(o *object, field string) {
		if o == nil {
			return
		}
		if all[o.key] == nil {
			all[o.key] = map[string]bool{}
		}
		all[o.key][field] = true
	}
	for _, p := range match(before, after) {
		if p.before == nil || p.after == nil {
			note(p.before, "")
			note(p.after, "")
			continue
		}
		for _, e := range edits(p.after.root, p.before.data(), p.after.data()) {
			note(p.before, e.path.String())
			note(p.after, e.path.String())
		}
	}
	return all
}

// causes returns those of a field, or of the object as a whole for "": the other gen's
// doing, the state's, which other finds, or both.
func (g *generators) causes(p pair, field string, other func() []finding.Note) []finding.Note {
	if g == nil {
		return other()
	}
	in := func(all map[string]map[string]bool) bool {
		return p.before != nil && all[p.before.key][field] || p.after != nil && all[p.after.key][field]
	}
	switch {
	case !in(g.tool):
		return other()
	case !in(g.state):
		return []finding.Note{g.note}
	default:
		return append(other(), g.note)
	}
}
