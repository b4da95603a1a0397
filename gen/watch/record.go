package watch

import (
	"maps"
	"reflect"
)

// separator joins the keys of a path where it is a key of a map itself. It is a
// sign that no key of YAML has.
const separator = "\x00"

// Element stands in a path for any element of a list.
const Element = "[]"

// recorder notes what templates do with the values of one rendering.
type recorder struct {
	sites  []site
	values map[uintptr][]string // tables and lists of the values, by their address
	seen   *Seen
	// site is the place of the call that runs next, 0 if that is not known.
	site int

	file   string // of the chart that is rendered now
	spans  []span
	log    []string                   // paths in the order in which they are read
	begun  []int                      // where in the log the pipelines began that still run
	done   []position                 // of the pipelines that ended
	behind map[string]map[string]bool // paths that were read for a variable
}

// span is a pipeline on which branches or variables depend.
type span struct {
	place       position
	uses, gives []string // variables
}

// reset forgets the last rendering.
func (r *recorder) reset() {
	r.values = map[uintptr][]string{}
	r.behind = map[string]map[string]bool{}
	r.log, r.begun, r.done, r.site = r.log[:0], r.begun[:0], r.done[:0], 0
}

// end notes what was read from where a pipeline began.
func (r *recorder) end(at int) {
	last := len(r.begun) - 1
	from := r.begun[last]
	r.begun = r.begun[:last]
	s := r.spans[at]
	reads := map[string]bool{}
	for _, path := range r.log[from:] {
		reads[path] = true
	}
	for _, name := range s.uses {
		maps.Copy(reads, r.behind[name])
	}
	if s.place.Template != "" {
		c, ok := r.seen.conditions[s.place]
		if !ok {
			c = condition{map[string]bool{}, map[string]bool{}}
			r.seen.conditions[s.place] = c
		}
		maps.Copy(c.read, reads)
		r.doneIn(s.place)
	}
	for _, name := range s.gives {
		if r.behind[name] == nil {
			r.behind[name] = map[string]bool{}
		}
		maps.Copy(r.behind[name], reads)
	}
}

// doneIn notes that a pipeline ran for the file that is rendered now.
func (r *recorder) doneIn(place position) {
	r.seen.conditions[place].files[r.file] = true
	r.done = append(r.done, place)
}

// site is a place in a template.
type site struct {
	position
	// names are those that are read there, one of the other, with the column of
	// each.
	names   []string
	columns []int
}

// follow remembers which addresses are part of the values.
func (r *recorder) follow(v any, path []string) {
	switch v := v.(type) {
	case map[string]any:
		r.values[address(v)] = path
		for key, child := range v {
			r.follow(child, join(path, key))
		}
	case []any:
		if len(v) == 0 {
			return // All empty lists are one.
		}
		r.values[address(v)] = path
		for _, child := range v {
			r.follow(child, join(path, Element))
		}
	}
}

func join(path []string, key string) []string {
	return append(path[:len(path):len(path)], key)
}

func address(v any) uintptr { return reflect.ValueOf(v).Pointer() }

// path returns where in the values a table or list lies, if it is of them.
func (r *recorder) path(v any) (path []string, ok bool) {
	value := reflect.ValueOf(v)
	switch value.Kind() {
	case reflect.Map:
	case reflect.Slice:
		if value.Len() == 0 {
			return nil, false
		}
	default:
		return nil, false
	}
	path, ok = r.values[value.Pointer()]
	return path, ok
}

// fields notes that the names are read of v, each of what the one before gave.
func (r *recorder) fields(v any, at int) {
	s := r.sites[at]
	for i, name := range s.names {
		place := s.position
		place.Column = s.columns[i]
		r.key(v, name, place)
		next, ok := child(v, name)
		if !ok {
			return
		}
		v = next
	}
}

// key notes that the key of a table is read.
func (r *recorder) key(v any, name string, place position) {
	table, ok := r.path(v)
	if !ok {
		return
	}
	path := join(table, name)
	key := id(path)
	r.log = append(r.log, key)
	if old, known := r.seen.asked[key]; !known || less(place, old) {
		r.seen.asked[key] = place
	}
	if next, _ := child(v, name); !isTable(next) {
		r.seen.read[key] = true
	}
}

// each notes that a table or list is gone through: what is below it is read as
// far as it can't be followed.
func (r *recorder) each(v any) {
	path, ok := r.path(v)
	if !ok {
		return
	}
	value := reflect.ValueOf(v)
	if value.Kind() == reflect.Slice {
		r.seen.read[id(join(path, Element))] = true
		return
	}
	r.seen.each[id(path)] = true
	r.log = append(r.log, id(path))
	for _, key := range value.MapKeys() {
		if elem := value.MapIndex(key); key.Kind() == reflect.String && !isTable(elem.Interface()) {
			r.seen.read[id(join(path, key.String()))] = true
		}
	}
}

// whole notes that v is used with all that is below it. What templates made
// themselves is looked through for what they took from the values.
func (r *recorder) whole(v any, depth int) {
	if path, ok := r.path(v); ok {
		r.seen.whole[id(path)] = true
		r.log = append(r.log, id(path))
		return
	}
	if depth == 0 {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		if r.isTop(v) {
			return // What every template is called with says nothing.
		}
		for _, elem := range v {
			r.whole(elem, depth-1)
		}
	case []any:
		for _, elem := range v {
			r.whole(elem, depth-1)
		}
	}
}

// isTop reports whether v is what Helm calls the templates with.
func (r *recorder) isTop(v map[string]any) bool {
	_, values := v["Values"]
	_, capabilities := v["Capabilities"]
	return values && capabilities
}

// child returns the value of a key, if v is a table.
func child(v any, name string) (any, bool) {
	value := reflect.ValueOf(v)
	if value.Kind() != reflect.Map || value.Type().Key().Kind() != reflect.String {
		return nil, false
	}
	elem := value.MapIndex(reflect.ValueOf(name).Convert(value.Type().Key()))
	if !elem.IsValid() {
		return nil, true
	}
	return elem.Interface(), true
}

func isTable(v any) bool {
	return v != nil && reflect.TypeOf(v).Kind() == reflect.Map
}
