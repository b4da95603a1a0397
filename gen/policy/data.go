package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Data is what rules over values look at: environments as maps, slices, strings,
// numbers, booleans and null, by name. Releases are held as text, as there may be any
// number of them. It can be added to from many goroutines.
type Data struct {
	mu           sync.Mutex
	environments map[string]*environmentData
}

// environmentData is one environment.
type environmentData struct {
	fields   map[string]any // without releases
	releases map[string]releaseData
}

// releaseData is a release as text, and the name that it has in the environment's CUE.
type releaseData struct {
	helm string
	text []byte
}

// Add adds an environment.
func (d *Data) Add(name string, env map[string]any) error {
	fields := maps.Clone(env)
	delete(fields, "releases")
	releases, _ := env["releases"].(map[string]any)
	if err := d.AddReleases(name, releases); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.environments[name].fields = fields
	return nil
}

// AddReleases adds releases to an environment, which may be added later.
func (d *Data) AddReleases(name string, releases map[string]any) error {
	packed := make(map[string]releaseData, len(releases))
	for release, values := range releases {
		text, err := json.Marshal(marked(values))
		if err != nil {
			return fmt.Errorf("reading release %s of environment %s: %w", release, name, err)
		}
		data := releaseData{helm: release, text: text}
		if tree, ok := values.(map[string]any); ok {
			if helm, ok := tree["name"].(string); ok {
				data.helm = helm
			}
		}
		packed[release] = data
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.environments == nil {
		d.environments = map[string]*environmentData{}
	}
	known, ok := d.environments[name]
	if !ok {
		known = &environmentData{releases: map[string]releaseData{}}
		d.environments[name] = known
	}
	maps.Copy(known.releases, packed)
	return nil
}

// Append adds to a list of an environment that was added.
func (d *Data) Append(env, field string, more []any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fields := d.environments[env].fields
	list, _ := fields[field].([]any)
	fields[field] = append(list, more...)
}

// Remove removes an environment.
func (d *Data) Remove(env string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.environments, env)
}

// marked returns a value with each number that is a float64 written as one: JSON would
// make 1.0 a whole number.
func marked(value any) any {
	switch value := value.(type) {
	case map[string]any:
		tree := make(map[string]any, len(value))
		for key, v := range value {
			tree[key] = marked(v)
		}
		return tree
	case []any:
		list := make([]any, len(value))
		for i, v := range value {
			list[i] = marked(v)
		}
		return list
	case float64:
		text := strconv.FormatFloat(value, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return json.Number(text)
	}
	return value
}

// read returns the release as data.
func (r releaseData) read() (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(r.text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return numbers(value)
}

// numbers undoes what marked does, in place.
func numbers(value any) (result any, err error) {
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			if value[key], err = numbers(v); err != nil {
				return nil, err
			}
		}
	case []any:
		for i, v := range value {
			if value[i], err = numbers(v); err != nil {
				return nil, err
			}
		}
	case json.Number:
		if strings.ContainsAny(string(value), ".e") {
			return value.Float64()
		}
		if n, err := value.Int64(); err == nil {
			return n, nil
		}
		n, ok := new(big.Int).SetString(string(value), 10)
		if !ok {
			return nil, fmt.Errorf("%q is no number", value)
		}
		return n, nil
	}
	return value, nil
}

// part returns all environments, with those of their releases that wanted has; nil is
// all of them.
func (d *Data) part(wanted map[string][]string) (map[string]any, error) {
	part := map[string]any{}
	for name, env := range d.environments {
		names := wanted[name]
		if wanted == nil {
			names = slices.Collect(maps.Keys(env.releases))
		}
		releases := map[string]any{}
		for _, release := range names {
			var err error
			if releases[release], err = env.releases[release].read(); err != nil {
				return nil, fmt.Errorf("reading release %s of environment %s: %w", release, name, err)
			}
		}
		fields := maps.Clone(env.fields)
		fields["releases"] = releases
		part[name] = fields
	}
	return part, nil
}

// partReleases is how many releases rules look at together, at least those of one name:
// few, as some rules hold each against each, and enough for what each evaluation repeats.
const partReleases = 48

// parts returns the releases in parts, those of one name together, by environment.
func (d *Data) parts() []map[string][]string {
	type place struct{ env, release string }
	// Releases are of one name if either of their two is the same; or if both are of one
	// name with a third.
	groups := map[string]string{}
	var root func(key string) string
	root = func(key string) string {
		above, ok := groups[key]
		if !ok {
			groups[key] = key
			return key
		}
		if above != key {
			above = root(above)
			groups[key] = above
		}
		return above
	}
	eachRelease := func(f func(env, release, application, helm string)) {
		for _, env := range slices.Sorted(maps.Keys(d.environments)) {
			releases := d.environments[env].releases
			for _, release := range slices.Sorted(maps.Keys(releases)) {
				f(env, release, "application "+release, "helm "+releases[release].helm)
			}
		}
	}
	eachRelease(func(_, _, application, helm string) { groups[root(application)] = root(helm) })
	members := map[string][]place{}
	var order []string
	eachRelease(func(env, release, application, _ string) {
		group := root(application)
		if members[group] == nil {
			order = append(order, group)
		}
		members[group] = append(members[group], place{env, release})
	})
	var parts []map[string][]string
	size := partReleases
	for _, group := range order {
		if size+len(members[group]) > partReleases {
			parts = append(parts, map[string][]string{})
			size = 0
		}
		size += len(members[group])
		for _, m := range members[group] {
			last := parts[len(parts)-1]
			last[m.env] = append(last[m.env], m.release)
		}
	}
	return parts
}
