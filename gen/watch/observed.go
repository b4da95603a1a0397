package watch

import (
	"fmt"
	"reflect"
	"text/template"
)

// keyed are the functions that read keys of a table by name.
var keyed = map[string]bool{"index": true, "get": true, "hasKey": true, "dig": true, "pluck": true, "pick": true}

// passing are the functions that hand on what they are given, or only test it,
// so that what is then read of it is still seen.
var passing = map[string]bool{
	"default": true, "empty": true, "coalesce": true, "ternary": true, "required": true, "all": true, "any": true,
	"kindOf": true, "kindIs": true, "typeOf": true, "typeIs": true, "typeIsLike": true,
	"dict": true, "set": true, "unset": true, "keys": true, "include": true, "tpl": true,
	"list": true, "tuple": true, "first": true, "last": true, "initial": true, "rest": true, "append": true, "prepend": true,
	"push": true, "concat": true, "reverse": true, "compact": true, "slice": true, "chunk": true, "fail": true,
	// Their own values were noted where they were read.
	seeFields: true, seeSite: true, seeEach: true, seeWhole: true, seeBranch: true, seeBegin: true, seeEnd: true,
}

// observed returns the functions, each noting what it reads of the values.
func (r *recorder) observed(functions template.FuncMap) template.FuncMap {
	all := template.FuncMap{}
	for name, function := range functions {
		all[name] = function
		if !passing[name] && !keyed[name] {
			all[name] = r.wholeArguments(function)
		}
	}
	// What text/template has built in prints tables too.
	for name, function := range map[string]any{"print": fmt.Sprint, "printf": fmt.Sprintf, "println": fmt.Sprintln} {
		all[name] = r.wholeArguments(function)
	}
	for name := range keyed {
		if name == "index" {
			all[name] = r.index
			continue
		}
		all[name] = r.before(functions[name], func(args []any) { r.keys(name, args) })
	}
	all["values"] = r.before(functions["values"], func(args []any) { r.each(args[0]) })
	all["set"] = r.before(functions["set"], func(args []any) { r.sets(args) })
	// Not any, as what is behind an interface has lost its address, and with it
	// the methods of its pointer.
	all[seeFields] = func(at int, v reflect.Value) reflect.Value { r.fields(plain(v), at); return v }
	all[seeSite] = func(at int, v reflect.Value) reflect.Value { r.site = at; return v }
	all[seeEach] = func(v reflect.Value) reflect.Value { r.each(plain(v)); return v }
	all[seeWhole] = func(v reflect.Value) reflect.Value { r.whole(plain(v), 3); return v }
	all[seeBegin] = func() string { r.begun = append(r.begun, len(r.log)); return "" }
	all[seeEnd] = func(at int, v reflect.Value) reflect.Value { r.end(at); return v }
	all[seeBranch] = func(id int) string { r.seen.branches[id] = true; return "" }
	return all
}

// wholeArguments notes that a function uses all of its arguments.
func (r *recorder) wholeArguments(function any) any {
	all := func(args []any) {
		for _, arg := range args {
			r.whole(arg, 3)
		}
	}
	switch f := function.(type) { // The most common ones without reflection, which is slow.
	case func(any) string:
		return func(v any) string { r.whole(v, 3); return f(v) }
	case func(...any) string:
		return func(args ...any) string { all(args); return f(args...) }
	case func(string, ...any) string:
		return func(text string, args ...any) string { all(args); return f(text, args...) }
	}
	t := reflect.TypeOf(function)
	tables := false
	for i := range t.NumIn() {
		in := t.In(i)
		if t.IsVariadic() && i == t.NumIn()-1 {
			in = in.Elem()
		}
		switch in.Kind() {
		case reflect.Interface, reflect.Map, reflect.Slice:
			tables = true
		}
	}
	if !tables {
		return function
	}
	return r.before(function, all)
}

// before returns a function of the same type that calls note first.
func (r *recorder) before(function any, note func(args []any)) any {
	v := reflect.ValueOf(function)
	return reflect.MakeFunc(v.Type(), func(in []reflect.Value) []reflect.Value {
		var args []any
		for i, arg := range in {
			if v.Type().IsVariadic() && i == len(in)-1 {
				for j := range arg.Len() {
					args = append(args, arg.Index(j).Interface())
				}
				break
			}
			args = append(args, arg.Interface())
		}
		note(args)
		if v.Type().IsVariadic() {
			return v.CallSlice(in)
		}
		return v.Call(in)
	}).Interface()
}

// keys notes the keys that a call of one of the keyed functions reads.
func (r *recorder) keys(function string, args []any) {
	place := r.sites[r.site].position
	r.site = 0
	text := func(v any) string { s, _ := v.(string); return s }
	switch {
	case len(args) < 2:
	case function == "get", function == "hasKey":
		r.key(args[0], text(args[1]), place)
	case function == "pluck":
		for _, table := range args[1:] {
			r.key(table, text(args[0]), place)
		}
	case function == "pick":
		for _, name := range args[1:] {
			r.key(args[0], text(name), place)
			if v, ok := child(args[0], text(name)); ok {
				r.whole(v, 0)
			}
		}
	case function == "dig": // keys, a default, the table
		v := args[len(args)-1]
		for _, name := range args[:len(args)-2] {
			r.key(v, text(name), place)
			next, ok := child(v, text(name))
			if !ok || next == nil {
				return
			}
			v = next
		}
	}
}

// sets notes that a template gives a key of the values a value itself.
func (r *recorder) sets(args []any) {
	path, ok := r.path(args[0])
	name, isText := args[1].(string)
	if ok && isText {
		r.seen.set[id(join(path, name))] = true
	}
}

// index is text/template's function of that name, with a note of what it reads.
func (r *recorder) index(v reflect.Value, indexes ...reflect.Value) (reflect.Value, error) {
	place := r.sites[r.site].position
	r.site = 0
	v = concrete(v)
	if !v.IsValid() {
		return reflect.Value{}, fmt.Errorf("index of untyped nil")
	}
	for _, i := range indexes {
		i = concrete(i)
		if v.Kind() == reflect.Pointer && v.IsNil() {
			return reflect.Value{}, fmt.Errorf("index of nil pointer")
		}
		v = reflect.Indirect(v)
		switch v.Kind() {
		case reflect.Array, reflect.Slice, reflect.String:
			n, err := offset(i, v.Len())
			if err != nil {
				return reflect.Value{}, err
			}
			v = v.Index(n)
		case reflect.Map:
			if !i.IsValid() || !i.Type().AssignableTo(v.Type().Key()) {
				return reflect.Value{}, fmt.Errorf("value has wrong type for a key; should be %s", v.Type().Key())
			}
			if i.Kind() == reflect.String {
				r.key(v.Interface(), i.String(), place)
			}
			elem := v.MapIndex(i)
			if !elem.IsValid() {
				elem = reflect.Zero(v.Type().Elem())
			}
			v = elem
		case reflect.Invalid:
			return reflect.Value{}, fmt.Errorf("index of untyped nil")
		default:
			return reflect.Value{}, fmt.Errorf("can't index item of type %s", v.Type())
		}
		v = concrete(v)
	}
	return v, nil
}

// plain returns the value, nil if there is none.
func plain(v reflect.Value) any {
	if !v.IsValid() || !v.CanInterface() {
		return nil
	}
	return v.Interface()
}

func concrete(v reflect.Value) reflect.Value {
	if v.IsValid() && v.Kind() == reflect.Interface {
		return v.Elem()
	}
	return v
}

func offset(i reflect.Value, length int) (int, error) {
	var n int64
	switch {
	case i.IsValid() && i.CanInt():
		n = i.Int()
	case i.IsValid() && i.CanUint():
		n = int64(i.Uint())
	default:
		return 0, fmt.Errorf("cannot index slice/array with what is no number")
	}
	if n < 0 || n >= int64(length) {
		return 0, fmt.Errorf("index out of range: %d", n)
	}
	return int(n), nil
}
