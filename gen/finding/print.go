package finding

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"

	"github.com/fatih/color"
)

// Text writes findings for people: each as file:line:column, what is wrong, the
// line with a caret, and what to do. repo gives the lines.
func Text(w io.Writer, repo fs.FS, findings List, colour bool) error {
	p := printer{w: w, repo: repo, bold: paint(colour, color.Bold), red: paint(colour, color.FgRed, color.Bold),
		yellow: paint(colour, color.FgYellow, color.Bold), blue: paint(colour, color.FgBlue), lines: map[string][]string{}}
	for _, f := range findings {
		p.finding(f)
	}
	return p.err
}

func paint(colour bool, attributes ...color.Attribute) func(string) string {
	c := color.New(attributes...)
	// The package's own idea of whether standard output has colours is not
	// asked: w may be another stream.
	if colour {
		c.EnableColor()
	} else {
		c.DisableColor()
	}
	return func(s string) string { return c.Sprint(s) }
}

type printer struct {
	w                       io.Writer
	repo                    fs.FS
	bold, red, yellow, blue func(string) string
	lines                   map[string][]string
	err                     error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *printer) finding(f Finding) {
	severity := p.red("error")
	if f.Severity == Warning {
		severity = p.yellow("warning")
	}
	if f.IsValid() {
		p.printf("%s ", p.bold(f.Position.String()+":"))
	}
	p.printf("%s: %s [%s]\n", severity, p.bold(f.Message), f.Rule)
	p.source(f)
	var affected []string
	for _, part := range []struct{ word, name string }{{"environment", f.Environment}, {"release", f.Release}, {"object", f.Object}, {"value", f.Value}} {
		if part.name != "" {
			affected = append(affected, part.word+" "+part.name)
		}
	}
	// The environment of a file in its own folder goes without saying.
	if len(affected) > 1 || f.Environment != "" && !strings.Contains(f.File, "/"+f.Environment+"/") {
		p.printf("  %s %s\n", p.blue("in:"), strings.Join(affected, ", "))
	}
	if f.Allowed != "" {
		p.printf("  %s %s\n", p.blue("allowed:"), f.Allowed)
	}
	for _, n := range f.Notes {
		p.printf("  %s %s: %s\n", p.blue("see:"), n.Position, n.Message)
	}
	if f.Help != "" {
		p.printf("  %s %s\n", p.blue("help:"), f.Help)
	}
}

// source shows the line with a caret under the place.
func (p *printer) source(f Finding) {
	if f.Line == 0 {
		return
	}
	lines, ok := p.lines[f.File]
	if !ok {
		data, err := fs.ReadFile(p.repo, f.File)
		if err == nil {
			lines = strings.Split(string(data), "\n")
		}
		p.lines[f.File] = lines
	}
	if f.Line > len(lines) {
		return
	}
	line := strings.TrimRight(lines[f.Line-1], "\r")
	margin := strconv.Itoa(f.Line)
	p.printf("  %s %s\n", p.blue(margin+" |"), line)
	if f.Column == 0 || f.Column > len(line)+1 {
		return
	}
	// Tabs stay tabs, so that the caret stands under its column however wide
	// the terminal makes them.
	before := strings.Map(func(r rune) rune {
		if r == '\t' {
			return '\t'
		}
		return ' '
	}, line[:f.Column-1])
	width := max(1, min(f.Width, len(line)-f.Column+1))
	p.printf("  %s %s%s\n", p.blue(strings.Repeat(" ", len(margin))+" |"), before, p.red(strings.Repeat("^", width)))
}

// JSON writes findings as a JSON array of [Finding].
func JSON(w io.Writer, findings List) error {
	if findings == nil {
		findings = List{}
	}
	return encode(w, findings)
}

// GitLab writes findings as a Code Quality report, which GitLab shows in the diff
// of a merge request. The format is that of
// https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
func GitLab(w io.Writer, findings List) error {
	type lines struct {
		Begin int `json:"begin"`
	}
	type location struct {
		Path  string `json:"path"`
		Lines lines  `json:"lines"`
	}
	type issue struct {
		Description string   `json:"description"`
		CheckName   string   `json:"check_name"`
		Fingerprint string   `json:"fingerprint"`
		Severity    string   `json:"severity"`
		Location    location `json:"location"`
	}
	issues := []issue{}
	seen := map[string]int{}
	for _, f := range findings {
		severity := "major"
		if f.Severity == Warning {
			severity = "minor"
		}
		description := f.Message
		if f.Help != "" {
			description += ". " + f.Help
		}
		// The line is left out, so that a finding stays the same one when lines
		// above it come and go; the count tells equal ones in a file apart.
		identity := strings.Join([]string{f.Rule, f.File, f.Environment, f.Release, f.Object, f.Message}, "\x00")
		seen[identity]++
		sum := sha256.Sum256([]byte(identity + "\x00" + strconv.Itoa(seen[identity])))
		issues = append(issues, issue{
			Description: description,
			CheckName:   f.Rule,
			Fingerprint: hex.EncodeToString(sum[:16]),
			Severity:    severity,
			Location:    location{Path: f.File, Lines: lines{Begin: max(1, f.Line)}},
		})
	}
	return encode(w, issues)
}

func encode(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
