package docs_test

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/policy"
)

var update = flag.Bool("update", false, "write the pages that tests produce")

// attacksPage is what TestAttacks produces from attacksText.
const (
	attacksPage = "attacks.md"
	attacksText = "attacks.md.tmpl"
)

// passes stands on the page where a layer lets an attack pass.
const passes = "–"

// table is one table of the page: an attack in each row, and what the layers say to
// it in the cells after its name.
type table struct {
	heads []string
	rows  [][]string
}

func newTable(rows int, heads ...string) table { return table{heads, make([][]string, rows)} }

// String returns the table as Markdown.
func (t table) String() string {
	line := func(cells []string) string { return "| " + strings.Join(cells, " | ") + " |\n" }
	text := line(t.heads) + "|" + strings.Repeat("---|", len(t.heads)) + "\n"
	for _, row := range t.rows {
		text += line(row)
	}
	return strings.TrimSuffix(text, "\n")
}

// whole reports whether each attack was made, and not left out by go test -run.
func (t table) whole() bool {
	return !slices.ContainsFunc(t.rows, func(row []string) bool { return row == nil })
}

// TestAttacks makes every attack, and holds the page against who refused it.
func TestAttacks(t *testing.T) {
	programs := map[string]string{}
	gen, verify := build(t, programs, "./gen"), build(t, programs, "./argocd/verify")
	page := struct{ MergeRequests, Branch, Commands table }{MergeRequests: attackByMergeRequest(t, gen, verify)}
	origin := newOrigin(t, gen)
	page.Branch = attackBranch(t, origin)
	page.Commands = attackByCommand(t, origin)
	if t.Failed() {
		return // A page of what should not be says nothing.
	}
	if !page.MergeRequests.whole() || !page.Branch.whole() || !page.Commands.whole() {
		t.Log("the page is not compared, as only some of the attacks were made")
		return
	}
	text, err := template.ParseFiles(attacksText)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := text.Execute(&out, page); err != nil {
		t.Fatal(err)
	}
	compare(t, attacksPage, out.String())
}

// compare holds a page against what it should be.
func compare(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is out of date; go test ./docs -run Attacks -update writes it (-want +got):\n%s", name, diff)
	}
}

// committedCell returns what the page says now, in a column of the row that starts
// with an attack.
func committedCell(t *testing.T, attack string, column int) string {
	t.Helper()
	page, err := os.ReadFile(attacksPage)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if cells[0] == "| "+attack && column < len(cells) {
			return strings.TrimSuffix(cells[column], " |")
		}
	}
	return ""
}

// changing are the parts of messages that differ from run to run.
var changing = regexp.MustCompile(`\b[0-9a-f]{10}([0-9a-f]{30})?\b|\b\d{4}-\d\d-\d\dT[0-9:]+Z\b`)

// lasting returns a message without what differs from run to run, as a cell of a
// table.
func lasting(text string) string {
	return strings.ReplaceAll(changing.ReplaceAllString(strings.TrimSpace(text), "…"), "|", `\|`)
}

// TestAttackRules makes sure that gen explain has an answer to each rule of gen check
// that the page names.
func TestAttackRules(t *testing.T) {
	own, err := policy.Load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	known := func(id string) bool {
		return slices.ContainsFunc(slices.Concat(finding.Rules(), own.Rules()), func(r finding.Rule) bool { return r.ID == id })
	}
	named := 0
	for _, m := range mergeRequests {
		for _, rule := range code.FindAllStringSubmatch(committedCell(t, m.name, 1), -1) {
			named++
			if !known(rule[1]) {
				t.Errorf("%s: gen explain knows no rule %s", m.name, rule[1])
			}
		}
	}
	if named < 10 {
		t.Errorf("the page names %d rules of gen check", named)
	}
}

// TestAttacksPage keeps the page readable as text: only tables have long lines.
func TestAttacksPage(t *testing.T) {
	page, err := os.ReadFile(attacksPage)
	if err != nil {
		t.Fatal(err)
	}
	line := 0
	for text := range strings.Lines(string(page)) {
		line++
		if n := len([]rune(strings.TrimSuffix(text, "\n"))); n > 120 && !strings.HasPrefix(text, "|") {
			t.Errorf("%s:%d has %d characters", attacksPage, line, n)
		}
	}
}
