package intake_test

import (
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/gen/intake"
)

// TestRead says for each file what is wrong with it, and where.
func TestRead(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"only comments", "# x\n", ""},
		{"byte order mark", "\xEF\xBB\xBFa: 1\n", ""},
		{"Windows", "a: 1\r\nb: 2\r\n", ""},
		{"Latin-1", "a: 1\nb: caf\xE9\n", "f.yaml:2:7: error: the file is no text in UTF-8"},
		{"a list", "# x\n\n- a\n", "f.yaml:3:1: error: the file holds a list, and values are a map"},
		{"a text", "hello\n", "f.yaml:1:1: error: the file holds a text"},
		{"a tab", "a:\n\tb: 1\n", "f.yaml:2:1: error: a tab indents the line"},
		{"a tab behind blanks", "a:\n  x: 1\n  \ty: 1\n", "f.yaml:3:"},
		{"not closed", "a: [1\nb: 2\n", "error: the file is no YAML"},
		{"unknown alias", "a: *x\n", "error: the file is no YAML: unknown anchor 'x' referenced"},
		{"a key twice", "a: 1\nb:\n  c: 1\n  c: 2\n", "f.yaml:4:3: warning: c stands in line 3 already"},
		{"two documents", "a: 1\n---\nb: 2\n", "f.yaml:3:1: warning: a second document starts here"},
		{"an end", "a: 1\n---\n", ""},
		{"a merge that is overridden", "x: &x {a: 1}\ny: {<<: *x, a: 2}\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, findings := intake.Read([]intake.Environment{{Name: "stage", Files: []intake.File{{Name: "f.yaml", Data: []byte(tt.text)}}}})
			var lines []string
			for _, f := range findings {
				lines = append(lines, f.Error())
			}
			got := strings.Join(lines, "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) || len(findings) > 1 {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

// TestLargeFile makes sure that reading takes a time in proportion.
func TestLargeFile(t *testing.T) {
	text := "list:\n" + strings.Repeat("  - {name: NAME, value: text} # one\n", 20_000)
	values, findings := intake.Read([]intake.Environment{{Name: "stage", Files: []intake.File{{Name: "f.yaml", Data: []byte(text)}}}})
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	if list, _ := values.Environments[0].Tree()["list"].([]any); len(list) != 20_000 {
		t.Errorf("%d items, want 20000", len(list))
	}
}
