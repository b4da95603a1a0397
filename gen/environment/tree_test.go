package environment_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/environment"
)

// TestTree holds the values of releases as plain data, for which structs that nobody touched are
// read once, against CUE's own: where structs look alike, and are not.
func TestTree(t *testing.T) {
	repo := repositoryFiles(t)
	repo["envs/contract/demo.cue"] = &fstest.MapFile{Data: []byte(`package contract

#Charts: demo: #Demo

#Demo: {
	word: string | *"w"
	ports: #DemoPorts
	limits: #DemoLimits
	both: #DemoPorts & {http: <10}
	around: {
		#DemoLimits: said: word
		inner: #DemoLimits
	}
	extra: #DemoExtra
	list: [...#DemoPorts]
	named: [string]: #DemoPorts
}

#DemoPorts: {
	http: int | *1
	limits: #DemoLimits
}

#DemoLimits: cpu: string | *"1"

#DemoExtra: {
	kind: *"a" | "b"
	if kind == "b" {more: #DemoPorts}
}
`)}
	delete(repo, "envs/dev/release.cue")
	repo["envs/dev/env.cue"] = &fstest.MapFile{Data: []byte(`package dev

import "gitlab.com/towpath/towpath/envs/contract"

contract.#Environment & {
	name: "dev"
	tier: "development"
	releases: [string]: chart: "demo"
	releases: {
		a: {}
		b: values: {word: "x", ports: http: 5, both: limits: cpu: "2", extra: kind: "b", list: [{}, {http: 3}], named: {n: {}, m: limits: cpu: "3"}}
		c: values: extra: kind: "b"
		d: values: limits: cpu: "4"
	}
}
`)}
	set, err := environment.Load(repo, []string{"dev"})
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]uintptr{}
	for _, release := range set.Environments[0].Releases {
		tree, err := release.Tree()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := release.Values.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		for text, into := range map[string]*any{string(text): &got, string(whole): &want} {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("values of release %s (-CUE +plain):\n%s", release.Name, diff)
		}
		read[release.Name] = reflect.ValueOf(tree["limits"]).Pointer()
	}
	if read["a"] != read["b"] || read["a"] != read["c"] || read["a"] == read["d"] {
		t.Errorf("limits, which d alone sets, were read as %v", read)
	}
}
