package ahead

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/bench/fleet/synthetic"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/kept"
)

func TestWantedKept(t *testing.T) {
	repo := fstest.MapFS{}
	for _, name := range []string{"dev", "prod"} {
		repo["envs/"+name+"/env.cue"] = &fstest.MapFile{}
	}
	all := []string{"dev", "prod"}
	for args, want := range map[string][]string{
		"render --manifests":                  all,
		"render --manifests envs/prod":        {"prod"},
		"render dev --manifests -o json":      {"dev"},
		"render --manifests --no-cache":       nil,
		"render --manifests -C elsewhere":     nil,
		"render --manifests --help":           nil,
		"render":                              nil,
		"check --manifests":                   nil,
		"render --manifests --output-dir out": all,
	} {
		if diff := cmp.Diff(want, wantedKept(repo, strings.Fields(args))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", args, diff)
		}
	}
}

// fleet writes a fleet with something kept of each of its folders, and returns where both are.
func fleet(t *testing.T) (root, dir string, names []string, folders []environment.Folder) {
	t.Helper()
	sample := synthetic.Fleet{Releases: 30, Environments: 2, Seed: 1}
	root, dir = t.TempDir(), t.TempDir()
	if err := sample.Write(os.DirFS("../.."), root); err != nil {
		t.Fatal(err)
	}
	k, err := openKept(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	folders, err = environment.Folders(k.Repo, sample.Names())
	if err != nil || len(folders) < 4 {
		t.Fatalf("folders are %v, %v", folders, err)
	}
	for _, f := range folders {
		sources := kept.Sources(kept.Source{Kind: kept.Package, Path: f.Path()})
		if err := k.Results.Put(kept.Manifests(format, f.Path()), sources, []byte("of "+f.Path())); err != nil {
			t.Fatal(err)
		}
	}
	return root, dir, sample.Names(), folders
}

// edit writes more CUE to a folder, as somebody does some time after the others were written.
func edit(t *testing.T, root string, f environment.Folder, later time.Duration) {
	t.Helper()
	file := filepath.Join(root, f.Path(), "more.cue")
	if err := os.WriteFile(file, []byte("package "+f.Environment+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	when := time.Now().Add(later)
	if err := os.Chtimes(file, when, when); err != nil {
		t.Fatal(err)
	}
}

// TestKeptNewest makes sure that the folder that was written last is loaded, once, if it is the only one
// that has changed.
func TestKeptNewest(t *testing.T) {
	for name, test := range map[string]struct {
		edited int
		begun  bool
	}{"nothing": {0, false}, "one": {1, true}, "two": {2, false}} {
		t.Run(name, func(t *testing.T) {
			root, dir, names, folders := fleet(t)
			for i := range test.edited {
				edit(t, root, folders[2-i], time.Duration(i+1)*time.Minute)
			}
			k, err := openKept(root, dir)
			if err != nil {
				t.Fatal(err)
			}
			k.find(names)
			if (k.begun != nil) != test.begun {
				t.Fatalf("begun is %v, want one: %v", k.begun, test.begun)
			}
			if k.begun == nil {
				return
			}
			if k.begun.Folder != folders[2] {
				t.Fatalf("begun is %v, want %v", k.begun.Folder, folders[2])
			}
			first := k.begun.load().environments[folders[2]]
			loaded, files, err := k.Load([]environment.Folder{folders[2]})
			if err != nil || len(files[folders[2]]) == 0 || loaded[folders[2]] != first {
				t.Errorf("what was loaded ahead was not used: %v, %v", files, err)
			}
			again, _, err := k.Load([]environment.Folder{folders[2]})
			if err != nil || again[folders[2]] == first {
				t.Errorf("what was loaded ahead was used twice: %v", err)
			}
		})
	}
}

// TestKeptTooLate makes sure that nothing is loaded ahead of somebody who loads already.
func TestKeptTooLate(t *testing.T) {
	root, dir, names, folders := fleet(t)
	edit(t, root, folders[2], time.Minute)
	k, err := openKept(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := k.Load(folders[2:3]); err != nil {
		t.Fatal(err)
	}
	if k.find(names); k.begun != nil {
		t.Errorf("%v was loaded after that", k.begun.Folder)
	}
}

// TestOpenKept makes sure that a guess is used once, and for what was guessed only.
func TestOpenKept(t *testing.T) {
	root, dir, names, _ := fleet(t)
	startKept(root, dir, names)
	if results.about == nil {
		t.Fatal("nothing was begun")
	}
	if _, err := OpenKept("../..", dir); err != nil || results.about == nil {
		t.Errorf("the guess was used for another repository: %v", err)
	}
	k, err := OpenKept(root, dir)
	if err != nil || results.about != nil {
		t.Fatalf("the guess was not used: %v", err)
	}
	if again, err := OpenKept(root, dir); err != nil || again == k {
		t.Errorf("the guess was used twice: %v", err)
	}
}
