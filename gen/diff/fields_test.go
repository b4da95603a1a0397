package diff

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestFieldsOnly makes sure that a report without the texts of changed objects says
// all else.
func TestFieldsOnly(t *testing.T) {
	files, err := filepath.Glob("testdata/changes/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	left := 0
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
						left++
					}
				}
			}
		}
		want, _ := json.Marshal(whole)
		got, err := json.Marshal(short)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: the fields are\n%s\nand of the whole report\n%s", filepath.Base(file), got, want)
		}
	}
	if left == 0 {
		t.Error("no object had a text to leave out")
	}
}
