package tool_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/tool"
)

func TestLock(t *testing.T) {
	list := tool.NewList("2", map[string]string{"yaml": "v1.5.0", "cue": "v0.17.1"})
	want := "# What produced the files of this repository. Written by gen render; do not edit.\n" +
		"cue: \"v0.17.1\"\ngen: \"2\"\nyaml: \"v1.5.0\"\n"
	if d := cmp.Diff(want, string(list.Lock())); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	read, err := tool.Read(fstest.MapFS{tool.LockFile: {Data: list.Lock()}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(list, read); d != "" {
		t.Errorf("read again: -want +got\n%s", d)
	}
	if none, err := tool.Read(fstest.MapFS{}); none != nil || err != nil {
		t.Errorf("without a lock: %v, %v", none, err)
	}
	_, err = tool.Read(fstest.MapFS{tool.LockFile: {Data: []byte("<<<<<<< HEAD\ncue: v1\n")}})
	if err == nil || !strings.Contains(err.Error(), "envs/tool.lock: ") || !strings.Contains(err.Error(), "gen render") {
		t.Errorf("a conflict is read as: %v", err)
	}
}

func TestChanges(t *testing.T) {
	list := func(pairs ...string) tool.List {
		versions := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			versions[pairs[i]] = pairs[i+1]
		}
		return tool.NewList("", versions)
	}
	for _, test := range []struct {
		name          string
		before, after tool.List
		want          []string
	}{
		{"equal", list("cue", "1", "helm", "1"), list("cue", "1", "helm", "1"), nil},
		{"changed", list("cue", "1", "helm", "1"), list("cue", "1", "helm", "2"), []string{"helm 1 → 2"}},
		{"come and gone", list("b", "1", "c", "1"), list("a", "1", "c", "1"), []string{"a 1 is new", "b 1 is gone"}},
		{"no lock before", nil, list("cue", "1"), nil},
		{"no lock after", list("cue", "1"), nil, nil},
	} {
		var got []string
		for _, c := range tool.Changes(test.before, test.after) {
			got = append(got, c.String())
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", test.name, d)
		}
	}
}

// TestLibraries makes sure that gen links every module on the list.
func TestLibraries(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range tool.Libraries {
		if !strings.Contains(string(text), "\t"+l.Module+" v") {
			t.Errorf("%s: go.mod requires no %s", l.Name, l.Module)
		}
	}
}
