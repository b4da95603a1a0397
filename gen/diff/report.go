package diff

import (
	"cmp"
	"slices"

	"gitlab.com/towpath/towpath/gen/document"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// id is the id of the object, in the new state if it is there.
func (p pair) id() string { return cmp.Or(p.after, p.before).id }

func (p pair) isRenamed() bool {
	return p.before != nil && p.after != nil && p.before.key != p.after.key
}

// applied orders pairs as Argo CD applies their objects.
func applied(pairs []pair) {
	var objects []manifest.Object
	at := map[uintptr]pair{}
	for _, p := range pairs {
		o := cmp.Or(p.after, p.before).rendered
		objects = append(objects, o)
		at[renderingOf(o)] = p
	}
	manifest.Sort(objects)
	for i, o := range objects {
		pairs[i] = at[renderingOf(o)]
	}
}

// report returns what the report says of each object.
func (c *causer) report(pairs []pair, changes map[pair][]edit) []Object {
	// What refers to a renamed object changes for the same reasons as that.
	for _, p := range pairs {
		if p.isRenamed() {
			var causes []finding.Note
			for _, e := range changes[p] {
				causes = append(causes, c.at(p, e.change, e.path.String(), e.from, e.to)...)
			}
			c.renamed[p] = distinct(causes)
		}
	}
	objects := make([]Object, len(pairs))
	for i, p := range pairs {
		objects[i] = p.report(changes[p], c)
	}
	return objects
}

// report returns what the report says of an object, but for risks and references.
func (p pair) report(edits []edit, c *causer) Object {
	o := cmp.Or(p.after, p.before)
	out := Object{
		ID: o.id, APIVersion: o.apiVersion, Kind: o.kind, Namespace: o.namespace, Name: o.name,
		Template: o.template, Wave: o.wave(), Hook: o.hook(), Change: Unchanged,
	}
	switch {
	case p.before == nil:
		out.Change, out.After = Added, c.written(p.after)
		out.Causes = distinct(c.whole(p, Added))
		return out
	case p.after == nil:
		out.Change, out.Before = Removed, c.written(p.before)
		out.Causes = distinct(c.whole(p, Removed))
		return out
	case p.isRenamed():
		out.Change, out.Was = Renamed, p.before.id
	case len(edits) == 0:
		return out
	case len(refused(p.before, p.after, edits)) > 0:
		out.Change = Replaced
	default:
		out.Change = Changed
	}
	for _, e := range edits {
		out.Fields = append(out.Fields, Field{
			Path: e.path.String(), Change: e.change, Before: show(e.before), After: show(e.after),
			Causes: distinct(c.field(p, e)),
		})
	}
	if !c.fieldsOnly {
		out.Before, out.After = c.written(p.before), c.written(p.after)
	}
	return out
}

// written is an object as YAML.
func (c *causer) written(o *object) string {
	if text, ok := c.texts[o]; ok {
		return text
	}
	c.texts[o] = written(o)
	return c.texts[o]
}

func written(o *object) string {
	text, err := document.Marshal(show(o.data()))
	if err != nil {
		return "" // What came out of YAML goes back into it.
	}
	return string(text)
}

// report returns what the report says of a value. Objects come in the order in
// which they are applied; those that are the same now after all are left out.
func (v value) report(objects []Object) Value {
	out := Value{Path: v.name(), Before: show(v.before), After: show(v.after), Places: v.places}
	for _, o := range objects {
		if v.objects[o.ID] && o.Change != Unchanged && !slices.Contains(out.Objects, o.ID) {
			out.Objects = append(out.Objects, o.ID)
		}
	}
	return out
}
