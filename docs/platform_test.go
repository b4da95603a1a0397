package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/render"
)

var example = regexp.MustCompile("(?ms)^```cue\n(.*?)^```\n\n```yaml\n(.*?)^```$")

// TestPlatform renders an environment with each example of platform.md, and
// looks for the objects that the page says come of it.
func TestPlatform(t *testing.T) {
	page, err := os.ReadFile("platform.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := example.FindAllStringSubmatchIndex(string(page), -1)
	if len(examples) < 10 || len(examples) != strings.Count(string(page), "```cue\n") {
		t.Fatalf("%d examples have CUE and YAML, of %d with CUE", len(examples), strings.Count(string(page), "```cue\n"))
	}
	for _, at := range examples {
		line := 1 + strings.Count(string(page[:at[0]]), "\n")
		t.Run(fmt.Sprintf("line %d", line), func(t *testing.T) {
			objects := renderExample(t, string(page[at[2]:at[3]]))
			for _, text := range strings.Split(string(page[at[4]:at[5]]), "\n---\n") {
				var want map[string]any
				if err := yaml.UnmarshalStrict([]byte(text), &want); err != nil {
					t.Fatal(err)
				}
				if !anyHolds(objects, want) {
					t.Errorf("no object of these lines holds\n%s", text)
				}
			}
		})
	}
}

// renderExample returns the objects of an environment with the given lines.
func renderExample(t *testing.T, lines string) []any {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"envs/contract", "envs/cue.mod", "charts"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	base := "releases: service: chart: \"service\"\n"
	if !strings.Contains(lines, "digest:") {
		base += "releases: service: values: image: digest: \"sha256:" + strings.Repeat("ab", 32) + "\"\n"
	}
	switch {
	case !strings.Contains(lines, "tier:"):
		base += "tier: \"staging\"\n"
	case strings.Contains(lines, `"production"`):
		base += "delivery: {revision: \"refs/heads/env/example\", signatureKeys: [\"0123456789ABCDEF\"]}\n"
	}
	files := map[string]string{"base.cue": "name: \"example\"\n" + base, "example.cue": lines}
	for name, text := range files {
		text = "package example\n\nimport \"gitlab.com/towpath/towpath/envs/contract\"\n\ncontract.#Environment & {\n" + text + "}\n"
		if err := os.MkdirAll(filepath.Join(dir, "envs/example"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "envs/example", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	repo := os.DirFS(dir)
	set, err := environment.Load(repo, []string{"example"})
	if err != nil {
		t.Fatal(err)
	}
	return renderAll(t, render.New(repo), set)
}

// renderAll returns the objects of all releases of the environments.
func renderAll(t *testing.T, renderer *render.Renderer, set *environment.Set) []any {
	t.Helper()
	var all []any
	for _, env := range set.Environments {
		for _, release := range env.Releases {
			objects, err := renderer.Release(env, release)
			if err != nil {
				t.Fatal(err)
			}
			text, err := manifest.Marshal(objects)
			if err != nil {
				t.Fatal(err)
			}
			for _, doc := range strings.Split(string(text), "\n---\n") {
				var object any
				if err := yaml.Unmarshal([]byte(doc), &object); err != nil {
					t.Fatal(err)
				}
				all = append(all, object)
			}
		}
	}
	return all
}

func anyHolds(list []any, want any) bool {
	for _, item := range list {
		if holds(item, want) {
			return true
		}
	}
	return false
}

// holds tells whether all that want says is true of got: each field of a map, and
// an item for each item of a list.
func holds(got, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return false
		}
		for key, value := range want {
			if !holds(got[key], value) {
				return false
			}
		}
		return true
	case []any:
		got, ok := got.([]any)
		if !ok {
			return false
		}
		for _, item := range want {
			if !anyHolds(got, item) {
				return false
			}
		}
		return true
	default:
		return reflect.DeepEqual(got, want)
	}
}
