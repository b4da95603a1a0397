package diff

import (
	"slices"
	"strconv"

	"gitlab.com/towpath/towpath/gen/document"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/values"
)

// value is one value of a release that changed.
type value struct {
	edit
	places []finding.Position
	// objects are the ids of those that change with it.
	objects map[string]bool
	// rendered are the fields of each object that change with it, if that was found
	// by rendering.
	rendered map[string]map[string]bool
}

// at is the value's path in the state where it is.
func (v value) at() []string {
	if v.change == Removed {
		return v.from
	}
	return v.to
}

// read sets the values of the state's release to those that its chart gets.
func (s *state) read() error {
	if s.release == nil || !s.release.Values.Exists() {
		return nil
	}
	tree, err := s.release.Tree()
	if err == nil {
		var ok bool
		if s.values, ok = document.With(document.AsWritten, tree); ok {
			return nil
		}
	}
	text, err := values.Encode(s.env, *s.release) // It has the words for an error.
	if err != nil {
		return err
	}
	s.values, err = document.Unmarshal(text, document.AsWritten, false)
	return err
}

// changedValues returns the values that differ, leaf by leaf. Of a release that is
// on one side only those count that the environment sets.
func changedValues(before, after map[string]any, from, to *environment.Release) []value {
	masked := func(tree map[string]any) map[string]any { return fieldsOf(mask(nowhere, "", false, tree)) }
	var changed []value
	for _, e := range edits(nowhere, masked(before), masked(after)) {
		for _, leaf := range expand(e) {
			v := value{edit: leaf, objects: map[string]bool{}, rendered: map[string]map[string]bool{}}
			release := to
			if leaf.change == Removed {
				release = from
			}
			own := false
			v.places, own = placesOf(release, v.at())
			if own || from != nil && to != nil {
				changed = append(changed, v)
			}
		}
	}
	slices.SortStableFunc(changed, func(a, b value) int { return comparePaths(a.path.String(), b.path.String()) })
	return changed
}

// expand makes one change of each leaf of a struct that is added or removed.
func expand(e edit) []edit {
	tree, isMap := e.after.(map[string]any)
	if e.change == Removed {
		tree, isMap = e.before.(map[string]any)
	}
	if !isMap || e.change == Changed || len(tree) == 0 {
		return []edit{e}
	}
	var leaves []edit
	for name, child := range tree {
		next := edit{
			path: e.path.field(name), change: e.change,
			from: append(slices.Clip(e.from), name), to: append(slices.Clip(e.to), name),
		}
		if e.change == Removed {
			next.before = child
		} else {
			next.after = child
		}
		if canon(nowhere, child) != "" {
			leaves = append(leaves, expand(next)...)
		}
	}
	return leaves
}

// placesOf returns the lines of CUE that set a value, and whether they are the
// environment's own rather than the contract's.
func placesOf(release *environment.Release, path []string) (places []finding.Position, own bool) {
	if release == nil || !release.Values.Exists() {
		return nil, false
	}
	v, _ := environment.Find(release.Values, path)
	origins := environment.Origins(v)
	if len(origins) == 0 {
		return nil, false
	}
	own = !origins[0].Contract()
	for _, concrete := range []bool{true, false} {
		for _, o := range origins {
			if o.Contract() != own && (o.Concrete() || !concrete) {
				places = append(places, o.Label)
			}
		}
		if places != nil {
			break
		}
	}
	return places, own
}

// touches reports whether what a template reads at a path is the value or a part
// of it, or has it as a part.
func (v value) touches(read []string) bool {
	path := v.at()
	for i := range min(len(path), len(read)) {
		if path[i] != read[i] {
			return isIndex(path[i]) && !isIndex(read[i])
		}
	}
	return len(read) > 0
}

func isIndex(name string) bool { _, err := strconv.Atoi(name); return err == nil }

// name is the value's path as people write it.
func (v value) name() string { return v.path.String() }

// message of a note about the value.
func (v value) message() string { return "the value " + v.name() }
