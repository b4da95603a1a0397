package figures

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestSummarise(t *testing.T) {
	for _, test := range []struct {
		row  []int64
		want Summary[int64]
	}{
		{nil, Summary[int64]{}},
		{[]int64{7}, Summary[int64]{7, 7, 7}},
		{[]int64{3, 1, 2}, Summary[int64]{2, 1, 3}},
		{[]int64{4, 1, 3, 2}, Summary[int64]{2, 1, 4}},
		{[]int64{1, 1, 1, 1000}, Summary[int64]{1, 1, 1000}},
		{[]int64{math.MaxInt64, math.MaxInt64 - 2}, Summary[int64]{math.MaxInt64 - 1, math.MaxInt64 - 2, math.MaxInt64}},
	} {
		row := slices.Clone(test.row)
		if got := Summarise(test.row); got != test.want {
			t.Errorf("Summarise(%v) = %v, want %v", test.row, got, test.want)
		}
		if !slices.Equal(row, test.row) {
			t.Errorf("Summarise reordered %v to %v", row, test.row)
		}
	}
	if got, want := Summarise([]float64{0.5, 0.25}), (Summary[float64]{0.375, 0.25, 0.5}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRatios(t *testing.T) {
	got := Ratios([]float64{1, 2, 5, 0, 9}, []float64{2, 8, 0, 0})
	if want := []float64{0.5, 0.25}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTable(t *testing.T) {
	var text strings.Builder
	Table(&text, [][]string{{"a", "head"}, {"longer", "b"}})
	want := "| a      | head |\n" +
		"|--------|------|\n" +
		"| longer | b    |\n"
	if got := text.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
