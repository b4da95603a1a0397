package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/produce"
)

var (
	fleetFile    = regexp.MustCompile("(?ms)^```cue\n// (\\S+)\n(.*?)^```$")
	fleetProduct = regexp.MustCompile("(?ms)^```yaml\n# (\\S+)\n(.*?)^```$")
)

// TestFleet loads the files of each section of fleet.md into an environment of its
// own, and looks into what is produced from them.
func TestFleet(t *testing.T) {
	page, err := os.ReadFile("fleet.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(page), "\n## ")[1:]
	if len(sections) != 3 {
		t.Fatalf("%d sections, want 3", len(sections))
	}
	for _, section := range sections {
		title, _, _ := strings.Cut(section, "\n")
		t.Run(title, func(t *testing.T) {
			files, products := fleetFile.FindAllStringSubmatch(section, -1), fleetProduct.FindAllStringSubmatch(section, -1)
			if len(files) == 0 || len(products) == 0 || len(files)+len(products) != strings.Count(section, "```")/2 {
				t.Fatalf("%d files and %d products, of %d blocks", len(files), len(products), strings.Count(section, "```")/2)
			}
			dir := t.TempDir()
			for _, name := range []string{"envs/contract", "envs/cue.mod"} {
				if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(root, name))); err != nil {
					t.Fatal(err)
				}
			}
			write := func(name, text string) {
				if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			write("envs/prod/env.cue", "package prod\n\nimport \"gitlab.com/towpath/towpath/envs/contract\"\n\ncontract.#Environment & {\n"+
				"name: \"prod\"\ntier: \"production\"\ndelivery: {revision: \"refs/heads/env/prod\", signatureKeys: [\"0123456789ABCDEF\"]}\n}\n")
			for _, file := range files {
				write(file[1], file[2])
			}
			set, err := environment.Load(os.DirFS(dir), []string{"prod"})
			if err != nil {
				t.Fatal(err)
			}
			produced, err := produce.Environment(set.Environments[0])
			if err != nil {
				t.Fatal(err)
			}
			for _, product := range products {
				var want map[string]any
				var got []any
				if err := yaml.UnmarshalStrict([]byte(product[2]), &want); err != nil {
					t.Fatal(err)
				}
				for _, file := range produced {
					if file.Path == product[1] {
						for text := range strings.SplitSeq(string(file.Content), "\n---\n") {
							var one map[string]any
							if err := yaml.Unmarshal([]byte(text), &one); err != nil {
								t.Fatal(err)
							}
							got = append(got, one)
						}
					}
				}
				if !anyHolds(got, want) {
					t.Errorf("%s does not hold\n%s\nbut is\n%v", product[1], product[2], got)
				}
			}
		})
	}
}
