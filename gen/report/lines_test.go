package report

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/diff"
)

// TestCompareIsWhole makes sure that both texts are in their comparison, line by line.
func TestCompareIsWhole(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		text := func() string {
			var b strings.Builder
			for range random.IntN(30) {
				fmt.Fprintf(&b, "%sk%d: v%d\n", strings.Repeat(" ", random.IntN(3)), random.IntN(5), random.IntN(4))
			}
			return b.String()
		}
		before, after := text(), text()
		var a, b string
		lines := compare(before, after)
		for i, l := range lines {
			if l.op != '+' {
				a += l.text + "\n"
			}
			if l.op != '-' {
				b += l.text + "\n"
			}
			if l.pair >= 0 && (lines[l.pair].pair != i || lines[l.pair].op == l.op) {
				t.Fatalf("line %d is paired with %d, which is not paired with it", i, l.pair)
			}
		}
		if a != before || b != after {
			t.Fatalf("before:\n%s%s\nafter:\n%s%s", before, cmp.Diff(before, a), after, cmp.Diff(after, b))
		}
	}
}

func TestCompareManyLines(t *testing.T) {
	// More distinct lines than there are runes below the surrogates.
	var a, b strings.Builder
	for i := range 70_000 {
		fmt.Fprintln(&a, i)
		fmt.Fprintln(&b, i+1)
	}
	if n := len(compare(a.String(), b.String())); n != 140_000 {
		t.Errorf("%d lines", n)
	}
}

func TestUnified(t *testing.T) {
	before := "a\nb\nc\nd\ne\nf\ng\nh\n"
	after := "a\nb\nC\nd\ne\nf\ng\nh\ni\n"
	want := []string{"@@ -2,3 +2,3 @@", " b", "-c", "+C", " d", "@@ -8,1 +8,2 @@", " h", "+i"}
	if d := cmp.Diff(want, unified(compare(before, after), 1)); d != "" {
		t.Error(d)
	}
	if got := unified(compare("", "x\ny\n"), 3); !slices.Equal(got, []string{"+x", "+y"}) {
		t.Errorf("%q", got)
	}
}

func TestCompareWords(t *testing.T) {
	for _, c := range []struct{ before, after, gone, come string }{
		{"replicas: 3", "replicas: 5", "3", "5"},
		{"  image: a/b:0.1.0", "  image: a/b:0.2.0", "1", "2"},
		{"- one", "+ quite another", "", ""},
		{"wert: größer", "wert: kleiner", "größer", "kleiner"},
	} {
		cut := func(s string, ranges [][2]int) (out string) {
			for _, r := range ranges {
				out += s[r[0]:r[1]]
			}
			return out
		}
		gone, come := compareWords(c.before, c.after)
		if a, b := cut(c.before, gone), cut(c.after, come); a != c.gone || b != c.come {
			t.Errorf("%s → %s: %q and %q", c.before, c.after, a, b)
		}
	}
}

func TestVisible(t *testing.T) {
	for s, want := range map[string]string{
		"plain ☂ 日本": "plain ☂ 日本", "\x1b[31m": `\u001b[31m`, "a\nb\tc": `a\nb\tc`, "\u202e": `\u202e`, "\xff": `\xff`, "\U000e0001": `\U000e0001`, "�": "�", "": "",
	} {
		if got := visible(s); got != want {
			t.Errorf("visible(%q) = %q, want %q", s, got, want)
		}
	}
	if got := string(inert([]byte("\"\U000e0001\u202e\""))); got != `"\udb40\udc01\u202e"` {
		t.Error(got)
	}
}

func TestScalar(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{{3, "3"}, {"3", `"3"`}, {"true", `"true"`}, {"info", "info"}, {"", `""`}, {" x", `" x"`}, {nil, "null"}, {[]any{"a", 1}, `["a",1]`}, {"a<b", "a<b"}} {
		if got := scalar(c.value); got != c.want {
			t.Errorf("scalar(%#v) = %s, want %s", c.value, got, c.want)
		}
	}
}

// TestPicture makes sure that boxes do not overlap, that lines go from box to box, and
// that circles are no trouble.
func TestPicture(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		objects := make([]diff.Object, random.IntN(40))
		for i := range objects {
			objects[i] = diff.Object{ID: fmt.Sprint(i), Change: diff.Changed}
			for range random.IntN(3) {
				objects[i].Refers = append(objects[i].Refers, fmt.Sprint(random.IntN(len(objects)+1)))
			}
		}
		p := draw(objects)
		if len(p.Nodes) != len(objects) {
			t.Fatalf("%d boxes for %d objects", len(p.Nodes), len(objects))
		}
		at := map[int]node{}
		for i, n := range p.Nodes {
			at[n.Object] = n
			if n.X < 0 || n.Y < 0 || n.X+boxWidth > p.Width || n.Y+boxHeight > p.Height {
				t.Errorf("a box is outside: %+v", n)
			}
			for _, m := range p.Nodes[:i] {
				if n.X < m.X+boxWidth && m.X < n.X+boxWidth && n.Y < m.Y+boxHeight && m.Y < n.Y+boxHeight {
					t.Errorf("boxes overlap: %+v and %+v", n, m)
				}
			}
		}
		for _, e := range p.Edges {
			from, to := e.Points[0], e.Points[len(e.Points)-1]
			if from[1] != at[e.From].Y+boxHeight/2 || to[1] != at[e.To].Y+boxHeight/2 {
				t.Errorf("a line does not meet its boxes: %+v", e)
			}
			for _, point := range e.Points {
				if point[1] < 0 || point[1] > p.Height {
					t.Errorf("a line is outside: %+v", e)
				}
			}
		}
	}
}
