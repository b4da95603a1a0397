package diff_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/finding"
)

func TestJudge(t *testing.T) {
	// A finding is written RULE OBJECT LINE MESSAGE, with a * before it if waived.
	parse := func(texts string) finding.List {
		var list finding.List
		for text := range strings.FieldsFuncSeq(texts, func(r rune) bool { return r == ';' }) {
			text = strings.TrimSpace(text)
			var f finding.Finding
			if rest, waived := strings.CutPrefix(text, "*"); waived {
				text, f.Waiver = rest, &finding.Waiver{Reason: "known"}
			}
			if _, err := fmt.Sscan(text, &f.Rule, &f.Object, &f.Line, &f.Message); err != nil {
				t.Fatal(err)
			}
			f.File = "envs/prod/env.cue"
			list = append(list, f)
		}
		return list
	}
	write := func(list finding.List) string {
		var texts []string
		for _, f := range list {
			texts = append(texts, fmt.Sprint(f.Rule, " ", f.Object, " ", f.Line, " ", f.Message))
		}
		return strings.Join(texts, "; ")
	}
	for _, test := range []struct{ name, before, after, introduced, resolved, remaining, waived string }{
		{name: "nothing"},
		{name: "new", after: "a x 1 m", introduced: "a x 1 m"},
		{name: "gone", before: "a x 1 m", resolved: "a x 1 m"},
		{name: "moved in the file", before: "a x 1 m", after: "a x 9 m", remaining: "a x 9 m"},
		{name: "with another message", before: "a x 1 one", after: "a x 1 two", remaining: "a x 1 two"},
		{name: "once more at the same object", before: "a x 1 m", after: "a x 1 m; a x 2 n", introduced: "a x 2 n", remaining: "a x 1 m"},
		{name: "one less of three", before: "a x 1 m; a x 2 n; a x 3 o", after: "a x 2 n; a x 3 p", resolved: "a x 3 o", remaining: "a x 2 n; a x 3 p"},
		{name: "another object", before: "a x 1 m", after: "a y 1 m", introduced: "a y 1 m", resolved: "a x 1 m"},
		{name: "a renamed object", before: "a old 1 m; b old 1 m", after: "a new 1 n; b old 1 m", remaining: "a new 1 n; b old 1 m"},
		{name: "waived now", before: "a x 1 m", after: "*a x 1 m", resolved: "a x 1 m", waived: "a x 1 m"},
		{name: "no longer waived", before: "*a x 1 m", after: "a x 1 m", introduced: "a x 1 m"},
		{name: "waived in both", before: "*a x 1 m", after: "*a x 1 m", waived: "a x 1 m"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var r diff.Report
			r.Environments = []diff.Environment{{Releases: []diff.Release{{Objects: []diff.Object{{Change: diff.Renamed, ID: "new", Was: "old"}}}}}}
			r.Judge(parse(test.before), parse(test.after))
			p := r.Policy
			want := []string{test.introduced, test.resolved, test.remaining, test.waived}
			if d := cmp.Diff(want, []string{write(p.Introduced), write(p.Resolved), write(p.Remaining), write(p.Waived)}); d != "" {
				t.Errorf("introduced, resolved, remaining, waived: -want +got\n%s", d)
			}
		})
	}
}
