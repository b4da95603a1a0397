// Package blame finds the line to change for a field of a rendered object: the
// line of CUE that sets the value which the template wrote there, or else the
// template's own.
//
// The template is read, not run. Where it writes a field, on the field's line or
// below it, is looked for by the names of the path; what is written there is
// followed through variables, named templates, with and range to the values it
// reads. If it reads none, the innermost if, with or range around it decides; one
// around the whole object does so only for the object as such. A wrong guess
// costs a reader one step more, and names a place that does exist.
package blame

import (
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// Finder finds lines in one state of the repository. It parses each chart once,
// when it is first asked about it, and can be used from many goroutines.
type Finder struct {
	repo   fs.FS
	mu     sync.Mutex
	charts map[string]*templates
}

// New returns a finder for the repository in the given file system.
func New(repo fs.FS) *Finder { return &Finder{repo: repo, charts: map[string]*templates{}} }

// Place is a line to change.
type Place struct {
	finding.Position
	// Width is the number of bytes from Column on that it is about, if known.
	Width int
	// Default is the path, below the release's values, of a value that is the
	// contract's default; the position is then that of the default.
	Default []string
	// Notes name the line of the template, and other values that it reads.
	Notes []finding.Note
	// Template is the line of the template.
	Template finding.Position
	// Reads are the paths, below the release's values, of all values that decide
	// what the template writes there.
	Reads [][]string
}

// Field returns the place of the field at a path of an object's data, list
// indices in decimal. An empty path stands for the object.
func (f *Finder) Field(release environment.Release, o manifest.Object, path []string) Place {
	read := f.Reads(o, path)
	if read.CRD {
		return Place{Position: read.Template, Template: read.Template}
	}
	place := choose(release, read.Reads, at(o.Data, fieldOf(path)))
	place.Template, place.Reads = read.Template, read.Reads
	if !place.IsValid() {
		place.Position = read.Template
		return place
	}
	if read.Template.Line > 0 {
		place.Notes = append([]finding.Note{{Position: read.Template, Message: "the template, which reads it here"}}, place.Notes...)
	}
	return place
}

// Read is what can be told of a field without looking at the values.
type Read struct {
	// Template is the line of the template.
	Template finding.Position
	// CRD tells that the object is written as it stands.
	CRD bool
	// Reads are the paths, below the release's values, of all values that decide
	// what the template writes there.
	Reads [][]string
}

// Reads is Field for who asks only what the template reads. It evaluates no CUE.
func (f *Finder) Reads(o manifest.Object, path []string) Read {
	position := finding.Position{File: o.Template}
	charts := f.chart(o.Template)
	file := charts.files[o.Template]
	if file == nil {
		if data, err := fs.ReadFile(f.repo, o.Template); err == nil { // A CRD.
			at := Line(string(data), path)
			position.Line, position.Column = at.Line, at.Column
		}
		return Read{Template: position, CRD: true}
	}
	h := charts.hit(file, charts.document(file, o.Kind), fieldOf(path), isObject(path))
	if h.at.matched > 0 {
		position = finding.Position{File: h.file, Line: h.at.line + 1, Column: h.at.column + 1}
	}
	return Read{Template: position, Reads: h.reads}
}

// isObject reports whether a path stands for the object as a whole.
func isObject(path []string) bool {
	return len(path) == 0 || len(path) == 1 && (path[0] == "kind" || path[0] == "apiVersion")
}

// fieldOf returns the path of the field that stands for what is asked for.
func fieldOf(path []string) []string {
	if isObject(path) {
		return []string{"kind"}
	}
	return path
}

// chart returns the templates of the chart that a file belongs to.
func (f *Finder) chart(file string) *templates {
	dir, _, _ := strings.Cut(file, "/templates/")
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.charts[dir] == nil {
		f.charts[dir] = readTemplates(f.repo, file)
	}
	return f.charts[dir]
}

// document is documentOf, remembered.
func (c *templates) document(b *body, kind string) span {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := part{b.file, kind}
	if _, ok := c.documents[asked]; !ok {
		if c.documents == nil {
			c.documents = map[part]span{}
		}
		c.documents[asked] = documentOf(b, kind)
	}
	return c.documents[asked]
}

// documentOf returns the lines of the first YAML document of a file that holds an
// object of the kind, or the whole file.
func documentOf(b *body, kind string) span {
	from := b.span.from
	holds := false
	for i := b.span.from; i <= b.span.to; i++ {
		if i == b.span.to || strings.HasPrefix(b.lines[i].text, "---") {
			if holds {
				return span{from, i}
			}
			from = i + 1
			continue
		}
		holds = holds || strings.TrimSpace(b.lines[i].text) == "kind: "+kind
	}
	return b.span
}

// at returns what stands at a path of an object's data, or nil.
func at(data any, path []string) any {
	for _, name := range path {
		switch d := data.(type) {
		case map[string]any:
			data = d[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i < 0 || i >= len(d) {
				return nil
			}
			data = d[i]
		default:
			return nil
		}
	}
	return data
}

// choose returns the place of that one among the values which has most likely led
// to what was found in the object: one whose text stands in it, rather one that
// the environment sets than a default. The place is invalid if there is none.
func choose(release environment.Release, reads [][]string, found any) Place {
	var best Place
	bestScore := -1
	var notes []finding.Note
	for _, keys := range reads {
		v, path := environment.Find(release.Values, keys)
		origins := environment.Origins(v)
		if len(path) == 0 || len(origins) == 0 {
			continue // It is no value of the contract's, such as the approval.
		}
		score := 0
		if elem, ok := elementOf(v, found); ok {
			origins, score = environment.Origins(elem), 2
		} else if isIn(v, found) {
			score = 2
		}
		if len(origins) == 0 {
			continue
		}
		if !origins[0].Contract() {
			score++
		}
		note := finding.Note{Position: origins[0].Label, Message: "the value " + strings.Join(path, ".")}
		if score > bestScore {
			bestScore = score
			best = Place{Position: origins[0].Label, Width: origins[0].Width}
			if origins[0].Contract() {
				best.Default = path
			}
		}
		notes = append(notes, note)
	}
	for _, note := range notes {
		if note.Position != best.Position && len(best.Notes) < 3 {
			best.Notes = append(best.Notes, note)
		}
	}
	return best
}
