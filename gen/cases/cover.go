package cases

import (
	"fmt"
	"slices"
)

// attempts is how often a row that is refused is mended before it is given up.
const attempts = 6

// cell is a factor at one of its levels.
type cell struct{ factor, level int }

// pair is two cells of different factors, in the order of the factors.
type pair struct{ a, b cell }

// search looks for rows, each a level for every factor, such that every pair of
// levels of two factors is in a row that is not refused.
//
// It is the greedy way of AETG (Cohen et al., The AETG System, 1997) without its
// chance: a row starts from the first pair that is still missing, and each other
// factor takes the level that adds the most. A row that is refused is mended where
// the refusal says.
type search struct {
	factors []factor
	// levels are those of the n-th factor.
	levels func(n int) []any
	// base returns the level that a factor has where the row leaves it alone.
	base func(n int) int
	// refusals says what is wrong with a row.
	refusals func(row []int) []refusal
	// leads tells whether a row that may yet be refused is of any use.
	leads func(row []int) bool
	// found is given the rows, until it returns false.
	found func(row []int) bool
	// once tells to give a pair up when the first row for it can't be mended.
	once bool
}

// cover returns why, for each pair that is in no row.
func (s *search) cover() (refused []string) {
	missing, order := wanted(s.factors)
	done := func(row []int) {
		for i := range row {
			for j := range i {
				delete(missing, pair{cell{j, row[j]}, cell{i, row[i]}})
			}
		}
	}
	if row := defaults(s.factors); s.leads(row) && len(s.refusals(row)) == 0 {
		done(row)
		if !s.found(row) {
			return nil
		}
	}
	for _, p := range order {
		if !missing[p] {
			continue
		}
		said := ""
		starts := [][]int{greedy(s.factors, missing, p)}
		if !s.once {
			starts = append(starts, defaults(s.factors), quiet(s.factors))
		}
		for _, row := range starts {
			row[p.a.factor], row[p.b.factor] = p.a.level, p.b.level
			if !s.leads(row) {
				done(row)
				break
			}
			if said = s.mend(row, p); said == "" {
				done(row)
				if !s.found(row) {
					return refused
				}
				break
			}
		}
		if missing[p] {
			delete(missing, p)
			refused = append(refused, fmt.Sprintf("%s with %s: %s",
				s.String(p.a), s.String(p.b), said))
		}
	}
	return refused
}

// String returns a cell as the switch with what it is set to.
func (s *search) String(c cell) string {
	return s.factors[c.factor].String(s.levels(c.factor)[c.level])
}

// wanted returns all pairs, as a set and in an order.
func wanted(factors []factor) (missing map[pair]bool, order []pair) {
	missing = map[pair]bool{}
	for i := range factors {
		for a := range factors[i].levels {
			for j := range i {
				for b := range factors[j].levels {
					p := pair{cell{j, b}, cell{i, a}}
					missing[p] = true
					order = append(order, p)
				}
			}
		}
	}
	return missing, order
}

// greedy returns a row with the pair, and as many others that are missing as a
// single glance at each factor finds.
func greedy(factors []factor, missing map[pair]bool, p pair) []int {
	row := make([]int, len(factors))
	fixed := []cell{p.a, p.b}
	for _, c := range fixed {
		row[c.factor] = c.level
	}
	for i := range factors {
		if i == p.a.factor || i == p.b.factor {
			continue
		}
		best, most := 0, -1
		for level := range factors[i].levels {
			gain := 0
			for _, c := range fixed {
				q := pair{c, cell{i, level}}
				if c.factor > i {
					q = pair{q.b, q.a}
				}
				if missing[q] {
					gain++
				}
			}
			if gain > most {
				best, most = level, gain
			}
		}
		row[i] = best
		fixed = append(fixed, cell{i, best})
	}
	return row
}

func defaults(factors []factor) []int { return make([]int, len(factors)) }

// quiet returns the row in which everything that can be off is off.
func quiet(factors []factor) []int {
	row := make([]int, len(factors))
	for i, f := range factors {
		if off := slices.Index(f.levels, any(false)); off >= 0 {
			row[i] = off
		}
	}
	return row
}

// mend changes levels of the factors that a refusal blames, but not those of the
// pair, until nothing is refused; or it says what is refused all the same.
func (s *search) mend(row []int, p pair) (why string) {
	tried := map[cell]bool{}
	for range attempts {
		refused := s.refusals(row)
		if len(refused) == 0 {
			return ""
		}
		changed := false
		for _, r := range refused {
			why = r.message
			i := s.changeable(row, p, tried, r.path)
			if i < 0 && len(r.path) > 1 {
				// What stands beside it may be as much to blame.
				i = s.changeable(row, p, tried, r.path[:len(r.path)-1])
			}
			if i < 0 {
				continue
			}
			tried[cell{i, row[i]}] = true
			for level := range s.levels(i) {
				if !tried[cell{i, level}] {
					row[i] = level
					break
				}
			}
			changed = true
		}
		if !changed {
			break
		}
	}
	return why
}

// changeable returns a factor at, below or above the path that has a level which
// was not tried, and is not of the pair.
func (s *search) changeable(row []int, p pair, tried map[cell]bool, path []string) int {
	for i, f := range s.factors {
		if i == p.a.factor || i == p.b.factor || !touches(f.path, path) {
			continue
		}
		if row[i] == asBase {
			row[i] = s.base(i)
		}
		for level := range s.levels(i) {
			if level != row[i] && !tried[cell{i, level}] {
				return i
			}
		}
	}
	return -1
}

// touches reports whether one of the paths lies within the other.
func touches(a, b []string) bool {
	n := min(len(a), len(b))
	return n > 0 && slices.Equal(a[:n], b[:n])
}
