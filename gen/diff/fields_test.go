package diff

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestFieldsOnly makes sure that a report without the texts of changed objects, and without
// references, says all else.
func TestFieldsOnly(t *testing.T) {
	files, err := filepath.Glob("testdata/changes/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	texts, references := 0, 0
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		from, to := sides(t, archive)
		whole, err := Compare(from, to, Options{})
		if err != nil {
			t.Fatal(err)
		}
		short, err := Compare(from, to, Options{FieldsOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, env := range whole.Environments {
			for _, release := range env.Releases {
				for i, o := range release.Objects {
					if o.Before != "" && o.After != "" {
						release.Objects[i].Before, release.Objects[i].After = "", ""
						texts++
					}
					references += len(o.Refers)
					release.Objects[i].Refers = nil
				}
			}
		}
		want, err := json.MarshalIndent(whole, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.MarshalIndent(short, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
			t.Errorf("%s: the fields (-whole report +fields only):\n%s", filepath.Base(file), diff)
		}
	}
	if texts == 0 || references == 0 {
		t.Errorf("there are %d texts and %d references to leave out", texts, references)
	}
}
