package diff

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/render"
)

// TestChanges holds changes as they happen against what the report is to say. An
// archive has the objects before and after, or the files that differ between two
// states of testdata/repository.txtar. With UPDATE=1 in the environment, what is
// wanted is written; read it before you commit it.
func TestChanges(t *testing.T) {
	files, err := filepath.Glob("testdata/changes/*.txtar")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d changes: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			from, to := sides(t, archive)
			report, err := Compare(from, to, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if text, err := json.Marshal(report); err != nil || strings.Contains(string(text), "swordfish") {
				t.Errorf("a secret is in the report: %s (%v)", text, err)
			}
			got := summary(report)
			if os.Getenv("UPDATE") == "1" {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
				archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if difference := cmp.Diff(section(archive, "want"), got); difference != "" {
				t.Errorf("-want +got\n%s", difference)
			}
		})
	}
}

// TestSameRepository compares this repository with itself.
func TestSameRepository(t *testing.T) {
	side := repoSide(t, os.DirFS("../.."))
	report, err := Compare(side, side, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if text := summary(report); text != "nothing changes\n" {
		t.Error(text)
	}
}

func section(archive *txtar.Archive, name string) string {
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// sides returns the two states that an archive describes.
func sides(t *testing.T, archive *txtar.Archive) (from, to Side) {
	before, after := section(archive, "before.yaml"), section(archive, "after.yaml")
	if before+after != "" {
		return objectsSide(t, before), objectsSide(t, after)
	}
	return repoSide(t, repository(t, archive, "from/")), repoSide(t, repository(t, archive, "to/"))
}

// objectsSide is a state with one release of the given objects, and no files.
func objectsSide(t *testing.T, text string) Side {
	t.Helper()
	objects, err := manifest.Parse([]chart.Source{{Template: "charts/web/templates/all.yaml", Text: text}})
	if err != nil {
		t.Fatal(err)
	}
	return sideOf(objects)
}

func sideOf(objects []manifest.Object) Side {
	return Side{
		Environments: []*environment.Environment{{
			Name: "prod", Tier: "production", Namespace: "prod", Cluster: environment.Cluster{KubernetesVersion: "1.33"},
			Releases: []environment.Release{{Name: "web", Chart: "web"}},
		}},
		Objects: map[string]map[string][]manifest.Object{"prod": {"web": objects}},
	}
}

// repository is the example repository with files of an archive in place of its own.
func repository(t *testing.T, archive *txtar.Archive, prefix string) fs.FS {
	t.Helper()
	base, err := txtar.ParseFile("testdata/repository.txtar")
	if err != nil {
		t.Fatal(err)
	}
	repo := fstest.MapFS{}
	for _, f := range base.Files {
		repo[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	for _, f := range archive.Files {
		name, ok := strings.CutPrefix(f.Name, prefix)
		if !ok {
			continue
		}
		if len(f.Data) == 0 {
			delete(repo, name)
			continue
		}
		repo[name] = &fstest.MapFile{Data: f.Data}
	}
	return repo
}

// repoSide loads and renders a repository.
func repoSide(t testing.TB, repo fs.FS) Side {
	t.Helper()
	names, err := environment.Names(repo)
	if err != nil {
		t.Fatal(err)
	}
	set, err := environment.Load(repo, names)
	if err != nil {
		t.Fatal(err)
	}
	side := Side{Repo: repo, Environments: set.Environments, Objects: map[string]map[string][]manifest.Object{}}
	renderer := render.New(repo)
	for _, env := range set.Environments {
		side.Objects[env.Name] = map[string][]manifest.Object{}
		for _, release := range env.Releases {
			objects, err := renderer.Release(env, release)
			if err != nil {
				t.Fatal(err)
			}
			side.Objects[env.Name][release.Name] = objects
		}
	}
	return side
}

// summary is a report as text, without what is unchanged and whole objects.
func summary(report *Report) string {
	var text strings.Builder
	for _, env := range report.Environments {
		for _, release := range env.Releases {
			if release.Change == Unchanged {
				continue
			}
			if release.Change != Changed {
				fmt.Fprintf(&text, "%s release %s\n", release.Change, release.Name)
			}
			for _, o := range release.Objects {
				summarize(&text, o)
			}
			for _, v := range release.Values {
				fmt.Fprintf(&text, "value %s: %s", v.Path, arrow(v.Before, v.After))
				for _, place := range v.Places {
					fmt.Fprintf(&text, " (%s)", place)
				}
				if len(v.Objects) == 0 {
					text.WriteString(" alters nothing")
				}
				text.WriteString("\n")
				for _, id := range v.Objects {
					fmt.Fprintf(&text, "    %s\n", id)
				}
			}
		}
	}
	if text.Len() == 0 {
		return "nothing changes\n"
	}
	return text.String()
}

func summarize(text *strings.Builder, o Object) {
	if o.Change == Unchanged {
		return
	}
	fmt.Fprintf(text, "%s %s", o.Change, o.ID)
	if o.Was != "" {
		fmt.Fprintf(text, ", was %s", o.Was)
	}
	text.WriteString("\n")
	for _, note := range o.Causes {
		fmt.Fprintf(text, "        %s %s\n", note.Position, note.Message)
	}
	for _, f := range o.Fields {
		fmt.Fprintf(text, "    %s %s: %s\n", f.Change, f.Path, arrow(f.Before, f.After))
		for _, note := range f.Causes {
			fmt.Fprintf(text, "        %s %s\n", note.Position, note.Message)
		}
	}
	for _, r := range o.Risks {
		fmt.Fprintf(text, "    %s %s: %s\n", r.Level, r.ID, r.Message)
	}
}

func arrow(before, after any) string {
	encode := func(v any) string {
		if v == nil {
			return "-"
		}
		text, _ := json.Marshal(v)
		return string(text)
	}
	return encode(before) + " -> " + encode(after)
}
