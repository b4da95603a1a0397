package diff

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// pair is one object in both states; one of them may be nil.
type pair struct{ before, after *object }

// match finds the objects that are the same in both states: those of the same name,
// and of the rest those of the same kind that are most alike.
func match(before, after []*object) []pair {
	byKey := map[string][]*object{}
	for _, o := range before {
		byKey[o.key] = append(byKey[o.key], o)
	}
	var pairs []pair
	var come []*object
	for _, o := range after {
		// A name that is there twice is an error, which others report.
		if same := byKey[o.key]; len(same) > 0 {
			pairs = append(pairs, pair{same[0], o})
			byKey[o.key] = same[1:]
			continue
		}
		come = append(come, o)
	}
	var gone []*object
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		gone = append(gone, byKey[key]...)
	}
	for _, renamed := range renames(gone, come) {
		pairs = append(pairs, renamed)
		gone = slices.DeleteFunc(gone, func(o *object) bool { return o == renamed.before })
		come = slices.DeleteFunc(come, func(o *object) bool { return o == renamed.after })
	}
	for _, o := range gone {
		pairs = append(pairs, pair{before: o})
	}
	for _, o := range come {
		pairs = append(pairs, pair{after: o})
	}
	return pairs
}

// alike is how much of two objects has to be the same for one to count as the
// other under a new name.
const alike = 0.6

// renames pairs objects that are gone with such as have come, the most alike first.
func renames(gone, come []*object) []pair {
	type candidate struct {
		pair
		score float64
	}
	var candidates []candidate
	for _, b := range gone {
		for _, a := range come {
			if b.groupKind() != a.groupKind() {
				continue
			}
			score := likeness(b.root, content(b), content(a))
			if stem(b.name) == stem(a.name) && b.namespace == a.namespace && b.hook() == a.hook() {
				score++ // Its content is part of its name, so that both change.
			}
			if score >= alike {
				candidates = append(candidates, candidate{pair{b, a}, score})
			}
		}
	}
	slices.SortFunc(candidates, func(x, y candidate) int {
		return cmp.Or(cmp.Compare(y.score, x.score), cmp.Compare(x.before.key, y.before.key), cmp.Compare(x.after.key, y.after.key))
	})
	var pairs []pair
	taken := map[*object]bool{}
	for _, c := range candidates {
		if !taken[c.before] && !taken[c.after] {
			taken[c.before], taken[c.after] = true, true
			pairs = append(pairs, c.pair)
		}
	}
	return pairs
}

// content is an object without what names it, and what all of its kind have.
func content(o *object) map[string]any {
	data := maps.Clone(o.data())
	delete(data, "apiVersion")
	delete(data, "kind")
	metadata := maps.Clone(fieldsOf(data["metadata"]))
	delete(metadata, "name")
	delete(metadata, "namespace")
	data["metadata"] = metadata
	return data
}

var hash = regexp.MustCompile(`^(.+)-([0-9a-f]{6,64}|[bcdfghjklmnpqrstvwxz2456789]{8,10})$`)

// stem is a name without the hash at its end, or the name itself.
func stem(name string) string {
	if m := hash.FindStringSubmatch(name); m != nil && strings.ContainsAny(m[2], "0123456789") {
		return m[1]
	}
	return name
}

// isHashed reports whether two names differ in the hash at their ends only.
func isHashed(a, b string) bool { return a != b && a != stem(a) && stem(a) == stem(b) }

// likeness is the part of what two values hold that is the same, from 0 to 1.
func likeness(p *place, a, b any) float64 {
	x, y := map[string]int{}, map[string]int{}
	n := leaves(p, "", a, x) + leaves(p, "", b, y)
	same := 0
	for leaf, count := range x {
		same += 2 * min(count, y[leaf])
	}
	if n == 0 {
		return 1
	}
	return float64(same) / float64(n)
}

// leaves counts what a value holds, by path and value. Items of lists are counted
// wherever they stand.
func leaves(p *place, path string, v any, into map[string]int) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			if canonField(p, v, name) != "" {
				n += leaves(p.field(name), path+"."+name, v[name], into)
			}
		}
		return n
	case []any:
		for _, item := range v {
			n += leaves(p.item(), path+"[]", item, into)
		}
		return n
	case string:
		if strings.Count(v, "\n") > 2 { // A file counts line by line.
			for line := range strings.Lines(v) {
				into[path+"="+line]++
				n++
			}
			return n
		}
	}
	into[fmt.Sprintf("%s=%s", path, canon(p, v))]++
	return 1
}
