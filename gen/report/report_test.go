package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/width"

	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/report"
)

var update = flag.Bool("update", false, "write testdata anew")

// golden holds got against a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("not %s; if that is right, run go test ./gen/report -update (-want +got):\n%s", file, d)
	}
}

func text(t *testing.T, r *diff.Report, o report.TextOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Text(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func markdown(t *testing.T, r *diff.Report, o report.MarkdownOptions) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Markdown(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func page(t *testing.T, r *diff.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// still is a report of nothing.
func still() *diff.Report {
	r := everything()
	r.Environments, r.Tools, r.Policy, r.Untouched = r.Environments[:1], nil, nil, 2
	return r
}

// onlyTools is a report of nothing but another Helm, and what the policy makes of it.
func onlyTools() *diff.Report {
	r, all := still(), everything()
	r.Tools, r.Policy = all.Tools[1:], all.Policy
	return r
}

func TestText(t *testing.T) {
	for _, columns := range []int{60, 120} {
		for _, colour := range []bool{false, true} {
			name := fmt.Sprintf("text-%d", columns)
			if colour {
				name += "-colour"
			}
			t.Run(name, func(t *testing.T) {
				got := text(t, everything(), report.TextOptions{Width: columns, Colour: colour})
				golden(t, name+".txt", []byte(got))
			})
		}
	}
	golden(t, "text-full.txt", []byte(text(t, everything(), report.TextOptions{Full: true})))
	golden(t, "text-unchanged.txt", []byte(text(t, still(), report.TextOptions{Width: 80})))
	golden(t, "text-tools.txt", []byte(text(t, onlyTools(), report.TextOptions{Width: 80})))
	golden(t, "text-hostile.txt", []byte(text(t, poisonedBriefly(), report.TextOptions{Width: 100})))
}

// TestColourPaintsOnly makes sure that colour changes nothing but the colour.
func TestColourPaintsOnly(t *testing.T) {
	paint := regexp.MustCompile("\x1b\\[[0-9;]*m")
	for _, columns := range []int{0, 40, 60, 120} {
		plain := text(t, everything(), report.TextOptions{Width: columns})
		if d := cmp.Diff(plain, paint.ReplaceAllString(text(t, everything(), report.TextOptions{Width: columns, Colour: true}), "")); d != "" {
			t.Errorf("at %d columns:\n%s", columns, d)
		}
	}
}

func TestTextFits(t *testing.T) {
	for _, r := range []*diff.Report{everything(), poisoned(), still()} {
		for _, columns := range []int{40, 60, 80, 120} {
			for line := range strings.Lines(text(t, r, report.TextOptions{Width: columns})) {
				used := 0
				for _, c := range strings.TrimSuffix(line, "\n") {
					used++
					if k := width.LookupRune(c).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
						used++
					}
				}
				if used > columns {
					t.Errorf("%d columns instead of %d: %s", used, columns, line)
				}
			}
		}
	}
}

// harmless fails if s has characters that act: controls other than newlines, marks of
// direction, bytes that are no text.
func harmless(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Error("it is not UTF-8")
	}
	for i, c := range s {
		if c != '\n' && unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Fatalf("it has %U at …%q", c, s[max(0, i-60):i])
		}
	}
}

func TestHarmless(t *testing.T) {
	harmless(t, text(t, poisoned(), report.TextOptions{Width: 80}))
	harmless(t, text(t, poisoned(), report.TextOptions{Full: true}))
	harmless(t, markdown(t, poisoned(), report.MarkdownOptions{}))
	harmless(t, page(t, poisoned()))
	var b bytes.Buffer
	if err := report.JSON(&b, poisoned()); err != nil {
		t.Fatal(err)
	}
	harmless(t, b.String())
}

func TestMarkdown(t *testing.T) {
	golden(t, "note.md", []byte(markdown(t, everything(), report.MarkdownOptions{})))
	golden(t, "note-unchanged.md", []byte(markdown(t, still(), report.MarkdownOptions{})))
	golden(t, "note-tools.md", []byte(markdown(t, onlyTools(), report.MarkdownOptions{})))
	golden(t, "note-hostile.md", []byte(markdown(t, poisonedBriefly(), report.MarkdownOptions{})))
	const url = "https://gitlab.example/towpath/-/jobs/1/artifacts/file/diff.html"
	cut := markdown(t, everything(), report.MarkdownOptions{Limit: 4500, MoreURL: url})
	golden(t, "note-cut.md", []byte(cut))
	if !strings.Contains(cut, url) {
		t.Error("the note does not say where the rest is")
	}
	for _, risk := range []string{"the claim is deleted", "no pod is left"} {
		if !strings.Contains(cut, risk) {
			t.Errorf("the note leaves out what matters most: %s", risk)
		}
	}
}

func TestMarkdownFits(t *testing.T) {
	for _, r := range []*diff.Report{everything(), poisoned(), many()} {
		whole := len(markdown(t, r, report.MarkdownOptions{Limit: 1 << 30}))
		for _, limit := range []int{20_000, 50_000, 100_000, 500_000, whole - 1, whole} {
			got := markdown(t, r, report.MarkdownOptions{Limit: limit, MoreURL: "https://example.com/"})
			if len(got) > limit {
				t.Errorf("%d bytes instead of %d", len(got), limit)
			}
			if opened, closed := strings.Count(got, "\n<details>\n"), strings.Count(got, "\n</details>\n"); opened != closed {
				t.Errorf("cut to %d, %d folds begin and %d end", limit, opened, closed)
			}
			if limit < whole != strings.Contains(got, "Not all of it fits here") {
				t.Errorf("cut to %d of %d, and wrong about it", limit, whole)
			}
		}
	}
	if n := len(markdown(t, many(), report.MarkdownOptions{})); n > report.NoteLimit {
		t.Errorf("%d bytes are too long for a note", n)
	}
}

// TestMarkdownMeansNothing takes all code out of a note full of hostile text, as
// GitLab does before it looks for mentions, and looks at what is left.
func TestMarkdownMeansNothing(t *testing.T) {
	got := markdown(t, poisoned(), report.MarkdownOptions{})
	var outside []string
	fence := ""
	for line := range strings.Lines(got) {
		line = strings.TrimSuffix(line, "\n")
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence != "":
			if line == fence {
				fence = ""
			}
			continue
		case len(ticks) >= 3 && strings.TrimLeft(line, "`") == "diff":
			fence = ticks
			continue
		}
		outside = append(outside, line)
	}
	if fence != "" {
		t.Error("a block of code does not end")
	}
	// A run of backticks ends at the next run of the same length.
	spans := regexp.MustCompile("`+")
	tagged := regexp.MustCompile(`<code>[^<]*</code>`)
	for i, line := range outside {
		if strings.HasPrefix(line, "<summary>") { // Where Markdown does not read.
			line = tagged.ReplaceAllString(line, "CODE")
		}
		for {
			open := spans.FindStringIndex(line)
			if open == nil {
				break
			}
			end := -1
			for _, at := range spans.FindAllStringIndex(line[open[1]:], -1) {
				if at[1]-at[0] == open[1]-open[0] {
					end = open[1] + at[1]
					break
				}
			}
			if end < 0 {
				t.Fatalf("code does not end: %s", line)
			}
			line = line[:open[0]] + "CODE" + line[end:]
		}
		line = tagged.ReplaceAllString(line, "CODE")
		outside[i] = line
		if cells := strings.Count(line, "|"); cells != 0 && cells != 7 {
			t.Errorf("the table is broken: %s", line)
		}
		if strings.HasPrefix(line, "/") {
			t.Errorf("GitLab takes it for a quick action: %s", line)
		}
	}
	left := strings.Join(outside, "\n")
	for _, tag := range regexp.MustCompile(`<[^ ]`).FindAllStringIndex(left, -1) {
		if !regexp.MustCompile(`^</?(details|summary|b)>`).MatchString(left[tag[0]:]) {
			t.Errorf("a tag: %.60s", left[tag[0]:])
		}
	}
	for _, reference := range regexp.MustCompile(`[@#!%~$^]\w|\]\(|!\[|:\w+:|://`).FindAllString(regexp.MustCompile(`&#\d+;`).ReplaceAllString(left, "."), -1) {
		t.Errorf("a reference: %s", reference)
	}
}

// TestJSON holds what is written against the schema, which in this test allows
// nothing that it does not describe.
func TestJSON(t *testing.T) {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(report.Schema))
	if err != nil {
		t.Fatal(err)
	}
	forbidMore(schema)
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*diff.Report{"report.json": everything(), "hostile": poisoned(), "nothing": {}} {
		var b bytes.Buffer
		if err := report.JSON(&b, r); err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(name) != "" {
			golden(t, name, b.Bytes())
		}
		value, err := jsonschema.UnmarshalJSON(&b)
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func forbidMore(schema any) {
	switch schema := schema.(type) {
	case map[string]any:
		if _, ok := schema["properties"].(map[string]any); ok && schema["type"] == "object" {
			schema["additionalProperties"] = false
		}
		for _, v := range schema {
			forbidMore(v)
		}
	case []any:
		for _, v := range schema {
			forbidMore(v)
		}
	}
}

// TestJSONKeepsData makes sure that what is made harmless is the same data.
func TestJSONKeepsData(t *testing.T) {
	r := poisoned()
	var b bytes.Buffer
	if err := report.JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	var got diff.Report
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for i, release := range r.Environments[0].Releases {
		want := strings.ToValidUTF8(release.Chart, "\ufffd")
		if strings.Contains(release.Chart, "\xff") || strings.Contains(release.Chart, "\x9b") {
			continue // What is no text can't be in JSON.
		}
		if got.Environments[0].Releases[i].Chart != want {
			t.Errorf("%q became %q", want, got.Environments[0].Releases[i].Chart)
		}
	}
}

func TestHTML(t *testing.T) {
	got := page(t, everything())
	_, rest, _ := strings.Cut(got, `<script type="application/json" id="data">`)
	data, _, _ := strings.Cut(rest, "</script>")
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(data), "", " "); err != nil {
		t.Fatal(err)
	}
	golden(t, "page-data.json", b.Bytes())
	body := got[strings.Index(got, "<body>"):strings.Index(got, `<dialog id="help"`)]
	golden(t, "page-body.html", []byte(body))
}

// TestHTMLIsAlone makes sure that the page loads nothing and that no text of the
// report is anything but text.
func TestHTMLIsAlone(t *testing.T) {
	clean, dirty := page(t, still()), page(t, poisoned())
	for _, tag := range []string{"script", "style", "link", "meta", "img", "iframe", "object", "form"} {
		if a, b := strings.Count(clean, "<"+tag), strings.Count(dirty, "<"+tag); a != b {
			t.Errorf("hostile text makes %d <%s> of %d", b, tag, a)
		}
	}
	for _, loads := range []string{` src=`, `@import`, `url(`, `innerHTML`, `insertAdjacentHTML`, `document.write`, `eval(`, `fetch(`, ` style="`} {
		if strings.Contains(clean, loads) {
			t.Errorf("the page has %s", loads)
		}
	}
	if !strings.Contains(clean, "default-src &#39;none&#39;") {
		t.Error("the page has no content security policy")
	}
}

// TestSame makes sure that the same report gives the same bytes.
func TestSame(t *testing.T) {
	html, note := page(t, many()), markdown(t, many(), report.MarkdownOptions{})
	for range 3 {
		if html != page(t, many()) || note != markdown(t, many(), report.MarkdownOptions{}) {
			t.Fatal("two times, two results")
		}
	}
}
