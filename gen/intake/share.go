package intake

// split tells what all environments say alike from what each says for itself. What is
// the chart's own default needs saying by nobody and is left out, unless keep is set.
func split(all []*table, defaults map[string]any, keep bool) (shared *table, own []*table) {
	shared = newTable()
	own = make([]*table, len(all))
	for i := range own {
		own[i] = newTable()
	}
	if len(all) == 0 {
		return shared, own
	}
	for _, key := range keysOf(all) {
		var entries []*entry
		for _, t := range all {
			if e := t.fields[key]; e != nil {
				entries = append(entries, e)
			}
		}
		fallback, hasDefault := defaults[key]
		everywhere := len(entries) == len(all) && len(all) > 1
		if areTables(entries) {
			below, _ := fallback.(map[string]any)
			var tables []*table
			for _, t := range all {
				if e := t.fields[key]; e != nil {
					tables = append(tables, e.table)
				} else {
					tables = append(tables, newTable())
				}
			}
			// A key that holds nothing still is there, if the chart does not have it.
			bare := !hasDefault || below == nil
			common, rests := split(tables, below, keep)
			if len(common.keys) > 0 || everywhere && bare && allEmpty(entries) {
				shared.set(key, withTable(merged(entries), common))
			}
			for i, t := range all {
				e := t.fields[key]
				if len(rests[i].keys) > 0 || e != nil && bare && shared.fields[key] == nil {
					own[i].set(key, withTable(e, rests[i]))
				}
			}
			continue
		}
		alike := everywhere
		for _, e := range entries {
			alike = alike && same(e.value, entries[0].value)
		}
		said := func(e *entry) bool { return keep || !hasDefault || !same(e.value, fallback) }
		if alike {
			if said(entries[0]) {
				shared.set(key, merged(entries))
			}
			continue
		}
		for i, t := range all {
			if e := t.fields[key]; e != nil && said(e) {
				own[i].set(key, e)
			}
		}
	}
	for i, t := range all {
		own[i].order(t.keys)
	}
	return shared, own
}

// keysOf returns the keys of all tables in the order of the first that has each.
func keysOf(all []*table) []string {
	var keys []string
	seen := map[string]bool{}
	for _, t := range all {
		for _, key := range t.keys {
			if !seen[key] {
				seen[key] = true
				keys = append(keys, key)
			}
		}
	}
	return keys
}

func areTables(entries []*entry) bool {
	for _, e := range entries {
		if e.table == nil {
			return false
		}
	}
	return true
}

func allEmpty(entries []*entry) bool {
	for _, e := range entries {
		if len(e.table.keys) > 0 {
			return false
		}
	}
	return true
}

// merged returns the first of entries that say the same, with the comments of all.
func merged(entries []*entry) *entry {
	one := *entries[0]
	for _, e := range entries[1:] {
		one.comments = comments{
			joinLines(one.comments.head, e.comments.head), joinLines(one.comments.line, e.comments.line), joinLines(one.comments.foot, e.comments.foot),
		}
	}
	return &one
}

func withTable(e *entry, t *table) *entry {
	copied := *e
	copied.table, copied.value = t, t.tree()
	return &copied
}

// unlike returns what has to be said so that a table comes out over what is said for
// it already, with the chart's defaults below both. What said has and the table has
// not is brought back to the chart's default, if there is one.
func unlike(t *table, said, defaults map[string]any, keep bool) *table {
	out := newTable()
	for _, key := range t.keys {
		e := t.fields[key]
		already, isSaid := said[key]
		fallback, hasDefault := defaults[key]
		if e.table != nil {
			saidBelow, saidTable := already.(map[string]any)
			defaultsBelow, defaultTable := fallback.(map[string]any)
			rest := unlike(e.table, saidBelow, defaultsBelow, keep)
			if len(rest.keys) > 0 || !saidTable && (isSaid || !defaultTable) {
				out.set(key, withTable(e, rest))
			}
			continue
		}
		switch {
		case isSaid && same(already, e.value):
		case !isSaid && hasDefault && !keep && same(fallback, e.value):
		default:
			out.set(key, e)
		}
	}
	for _, key := range sorted(said) {
		if t.fields[key] != nil {
			continue
		}
		if back := restore(said[key], defaults[key]); back != nil {
			out.set(key, back)
		}
	}
	return out
}

// restore returns what brings a value that is said for all back to the chart's default.
func restore(said, fallback any) *entry {
	tree, isTable := said.(map[string]any)
	if !isTable {
		if fallback == nil || same(said, fallback) {
			return nil
		}
		return entryOf(fallback, pair{}, "")
	}
	below, ok := fallback.(map[string]any)
	if !ok {
		return nil
	}
	t := newTable()
	for _, key := range sorted(tree) {
		if e := restore(tree[key], below[key]); e != nil {
			t.set(key, e)
		}
	}
	if len(t.keys) == 0 {
		return nil
	}
	return &entry{table: t, value: t.tree()}
}
