package intake

import (
	"reflect"
	"slices"
	"strings"

	yaml "sigs.k8s.io/yaml/goyaml.v3"

	"gitlab.com/towpath/towpath/gen/finding"
)

// table is a map of values in the order in which somebody wrote it.
type table struct {
	keys   []string
	fields map[string]*entry
}

// entry is one key of a table with what stands behind it.
type entry struct {
	at       finding.Position
	comments comments
	// value is what Helm reads, nil for null; a table has it too.
	value any
	// table is set if value is a map.
	table *table
	// yaml is where the value was written, if that is known.
	yaml *yaml.Node
}

// comments are those of one key, as they stand in YAML.
type comments struct{ head, line, foot string }

func newTable() *table { return &table{fields: map[string]*entry{}} }

func (t *table) set(key string, e *entry) {
	if _, ok := t.fields[key]; !ok {
		t.keys = append(t.keys, key)
	}
	t.fields[key] = e
}

// tableOf joins what Helm read with where it was written.
func tableOf(tree map[string]any, n *yaml.Node, file string) *table {
	t := newTable()
	written := pairs(n)
	for _, p := range written {
		if value, ok := tree[p.key.Value]; ok {
			t.set(p.key.Value, entryOf(value, p, file))
		}
	}
	var rest []string
	for key := range tree {
		if t.fields[key] == nil {
			rest = append(rest, key) // Helm reads the key otherwise than it stands there: yes is true.
		}
	}
	slices.Sort(rest)
	for _, key := range rest {
		t.set(key, entryOf(tree[key], pair{}, file))
	}
	return t
}

func entryOf(value any, p pair, file string) *entry {
	e := &entry{value: value, yaml: resolve(p.value)}
	if p.key != nil {
		e.at = finding.Position{File: file, Line: p.key.Line, Column: p.key.Column}
		e.comments = comments{p.key.HeadComment, joinLines(p.key.LineComment, p.value.LineComment), joinLines(p.key.FootComment, p.value.FootComment)}
		if p.value.Kind == yaml.ScalarNode || p.value.Kind == yaml.AliasNode {
			e.comments.head = joinLines(e.comments.head, p.value.HeadComment)
		}
	}
	if tree, ok := value.(map[string]any); ok {
		e.table = tableOf(tree, e.yaml, file)
	}
	return e
}

// pair is a key of a map in YAML with its value.
type pair struct{ key, value *yaml.Node }

// pairs returns the keys of a map, those that it merges in last. Of a key that is
// there twice it returns the last.
func pairs(n *yaml.Node) []pair {
	if n = resolve(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var own, merged []pair
	at := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		p := pair{n.Content[i], n.Content[i+1]}
		if p.key.Tag == "!!merge" {
			from := []*yaml.Node{p.value}
			if list := resolve(p.value); list != nil && list.Kind == yaml.SequenceNode {
				from = list.Content
			}
			for _, one := range from {
				merged = append(merged, pairs(one)...)
			}
			continue
		}
		if j, twice := at[p.key.Value]; twice {
			own[j] = p
			continue
		}
		at[p.key.Value] = len(own)
		own = append(own, p)
	}
	for _, p := range merged {
		if _, ok := at[p.key.Value]; !ok {
			at[p.key.Value] = len(own)
			own = append(own, p)
		}
	}
	return own
}

// over lays a table over another as Helm lays one file of values over another: maps
// key by key, everything else as a whole.
func over(base, top *table) *table {
	out := newTable()
	for _, key := range base.keys {
		out.set(key, base.fields[key])
	}
	for _, key := range top.keys {
		e := top.fields[key]
		below := base.fields[key]
		if below != nil {
			merged := *e
			merged.comments = comments{
				joinLines(below.comments.head, e.comments.head), joinLines(below.comments.line, e.comments.line),
				joinLines(below.comments.foot, e.comments.foot),
			}
			if below.table != nil && e.table != nil {
				merged.table = over(below.table, e.table)
				merged.value = merged.table.tree()
			} else if !same(below.value, e.value) {
				merged.comments = e.comments // The others speak of another value.
			}
			e = &merged
		}
		out.set(key, e)
	}
	return out
}

// tree returns the table as Helm has it.
func (t *table) tree() map[string]any {
	tree := make(map[string]any, len(t.keys))
	for _, key := range t.keys {
		e := t.fields[key]
		if e.table != nil {
			tree[key] = e.table.tree()
		} else {
			tree[key] = e.value
		}
	}
	return tree
}

// order brings the keys into an order that has all of them.
func (t *table) order(keys []string) {
	var ordered []string
	for _, key := range keys {
		if t.fields[key] != nil {
			ordered = append(ordered, key)
		}
	}
	t.keys = ordered
}

// find returns the entry at a path, or the nearest above it that has a place.
func (t *table) find(path []string) *entry {
	var nearest *entry
	for _, name := range path {
		if t == nil || t.fields[name] == nil {
			break
		}
		e := t.fields[name]
		if e.at.IsValid() {
			nearest = e
		}
		t = e.table
	}
	return nearest
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }

// joinLines joins comments, a repetition once.
func joinLines(parts ...string) string {
	var kept []string
	for _, part := range parts {
		if part != "" && !slices.Contains(kept, part) {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "\n")
}
