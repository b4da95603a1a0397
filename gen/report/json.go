package report

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"io"
	"slices"

	"gitlab.com/towpath/towpath/gen/diff"
)

// Schema is the JSON Schema of what [JSON] writes.
//
//go:embed schema.json
var Schema []byte

// Version is that of the JSON. It rises when something that was there is gone or
// means something else; new properties may come without.
const Version = 1

// document is the report as JSON, in this order.
type document struct {
	Version int     `json:"version"`
	Summary summary `json:"summary"`
	diff.Report
}

// summary is what a program asks first.
type summary struct {
	Added     int `json:"added"`
	Removed   int `json:"removed"`
	Changed   int `json:"changed"`
	Replaced  int `json:"replaced"`
	Renamed   int `json:"renamed"`
	Unchanged int `json:"unchanged"`
	// Risk is the highest level, none without any.
	Risk string `json:"risk"`
}

func summarize(t *tally) summary {
	return summary{
		Added: t.changes[diff.Added], Removed: t.changes[diff.Removed], Changed: t.changes[diff.Changed],
		Replaced: t.changes[diff.Replaced], Renamed: t.changes[diff.Renamed], Unchanged: t.changes[diff.Unchanged],
		Risk: cmp.Or(string(t.highest()), "none"),
	}
}

// JSON writes the report for programs, as [Schema] describes it.
func JSON(w io.Writer, r *diff.Report) error {
	doc := document{Version: Version, Summary: summarize(newTally().report(r)), Report: *r}
	// A list without anything is a list all the same, and not null.
	doc.Environments = append([]diff.Environment{}, r.Environments...)
	for i, e := range doc.Environments {
		releases := append([]diff.Release{}, e.Releases...)
		for j := range releases {
			if releases[j].Objects == nil {
				releases[j].Objects = []diff.Object{}
			}
		}
		doc.Environments[i].Releases = slices.Clip(releases)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(doc); err != nil {
		return err
	}
	// Somebody looks at it in a terminal one day.
	_, err := w.Write(inert(b.Bytes()))
	return err
}
