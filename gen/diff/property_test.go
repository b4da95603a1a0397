package diff

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// random makes objects, the same for the same seed.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 7))} }

// value makes what a place takes. Names and texts are few, so that two objects have
// much in common.
func (r random) value(p *place, depth int) any {
	switch {
	case p.t.IsQuantity():
		return []any{"1", "1000m", "1Gi", "1024Mi", json.Number("2")}[r.IntN(5)]
	case p.t.IsIntOrString():
		return []any{"http", "80", json.Number("80"), "25%"}[r.IntN(4)]
	}
	kind := p.t.JSON()
	if kind == "" {
		kind = []string{"object", "array", "string", "integer"}[r.IntN(4)]
	}
	switch kind {
	case "object":
		object := map[string]any{}
		names := p.t.Fields()
		if len(names) == 0 {
			names = []string{"a", "b", "c.d/e"}
		}
		for range min(len(names), 1+r.IntN(6)) {
			name := names[r.IntN(len(names))]
			if depth < 9 {
				object[name] = r.value(p.field(name), depth+1)
			}
		}
		for _, name := range []string{"template", "spec", "metadata", "containers", "rules", "egress", "ingress"} {
			if slices.Contains(names, name) && depth < 9 && r.IntN(4) > 0 {
				object[name] = r.value(p.field(name), depth+1)
			}
		}
		return object
	case "array":
		list := []any{}
		for range r.IntN(4) {
			item := r.value(p.item(), depth+1)
			if object, ok := item.(map[string]any); ok {
				for _, key := range append(p.t.Keys(), keyed[p.owner]...) {
					if r.IntN(5) > 0 {
						object[key] = r.value(p.item().field(key), depth+1)
					}
				}
			}
			list = append(list, item)
		}
		return list
	case "boolean":
		return r.IntN(2) == 0
	case "integer", "number":
		return []any{json.Number("0"), json.Number("1"), json.Number("30"), 3.0}[r.IntN(4)]
	}
	return []any{"a", "b", "c", "", "TCP", "1h", "60m"}[r.IntN(7)]
}

// changed returns a copy with some of it made anew.
func (r random) changed(p *place, v any, depth int) any {
	if r.IntN(12) == 0 {
		if r.IntN(6) == 0 {
			return nil
		}
		return r.value(p, depth)
	}
	switch v := v.(type) {
	case map[string]any:
		object := map[string]any{}
		for _, name := range sortedNames(v) {
			if r.IntN(12) > 0 {
				object[name] = r.changed(p.field(name), v[name], depth+1)
			}
		}
		return object
	case []any:
		list := []any{}
		for _, item := range v {
			switch r.IntN(12) {
			case 0:
			case 1:
				list = append(list, r.value(p.item(), depth+1))
				fallthrough
			default:
				if next := r.changed(p.item(), item, depth+1); next != nil {
					list = append(list, next)
				}
			}
		}
		if r.IntN(4) == 0 {
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
		return list
	}
	return v
}

// shuffled returns a copy with lists of which only the content counts in another
// order.
func (r random) shuffled(p *place, v any) any {
	switch v := v.(type) {
	case map[string]any:
		object := map[string]any{}
		for _, name := range sortedNames(v) {
			object[name] = r.shuffled(p.field(name), v[name])
		}
		return object
	case []any:
		list := []any{}
		for _, item := range v {
			list = append(list, r.shuffled(p.item(), item))
		}
		if kind, _ := listOf(p, v); kind != sequence && !p.pod {
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		}
		return list
	}
	return v
}

func sortedNames(object map[string]any) []string {
	var names []string
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// twoObjects makes an object and what becomes of it.
func twoObjects(api *kubernetes.API, seed uint64) (r random, before, after manifest.Object) {
	r = newRandom(seed)
	all := append(slices.Clone(kinds), "shop.example/v1 Shop")
	apiVersion, kind, _ := strings.Cut(all[r.IntN(len(all))], " ")
	root := rootOf(api, apiVersion, kind, "")
	named := func(v any) manifest.Object {
		data := fieldsOf(v)
		if data == nil {
			data = map[string]any{}
		}
		data["apiVersion"], data["kind"] = apiVersion, kind
		metadata := fieldsOf(data["metadata"])
		if metadata == nil {
			metadata = map[string]any{}
		}
		metadata["name"], metadata["namespace"] = "web", "prod"
		data["metadata"] = metadata
		return manifest.Object{APIVersion: apiVersion, Kind: kind, Name: "web", Namespace: "prod", Data: data}
	}
	x := r.value(root, 0)
	return r, named(x), named(r.changed(root, x, 0))
}

func TestApplied(t *testing.T) {
	if testing.Short() {
		t.Skip("it compares thousands of random objects")
	}
	api, err := kubernetes.Open("1.33")
	if err != nil {
		t.Fatal(err)
	}
	differ := 0
	for seed := range uint64(2000) {
		_, before, after := twoObjects(api, seed)
		b, a := enter(api, before, "prod"), enter(api, after, "prod")
		changes := edits(a.root, b.data(), a.data())
		if len(changes) > 0 {
			differ++
		}
		if got, want := canon(a.root, apply(a.root, b.data(), changes)), canon(a.root, a.data()); got != want {
			for _, e := range changes {
				t.Logf("%s %s: %s", e.change, e.path, arrow(show(e.before), show(e.after)))
			}
			t.Fatalf("seed %d: before with the changes is not after:\n%s", seed, cmp.Diff(strings.Split(want, ","), strings.Split(got, ",")))
		}
		if again := edits(a.root, a.data(), enter(api, after, "prod").data()); len(again) > 0 {
			t.Fatalf("seed %d: an object differs from itself: %v", seed, again)
		}
	}
	if differ < 500 {
		t.Errorf("only %d of the objects differ", differ)
	}
}

func TestShuffled(t *testing.T) {
	if testing.Short() {
		t.Skip("it compares hundreds of random states")
	}
	api, err := kubernetes.Open("1.33")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(200) {
		r, before, after := twoObjects(api, seed)
		_, other, next := twoObjects(api, seed+100000)
		other.Name, next.Name = "other", "other"
		shuffle := func(o manifest.Object) manifest.Object {
			o.Data = fieldsOf(r.shuffled(rootOf(api, o.APIVersion, o.Kind, ""), o.Data))
			return o
		}
		want := encoded(t, []manifest.Object{before, other}, []manifest.Object{after, next})
		got := encoded(t, []manifest.Object{shuffle(other), shuffle(before)}, []manifest.Object{shuffle(next), shuffle(after)})
		if got != want {
			t.Fatalf("seed %d: the order of the input counts:\n%s", seed, cmp.Diff(strings.Split(want, ","), strings.Split(got, ",")))
		}
		if same := encoded(t, []manifest.Object{before, other}, []manifest.Object{shuffle(other), shuffle(before)}); strings.Contains(same, `"change":"changed"`) {
			t.Fatalf("seed %d: an order that means nothing is a change: %s", seed, same)
		}
	}
}

// node is a list while changes are made to it: indices stay as they were.
type node struct {
	items []any
	gone  map[int]bool
	come  map[int]any
	order *edit
}

// apply makes the changes to a copy of an object.
func apply(root *place, before any, changes []edit) any {
	tree := opened(before)
	for _, e := range changes {
		at := tree
		for _, name := range e.from[:len(e.from)-1] {
			switch v := at.(type) {
			case map[string]any:
				at = v[name]
			case *node:
				n, _ := strconv.Atoi(name)
				at = v.items[n]
			}
		}
		last := e.from[len(e.from)-1]
		if e.order {
			var list any
			if v, ok := at.(map[string]any); ok {
				list = v[last]
			} else {
				n, _ := strconv.Atoi(last)
				list = at.(*node).items[n]
			}
			list.(*node).order = &e
			continue
		}
		switch v := at.(type) {
		case map[string]any:
			if v[last] = opened(e.after); e.change == Removed {
				delete(v, last)
			}
		case *node:
			n, _ := strconv.Atoi(last)
			switch e.change {
			case Added:
				v.come[n] = opened(e.after)
			case Removed:
				v.gone[n] = true
			default:
				v.items[n] = opened(e.after)
			}
		default:
			panic(fmt.Sprintf("%s leads nowhere", e.path))
		}
	}
	return closed(root, tree)
}

func opened(v any) any {
	switch v := v.(type) {
	case map[string]any:
		object := map[string]any{}
		for name, value := range v {
			object[name] = opened(value)
		}
		return object
	case []any:
		n := &node{gone: map[int]bool{}, come: map[int]any{}}
		for _, item := range v {
			n.items = append(n.items, opened(item))
		}
		return n
	}
	return v
}

func closed(p *place, v any) any {
	switch v := v.(type) {
	case map[string]any:
		object := map[string]any{}
		for name, value := range v {
			object[name] = closed(p.field(name), value)
		}
		return object
	case *node:
		list := []any{}
		for i, item := range v.items {
			if !v.gone[i] {
				list = append(list, closed(p.item(), item))
			}
		}
		var places []int
		for i := range v.come {
			places = append(places, i)
		}
		slices.Sort(places)
		for _, i := range places {
			list = slices.Insert(list, min(i, len(list)), closed(p.item(), v.come[i]))
		}
		if v.order == nil {
			return list
		}
		kind, keys := listOf(p, list)
		if kind == byValue {
			return v.order.after
		}
		if keys == nil {
			keys = []string{"name"}
		}
		slices.SortStableFunc(list, func(a, b any) int {
			place := func(item any) int {
				return slices.Index(v.order.after.([]any), any(keyOf(p, item.(map[string]any), keys)))
			}
			return place(a) - place(b)
		})
		return list
	}
	return v
}
