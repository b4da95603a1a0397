package diff

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"gitlab.com/towpath/towpath/gen/document"
	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/render"
)

// mostRenders is the number of values that are tried one by one. It takes a few
// milliseconds each.
const mostRenders = 50

// effects finds the objects that change with values to which no field was led
// back: the release is rendered with each as it was before. Without that, a value
// that a template reads in a way that blame can't follow would be said to alter
// nothing. Of a release that comes or goes, all fields are led back. It reports
// whether rendering found anything.
func effects(c *causer, api *kubernetes.API, pairs []pair) (found bool) {
	if c.from.release == nil || c.to.release == nil {
		for _, p := range pairs {
			c.leaves(p, nil, cmp.Or(p.after, p.before).data())
		}
		return false
	}
	if c.to.repo == nil || c.from.release.Chart != c.to.release.Chart {
		return false
	}
	var renderer *render.Renderer
	tried := 0
	for _, v := range c.values {
		if len(v.objects) > 0 || tried == mostRenders {
			continue
		}
		tried++
		if renderer == nil {
			renderer = render.New(c.to.repo)
		}
		for id, fields := range c.effect(renderer, api, v) {
			v.objects[id], v.rendered[id] = true, fields
			found = true
		}
	}
	return found
}

// leaves notes the values that each field of an object comes from, one that is
// there on one side only.
func (c *causer) leaves(p pair, path []string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			c.leaves(p, append(slices.Clip(path), name), value)
		}
	case []any:
		for i, item := range v {
			c.leaves(p, append(slices.Clip(path), strconv.Itoa(i)), item)
		}
	default:
		change := Added
		if p.after == nil {
			change = Removed
		}
		c.at(p, change, "", path, path)
	}
}

// effect renders the release with one value as it was before, and returns the
// fields of each object that are then others. A chart that refuses
// that, because other values go with it, does not tell.
func (c *causer) effect(renderer *render.Renderer, api *kubernetes.API, v value) map[string]map[string]bool {
	request, err := renderer.Request(c.to.env, *c.to.release)
	if err != nil {
		return nil
	}
	text, err := document.Marshal(revert(c.to.values, c.from.values, v.at()))
	if err != nil {
		return nil
	}
	request.Values[0], request.First = text, nil
	rendered, err := renderer.Objects(c.to.env, *c.to.release, request)
	if err != nil {
		return nil
	}
	var objects []*object
	for _, o := range rendered {
		objects = append(objects, enter(api, o, c.to.env.Namespace))
	}
	changed := map[string]map[string]bool{}
	for _, p := range match(objects, c.to.objects) {
		if p.before == nil || p.after == nil {
			changed[p.id()] = map[string]bool{"": true}
			continue
		}
		for _, e := range edits(p.after.root, p.before.data(), p.after.data()) {
			if changed[p.id()] == nil {
				changed[p.id()] = map[string]bool{}
			}
			changed[p.id()][e.path.String()] = true
		}
	}
	return changed
}

// revert returns a tree with what stands at a path as in another tree. Lists are
// taken as a whole.
func revert(tree, to map[string]any, path []string) map[string]any {
	tree = maps.Clone(tree)
	name := path[0]
	child, isMap := tree[name].(map[string]any)
	other, inBoth := to[name].(map[string]any)
	switch before, was := to[name]; {
	case len(path) > 1 && (isMap && inBoth || isMap && !was):
		tree[name] = revert(child, other, path[1:])
	case was:
		tree[name] = before
	default:
		delete(tree, name)
	}
	return tree
}
