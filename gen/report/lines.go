package report

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// line is one line of a comparison: kept (' '), taken out ('-') or put in ('+').
type line struct {
	op   byte
	text string
	// pair is the index of the line that it became or came from, -1 without one.
	pair int
	// words are the parts of it that its pair does not have, as byte offsets.
	words [][2]int
}

// compare compares two texts line by line.
func compare(before, after string) []line {
	a, b := splitLines(before), splitLines(after)
	var out []line
	for _, step := range steps(a, b) {
		for _, text := range step.text {
			out = append(out, line{op: step.op, text: text, pair: -1})
		}
	}
	for start := 0; start < len(out); {
		end := start
		for end < len(out) && out[end].op != ' ' {
			end++
		}
		pairUp(out, start, end)
		start = end + 1
	}
	return out
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// step is a run of pieces with the same fate.
type step struct {
	op   byte
	text []string
}

// steps finds the shortest way from one list of strings to the other.
func steps(a, b []string) []step {
	// Every distinct string becomes a rune, so that the library compares whole
	// strings. Its own mode for lines is older than its last mistake in it.
	runes, texts := map[string]rune{}, map[rune]string{}
	encode := func(list []string) []rune {
		encoded := make([]rune, len(list))
		for i, text := range list {
			r, ok := runes[text]
			if !ok {
				r = rune(len(runes) + 1)
				if r >= 0xd800 {
					r += 0x800 // Surrogates are no runes.
				}
				runes[text], texts[r] = r, text
			}
			encoded[i] = r
		}
		return encoded
	}
	var diffs []diffmatchpatch.Diff
	// Beyond that many the exact answer takes too long, and nobody reads it.
	const most = 20_000
	if ra, rb := encode(a), encode(b); len(ra)+len(rb) <= most {
		dmp := diffmatchpatch.New()
		dmp.DiffTimeout = 0 // The answer must not depend on the clock.
		diffs = dmp.DiffMainRunes(ra, rb, false)
	} else {
		return []step{{'-', a}, {'+', b}}
	}
	var out []step
	for _, d := range diffs {
		s := step{op: ' '}
		switch d.Type {
		case diffmatchpatch.DiffDelete:
			s.op = '-'
		case diffmatchpatch.DiffInsert:
			s.op = '+'
		}
		for _, r := range d.Text {
			s.text = append(s.text, texts[r])
		}
		// What goes comes before what takes its place.
		if n := len(out); n > 0 && s.op == '-' && out[n-1].op == '+' {
			out = append(out[:n-1], s, out[n-1])
			continue
		}
		out = append(out, s)
	}
	return out
}

var key = regexp.MustCompile(`^\s*(?:- )?[^:\s]+:`)

// pairUp finds for the lines that go which of those that come takes their place: of
// the same key if there are keys, else the next one.
func pairUp(lines []line, start, end int) {
	var gone, come []int
	for i := start; i < end; i++ {
		if lines[i].op == '-' {
			gone = append(gone, i)
		} else {
			come = append(come, i)
		}
	}
	next := 0
	same := len(gone) == len(come)
	for k, i := range gone {
		mine := key.FindString(lines[i].text)
		for j := next; j < len(come); j++ {
			if theirs := key.FindString(lines[come[j]].text); mine != theirs || mine == "" && !(same && j == k) {
				continue
			}
			lines[i].pair, lines[come[j]].pair = come[j], i
			lines[i].words, lines[come[j]].words = compareWords(lines[i].text, lines[come[j]].text)
			next = j + 1
			break
		}
	}
}

var word = regexp.MustCompile(`[\pL\pN_]+|\s+|.`)

// compareWords returns the parts of two lines that differ, nothing if too little
// is the same for that to help.
func compareWords(before, after string) (gone, come [][2]int) {
	const long = 4000
	if len(before) > long || len(after) > long {
		return nil, nil
	}
	same, i, j := 0, 0, 0
	for _, s := range steps(word.FindAllString(before, -1), word.FindAllString(after, -1)) {
		n := len(strings.Join(s.text, ""))
		switch s.op {
		case ' ':
			same += len(strings.TrimSpace(strings.Join(s.text, "")))
			i, j = i+n, j+n
		case '-':
			gone = grow(gone, i, i+n, before)
			i += n
		case '+':
			come = grow(come, j, j+n, after)
			j += n
		}
	}
	if same*5 < min(len(strings.TrimSpace(before)), len(strings.TrimSpace(after))) {
		return nil, nil
	}
	return gone, come
}

// grow adds a range, joined with the last one if only a character or two of
// punctuation is between them.
func grow(ranges [][2]int, start, end int, text string) [][2]int {
	if n := len(ranges); n > 0 {
		if gap := text[ranges[n-1][1]:start]; len(gap) <= 2 && !strings.ContainsAny(gap, " \t") {
			ranges[n-1][1] = end
			return ranges
		}
	}
	return append(ranges, [2]int{start, end})
}

// unified writes a comparison as diff -u does, without the file names: a line each,
// with its sign, and @@ before each part.
func unified(lines []line, context int) []string {
	keep := make([]bool, len(lines))
	for i, l := range lines {
		if l.op == ' ' {
			continue
		}
		for j := max(0, i-context); j <= min(len(lines)-1, i+context); j++ {
			keep[j] = true
		}
	}
	var out []string
	a, b := 1, 1
	for i := 0; i < len(lines); i++ {
		if keep[i] && (i == 0 || !keep[i-1]) {
			na, nb := 0, 0
			for j := i; j < len(lines) && keep[j]; j++ {
				if lines[j].op != '+' {
					na++
				}
				if lines[j].op != '-' {
					nb++
				}
			}
			if i > 0 || na+nb > 0 && !all(keep) {
				out = append(out, fmt.Sprintf("@@ -%d,%d +%d,%d @@", a, na, b, nb))
			}
		}
		if keep[i] {
			out = append(out, string(lines[i].op)+lines[i].text)
		}
		if lines[i].op != '+' {
			a++
		}
		if lines[i].op != '-' {
			b++
		}
	}
	return out
}

func all(keep []bool) bool {
	for _, k := range keep {
		if !k {
			return false
		}
	}
	return true
}
