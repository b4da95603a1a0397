package diff

import (
	"fmt"
	"slices"
	"strconv"
)

// byValue compares lists of which the content counts. Structs without an equal on
// the other side are compared with the one that is most like them.
func (w *walker) byValue(p *place, at spot, before, after []any, ordered bool) {
	x, y := canonItems(p, before), canonItems(p, after)
	taken := make([]bool, len(after))
	var kept []int // in after, in the order of before
	var gone []int
	for i := range before {
		j := slices.IndexFunc(y, func(text string) bool { return text == x[i] })
		for j >= 0 && taken[j] {
			next := slices.Index(y[j+1:], x[i])
			if next < 0 {
				j = -1
				break
			}
			j += 1 + next
		}
		if j < 0 {
			gone = append(gone, i)
			continue
		}
		taken[j] = true
		kept = append(kept, j)
	}
	var come []int
	for j := range after {
		if !taken[j] {
			come = append(come, j)
		}
	}
	for _, i := range gone {
		best, score := -1, 0.3
		for _, j := range come {
			if s := likeness(p.item(), before[i], after[j]); !taken[j] && s > score {
				best, score = j, s
			}
		}
		if _, isStruct := before[i].(map[string]any); isStruct && len(gone) == 1 && len(come) == 1 {
			best = come[0] // One that is gone and one that is new are one that changed.
		}
		if best < 0 {
			w.report(at.item(itemName(before[i], i), i, i), Removed, before[i], nil)
			continue
		}
		taken[best] = true
		kept = append(kept, best)
		w.item(p.item(), at.item(strconv.Itoa(best), i, best), before[i], after[best])
	}
	for _, j := range come {
		if !taken[j] {
			w.report(at.item(itemName(after[j], j), j, j), Added, nil, after[j])
		}
	}
	if ordered && len(gone) == 0 && !slices.IsSorted(kept) {
		w.order(at, before, after)
	}
}

// item compares two items of a list. One that says nothing is there all the same.
func (w *walker) item(p *place, at spot, before, after any) {
	if saysNothing(p, before) != saysNothing(p, after) {
		w.report(at, Changed, before, after)
		return
	}
	w.value(p, at, before, after)
}

// itemName is how a path calls an item that is told apart by what it is: a text by
// itself, a struct by where it stands.
func itemName(item any, i int) string {
	switch item.(type) {
	case map[string]any, []any:
		return strconv.Itoa(i)
	}
	return "=" + quoteKey(fmt.Sprint(show(item)))
}

// sequence compares lists item by item, so that what is inserted does not change
// all that follows.
func (w *walker) sequence(p *place, at spot, before, after []any) {
	x, y := canonItems(p, before), canonItems(p, after)
	i, j := 0, 0
	for _, same := range append(common(x, y), [2]int{len(x), len(y)}) {
		for ; i < same[0] && j < same[1]; i, j = i+1, j+1 {
			w.item(p.item(), at.item(strconv.Itoa(j), i, j), before[i], after[j])
		}
		for ; i < same[0]; i++ {
			w.report(at.item(strconv.Itoa(i), i, i), Removed, before[i], nil)
		}
		for ; j < same[1]; j++ {
			w.report(at.item(strconv.Itoa(j), j, j), Added, nil, after[j])
		}
		i, j = same[0]+1, same[1]+1
	}
}

// common returns the places of a longest common subsequence of two lists.
func common(x, y []string) [][2]int {
	start := 0
	for start < len(x) && start < len(y) && x[start] == y[start] {
		start++
	}
	end := 0
	for end < len(x)-start && end < len(y)-start && x[len(x)-1-end] == y[len(y)-1-end] {
		end++
	}
	var pairs [][2]int
	for i := range start {
		pairs = append(pairs, [2]int{i, i})
	}
	a, b := x[start:len(x)-end], y[start:len(y)-end]
	if len(a)*len(b) <= 1<<22 { // Beyond, what differs is taken as it stands.
		for _, pair := range longest(a, b) {
			pairs = append(pairs, [2]int{start + pair[0], start + pair[1]})
		}
	}
	for k := end; k > 0; k-- {
		pairs = append(pairs, [2]int{len(x) - k, len(y) - k})
	}
	return pairs
}

func longest(a, b []string) [][2]int {
	length := make([][]int, len(a)+1)
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var pairs [][2]int
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			pairs = append(pairs, [2]int{i, j})
			i, j = i+1, j+1
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return pairs
}
