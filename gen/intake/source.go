package intake

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	yaml "sigs.k8s.io/yaml/goyaml.v3"

	"gitlab.com/towpath/towpath/gen/document"
	"gitlab.com/towpath/towpath/gen/finding"
)

// File is a file of plain values, as it is given to helm with --values.
type File struct {
	// Name is the file's in findings.
	Name string
	Data []byte
}

// source is a file that was read twice: by Helm's reader, which alone says what the
// values are, and by one that knows places and comments.
type source struct {
	File
	tree map[string]any
	// root is the map of the document. It is nil in a file without values, and in
	// one that only Helm's reader understands.
	root *yaml.Node
	// head and foot are the comments that belong to the file and to no key.
	head, foot string
}

// read reads a file. What Helm refuses is a finding of severity error, what Helm
// drops without a word a warning.
func read(f File) (*source, finding.List) {
	if at, bad := notText(f.Data); bad {
		return nil, finding.List{f.problem(at, "the file is no text in UTF-8", "save it as UTF-8")}
	}
	s := &source{File: f}
	var err error
	if s.tree, err = document.Unmarshal(f.Data, document.Floats, false); err != nil {
		return nil, finding.List{f.invalid(err)}
	}
	var doc yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(f.Data))
	if decoder.Decode(&doc) != nil || len(doc.Content) != 1 {
		return s, nil //nolint:nilerr // Helm reads it, which decides; places and comments are then unknown.
	}
	s.head, s.foot = doc.HeadComment, doc.FootComment
	var findings finding.List
	if root := resolve(doc.Content[0]); root.Kind == yaml.MappingNode {
		s.root = root
		findings = s.repetitions(root, map[*yaml.Node]bool{})
	}
	var second yaml.Node
	if decoder.Decode(&second) == nil && len(second.Content) == 1 && second.Content[0].Tag != "!!null" {
		at := finding.Position{Line: second.Content[0].Line, Column: second.Content[0].Column}
		findings = append(findings, f.warning(at, 0, "a second document starts here, and Helm reads the first alone",
			"move it into a file of its own, or delete it"))
	}
	return s, findings
}

// notText returns the place of the first byte that belongs to no text.
func notText(data []byte) (at finding.Position, bad bool) {
	if bytes.HasPrefix(data, []byte("\xFE\xFF")) || bytes.HasPrefix(data, []byte("\xFF\xFE")) {
		return at, false // UTF-16, which YAML allows too.
	}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			line := bytes.Count(data[:i], []byte("\n")) + 1
			return finding.Position{Line: line, Column: i - bytes.LastIndexByte(data[:i], '\n')}, true
		}
		i += size
	}
	return at, false
}

func (f File) problem(at finding.Position, message, help string) finding.Finding {
	at.File = f.Name
	return finding.Finding{Rule: "values-file", Severity: finding.Error, Position: at, Message: message, Help: help}
}

func (f File) warning(at finding.Position, width int, message, help string) finding.Finding {
	found := f.problem(at, message, help)
	found.Severity, found.Width = finding.Warning, width
	return found
}

var (
	lineOfError = regexp.MustCompile(`line (\d+): ?`)
	kindOfRoot  = regexp.MustCompile(`cannot unmarshal (array|string|number|bool)`)
	tabbed      = regexp.MustCompile(`^ *\t[ \t]*[^ \t\r]`)
)

// invalid turns an error of Helm's reader into a finding.
func (f File) invalid(err error) finding.Finding {
	text := strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
	text = strings.TrimPrefix(strings.TrimPrefix(text, "error unmarshaling JSON: while decoding JSON: "), "yaml: ")
	if m := kindOfRoot.FindStringSubmatch(text); m != nil {
		what := map[string]string{"array": "a list", "string": "a text", "number": "a number", "bool": "a boolean"}[m[1]]
		return f.problem(finding.Position{Line: f.firstLine(), Column: 1}, "the file holds "+what+", and values are a map", "write KEY: VALUE, a line each")
	}
	lines := strings.Split(string(f.Data), "\n")
	at := finding.Position{}
	if m := lineOfError.FindStringSubmatch(text); m != nil {
		at.Line, _ = strconv.Atoi(m[1])
		text = lineOfError.ReplaceAllString(text, "")
	}
	if strings.Contains(text, "cannot start any token") || strings.Contains(text, "tab character") {
		// The reader names the line above, or that where the block started.
		for i := max(0, at.Line-1); i < len(lines); i++ {
			if tabbed.MatchString(lines[i]) {
				at = finding.Position{Line: i + 1, Column: strings.IndexByte(lines[i], '\t') + 1}
				return f.problem(at, "a tab indents the line, which YAML does not allow", "indent with blanks")
			}
		}
	}
	if at.Line > 0 && at.Line <= len(lines) {
		line := lines[at.Line-1]
		at.Column = 1 + len(line) - len(strings.TrimLeft(line, " \t"))
	}
	return f.problem(at, "the file is no YAML: "+strings.TrimSpace(text), "mend this line, or those above that are open: Helm can't read the file either")
}

// firstLine returns the first line that says something.
func (f File) firstLine() int {
	for i, line := range strings.Split(string(f.Data), "\n") {
		line = strings.TrimSpace(strings.TrimPrefix(line, "\uFEFF"))
		if line != "" && line != "---" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "%") {
			return i + 1
		}
	}
	return 1
}

// resolve returns what an alias stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// repetitions reports keys that a map has twice; Helm takes the last.
func (s *source) repetitions(n *yaml.Node, seen map[*yaml.Node]bool) finding.List {
	if n == nil || seen[n] {
		return nil
	}
	seen[n] = true
	var findings finding.List
	if n.Kind == yaml.MappingNode {
		first := map[string]*yaml.Node{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if was := first[key.Value]; was != nil && key.Value != "<<" {
				findings = append(findings, s.warning(finding.Position{Line: key.Line, Column: key.Column}, len(key.Value),
					fmt.Sprintf("%s stands in line %d already; Helm drops that, with all below it, and takes this one", key.Value, was.Line), "delete one of the two"))
			}
			first[key.Value] = key
		}
	}
	for _, child := range n.Content {
		findings = append(findings, s.repetitions(child, seen)...)
	}
	return findings
}
