package chart

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/engine"
)

// TestEngineAsHelm holds what the parsed templates render to against Helm's engine,
// on the charts of the repository and those of package render's tests. Each is
// rendered twice, as the second rendering finds what the first one left.
func TestEngineAsHelm(t *testing.T) {
	for _, dir := range []string{"../..", "../render/testdata"} {
		repo := os.DirFS(dir)
		entries, err := fs.ReadDir(repo, Dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if !entry.IsDir() {
				continue
			}
			t.Run(entry.Name(), func(t *testing.T) {
				c, err := Load(repo, entry.Name())
				if err != nil {
					t.Fatal(err)
				}
				files, err := fs.Glob(repo, c.Path()+"/ci/*.yaml")
				if err != nil {
					t.Fatal(err)
				}
				requests := []Release{{}, {}}
				for _, file := range files {
					data, err := fs.ReadFile(repo, file)
					if err != nil {
						t.Fatal(err)
					}
					requests = append(requests, Release{Values: [][]byte{data}})
				}
				rendered := 0
				for i, r := range requests {
					r.Name, r.Namespace, r.KubernetesVersion = fmt.Sprintf("boat-%d", i), "harbour", "1.33.0"
					chrt, top, err := c.Inputs(r)
					if err != nil {
						t.Fatal(err)
					}
					want, err := engine.Engine{}.Render(chrt, top)
					if err != nil {
						continue // It wants values.
					}
					if chrt, top, err = c.Inputs(r); err != nil {
						t.Fatal(err)
					}
					got, err := c.engine.render(Templates(chrt, top))
					if err != nil {
						t.Fatalf("Helm renders it, and the parsed templates say: %v", err)
					}
					rendered++
					for _, name := range slices.Sorted(maps.Keys(want)) {
						if got[name] != want[name] {
							t.Errorf("%s is\n%s\nand Helm's\n%s", name, got[name], want[name])
						}
					}
					if len(got) != len(want) {
						t.Errorf("%d templates, Helm has %d", len(got), len(want))
					}
				}
				if rendered == 0 && len(files) > 0 {
					t.Error("nothing was rendered")
				}
			})
		}
	}
}

// TestParsedOnce counts how often templates are parsed for releases of one chart.
func TestParsedOnce(t *testing.T) {
	c, err := Load(os.DirFS("../render/testdata"), "dependencies")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			r := Release{Name: fmt.Sprintf("boat-%d", i), Namespace: "harbour", KubernetesVersion: "1.33.0"}
			sources, err := c.Render(r)
			if err != nil || len(sources) == 0 {
				t.Errorf("%s: %d sources, %v", r.Name, len(sources), err)
			}
		})
	}
	group.Wait()
	if c.engine.parses != 1 {
		t.Errorf("the templates were parsed %d times for 40 releases", c.engine.parses)
	}
}

// TestFirst reads values from their text and as they are at hand.
func TestFirst(t *testing.T) {
	c, err := Load(os.DirFS("../render/testdata"), "layered")
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]any{"kept": 2.0, "table": map[string]any{"a": 2.0, "b": 3.0}}
	r := Release{
		Name: "boat", Namespace: "harbour", KubernetesVersion: "1.33.0",
		Values: [][]byte{[]byte("kept: 2\ntable: {a: 2, b: 3}\n"), []byte("kept: null\ntable: {a: null}\n")},
	}
	want, err := c.Render(r)
	if err != nil {
		t.Fatal(err)
	}
	r.First = first
	for range 2 { // The second time sees whether the first one wrote to it.
		got, err := c.Render(r)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("it renders to %v, and from text to %v", got, want)
		}
	}
}

// TestFromYAML reads as Helm does, what is wrong included.
func TestFromYAML(t *testing.T) {
	for _, text := range []string{
		"", "null", "{}", "a: 1", "a: {b: [1, 2.5, null, yes]}\nc: |\n  text\n", "a: 1\na: 2", "1: one\ntrue: two", "a: 12345678901234567890", "a: 1e3",
		"- a", "text", "a: [", "a: b: c", "\t", "a: &x {b: 1}\nc: *x\nd: {<<: *x}", "a: \xff", "---\na: 1\n---\nb: 2", "a: 2024-01-02",
	} {
		if diff := cmp.Diff(decoder(unmarshalYAML)(text), fromYAML(text)); diff != "" {
			t.Errorf("%q (-helm +ours):\n%s", text, diff)
		}
	}
}
