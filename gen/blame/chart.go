package blame

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"sync"
	"text/template/parse"
)

// templates are those of one chart, by the path of their file and by their name.
type templates struct {
	files map[string]*body
	named map[string]*body
	// prefix is where the values of the chart stand: empty, or the name of the
	// chart for one that another depends on.
	prefix []string

	mu sync.Mutex
	// hits remembers where fields are: releases of one chart ask for the same ones.
	hits map[question]hit
	// documents remembers where the documents of files are.
	documents map[part]span
}

// part is the document of a file that holds an object of a kind.
type part struct{ file, kind string }

// question is what is asked of templates: a field of an object in a part of a file.
type question struct {
	file   string
	within span
	path   string
	object bool
}

// hit returns where a field is written, and the values that decide it.
func (c *templates) hit(file *body, within span, path []string, object bool) hit {
	asked := question{file.file, within, strings.Join(path, "\x00"), object}
	c.mu.Lock()
	known, ok := c.hits[asked]
	c.mu.Unlock()
	if ok {
		return known
	}
	found := c.find(file, within, value{root: true}, path, object, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hits == nil {
		c.hits = map[question]hit{}
	}
	c.hits[asked] = found
	return found
}

// body is a file of a chart, or a template that is defined in one.
type body struct {
	file  string // relative to the repository's root
	lines []line
	text  string
	span  span
	root  *parse.ListNode
}

var comment = regexp.MustCompile(`(?s)\{\{-?\s*/\*.*?\*/\s*-?\}\}`)

// readTemplates parses the templates of the chart that a file belongs to. What
// can't be parsed is left out; it is reported elsewhere.
func readTemplates(repo fs.FS, file string) *templates {
	c := &templates{files: map[string]*body{}, named: map[string]*body{}}
	dir, _, _ := strings.Cut(file, "/templates/")
	for rest := dir; ; {
		_, after, found := strings.Cut(rest, "/charts/")
		if !found {
			break
		}
		name, _, _ := strings.Cut(after, "/")
		c.prefix = append(c.prefix, name)
		rest = after
	}
	// Templates of all charts of a release share their names.
	top, _, _ := strings.Cut(dir, "/charts/")
	_ = fs.WalkDir(repo, top, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path.Dir(name)+"/", "/templates/") {
			return nil //nolint:nilerr // A chart that can't be read is reported elsewhere.
		}
		if data, err := fs.ReadFile(repo, name); err == nil {
			c.add(name, string(data))
		}
		return nil
	})
	return c
}

// add parses one file.
func (c *templates) add(file, text string) {
	trees := map[string]*parse.Tree{}
	tree := parse.New(file)
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(text, "", "", trees); err != nil {
		return
	}
	// What a comment says of a field is not the field.
	masked := comment.ReplaceAllStringFunc(text, blank)
	lines := splitLines(masked)
	for name, tree := range trees {
		b := &body{file, lines, text, span{0, len(lines)}, tree.Root}
		if name == file {
			c.files[file] = b
			continue
		}
		b.span.from = lineOf(text, int(tree.Root.Pos))
		for other, t := range trees {
			if at := lineOf(text, int(t.Root.Pos)); other != file && at > b.span.from {
				b.span.to = min(b.span.to, at)
			}
		}
		c.named[name] = b
	}
}

// reads returns the values that a named template reads when called with dot.
func (c *templates) reads(name string, dot value, calling []string) [][]string {
	b := c.named[name]
	if b == nil || len(calling) > 20 {
		return dot.reads
	}
	for _, caller := range calling {
		if caller == name {
			return nil
		}
	}
	return c.read(b.root, dot, append(calling[:len(calling):len(calling)], name)).all()
}

// blank returns as many bytes, with the same lines.
func blank(text string) string {
	blanks := []byte(text)
	for i, c := range blanks {
		if c != '\n' {
			blanks[i] = ' '
		}
	}
	return string(blanks)
}
