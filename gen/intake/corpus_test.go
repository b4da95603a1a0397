package intake_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/finding"
)

// TestCorpus takes in the charts that the tests of gen/render hold against Helm, with
// values made up from their defaults: all of them as others, all as they are, and
// those that can go deleted.
func TestCorpus(t *testing.T) {
	root := os.DirFS("../render/testdata")
	entries, err := fs.ReadDir(root, "charts")
	if err != nil {
		t.Fatal(err)
	}
	proved := 0
	for _, entry := range entries {
		t.Run(entry.Name(), func(t *testing.T) {
			repo := repositoryWith(nil)
			copyChart(t, repo, root, "charts/"+entry.Name())
			defaults := map[string]any{}
			if data, err := fs.ReadFile(root, "charts/"+entry.Name()+"/values.yaml"); err == nil {
				if err := yaml.Unmarshal(data, &defaults); err != nil {
					t.Fatal(err)
				}
			}
			var texts []string
			for _, change := range []func(any) any{other, same, gone} {
				text, err := yaml.Marshal(changed(defaults, change))
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, string(text))
			}
			// Values that a chart refuses are left out, and the rest is taken in again.
			for i, name := range []string{"other", "same", "gone"} {
				made, err := take(t, repo, entry.Name(), []string{name, "again"}, texts[i], "global: {region: eu}\n")
				if list, rest := finding.From(err); rest != nil {
					t.Fatal(rest)
				} else if len(list) > 0 {
					t.Logf("with %s values Helm says: %v", name, list)
					continue
				}
				proved += made.proof.Objects
			}
		})
	}
	if proved < 100 {
		t.Errorf("%d objects were compared, where there should be more than 100", proved)
	}
}

func copyChart(t *testing.T, repo fstest.MapFS, root fs.FS, dir string) {
	t.Helper()
	err := fs.WalkDir(root, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(root, name)
		repo[name] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// changed returns a tree with each scalar and list changed.
func changed(tree map[string]any, change func(any) any) map[string]any {
	out := map[string]any{}
	for key, v := range tree {
		if below, ok := v.(map[string]any); ok {
			out[key] = changed(below, change)
		} else {
			out[key] = change(v)
		}
	}
	return out
}

func other(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ToUpper(v) + "x"
	case bool:
		return !v
	case float64:
		return v + 1.5
	case []any:
		return append(v[:len(v):len(v)], "more")
	}
	return v
}

func same(v any) any { return v }

func gone(v any) any {
	if _, ok := v.(string); ok {
		return nil
	}
	return v
}
