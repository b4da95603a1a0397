package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/bench/fleet/plan"
	"gitlab.com/towpath/towpath/bench/fleet/synthetic"
)

func TestBeyond(t *testing.T) {
	defaults := map[string]any{"replicas": 1.0, "image": map[string]any{"tag": "", "repository": "r"}, "hosts": []any{}, "tls": map[string]any{"on": false}}
	values := map[string]any{"replicas": 2.0, "image": map[string]any{"tag": "1", "repository": "r"}, "hosts": []any{"a"}, "tls": map[string]any{"on": false}, "more": true}
	want := map[string]any{"replicas": 2.0, "image": map[string]any{"tag": "1"}, "hosts": []any{"a"}, "more": true}
	if got := beyond(values, defaults); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSplit(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	write(t, in, `{"E": "prod", "R": {"a": {"values": {"n": 9007199254740993}}}}
{"E": "prod", "R": {}}
{"E": "dev", "R": {"a": {"values": {"n": 2}}}}`)
	file, err := os.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stdin := os.Stdin
	os.Stdin = file
	defer func() { os.Stdin = stdin }()
	if err := split(t.Context(), []string{dir}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"prod/a.yaml": `{"n": 9007199254740993}`, "dev/a.yaml": `{"n": 2}`} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v; want %q", name, got, err, want)
		}
	}
}

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "list")
	write(t, list, "dev team a chart namespace 1.33\nprod team a chart namespace 1.33\n")
	object := func(n string) string { return "apiVersion: v1\nkind: K\nmetadata: {name: a}\nreplicas: " + n + "\n" }
	for _, env := range []string{"dev", "prod"} {
		write(t, filepath.Join(dir, "want", env, "a.yaml"), object("1"))
		write(t, filepath.Join(dir, "got", env, "a", "templates", "k.yaml"), object("1.0")) // A folder, as helmfile writes.
	}
	args := []string{list, "1", filepath.Join(dir, "got"), filepath.Join(dir, "want")}
	if err := compare(t.Context(), args); err != nil {
		t.Errorf("equal objects: %v", err)
	}
	write(t, filepath.Join(dir, "got", "prod", "a", "templates", "k.yaml"), object("2"))
	if err := compare(t.Context(), args); err == nil || !strings.Contains(err.Error(), "release a of prod") || !strings.Contains(err.Error(), "replicas is 2, want 1") {
		t.Errorf("another object: %v", err)
	}
	write(t, filepath.Join(dir, "got", "prod", "a", "templates", "k.yaml"), "# nothing\n")
	write(t, filepath.Join(dir, "want", "prod", "a.yaml"), "# nothing\n")
	if err := compare(t.Context(), args); err == nil {
		t.Error("no objects prove nothing")
	}
	if err := os.Remove(filepath.Join(dir, "want", "prod", "a.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := compare(t.Context(), args); err == nil {
		t.Error("a release that is missing proves nothing")
	}
}

func TestPlanComesBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plan.json")
	want := []plan.Release{{Environment: "dev", Name: "a", Values: map[string]any{"n": 1.5, "list": []any{"x"}}}, {Environment: "prod", Name: "a"}}
	if err := plan.Write(file, want); err != nil {
		t.Fatal(err)
	}
	if got, err := plan.Read(file); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

// TestModesFitTheFleet makes sure that what the modes change is there to be changed.
func TestModesFitTheFleet(t *testing.T) {
	f := synthetic.Fleet{Releases: 10, Environments: 3, Seed: 1}
	list, err := f.List()
	if err != nil {
		t.Fatal(err)
	}
	repo, err := f.Repository(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range modes(list) {
		if m.change == nil {
			continue
		}
		if !strings.Contains(string(repo[m.change.file].Data), m.change.from) {
			t.Errorf("%s: %s has no %q", m.name, m.change.file, m.change.from)
		}
	}
}

func TestParse(t *testing.T) {
	if o, err := parse([]string{"-sizes", "1,10"}); err != nil || !reflect.DeepEqual(o.sizes, []int{1, 10}) {
		t.Errorf("got %v, %v", o, err)
	}
	for _, args := range [][]string{{"-sizes", "10,1"}, {"-sizes", "ten"}, {"-sizes", "0"}, {"-n", "0"}, {"-without", "gen"}, {"-without", "cue"}, {"more"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
