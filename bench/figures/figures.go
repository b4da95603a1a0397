// Package figures sums rows of measurements up and prints them, the same way in
// every measurement.
package figures

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Number is what is measured.
type Number interface{ ~int64 | ~float64 }

// Summary is what a table says of a row of measurements. Median and extremes need
// no assumption about how measurements scatter; those of programs have a long
// tail on one side, for which mean and deviation mean little.
type Summary[T Number] struct{ Median, Min, Max T }

// Summarise returns the summary of a row; that of an empty one is zero.
func Summarise[T Number](row []T) Summary[T] {
	if len(row) == 0 {
		return Summary[T]{}
	}
	sorted := slices.Sorted(slices.Values(row))
	half := len(sorted) / 2
	median := sorted[half]
	if len(sorted)%2 == 0 {
		// Not (a+b)/2, which overflows.
		median = sorted[half-1] + (sorted[half]-sorted[half-1])/2
	}
	return Summary[T]{median, sorted[0], sorted[len(sorted)-1]}
}

// Cell shows the summary in a cell of a table.
func (s Summary[T]) Cell(show func(T) string) string {
	return fmt.Sprintf("%s (%s to %s)", show(s.Median), show(s.Min), show(s.Max))
}

// Ratios divides two rows pair by pair, as far as both go. A pair whose divisor
// is 0 gives no number and is left out.
func Ratios[T Number](a, b []T) []float64 {
	var row []float64
	for i := range min(len(a), len(b)) {
		ratio := float64(a[i]) / float64(b[i])
		if !math.IsNaN(ratio) && !math.IsInf(ratio, 0) {
			row = append(row, ratio)
		}
	}
	return row
}

// Column takes one figure out of each of several measurements.
func Column[M any, T Number](measurements []M, figure func(M) T) []T {
	row := make([]T, len(measurements))
	for i, m := range measurements {
		row[i] = figure(m)
	}
	return row
}

// Table writes a table in Markdown whose columns line up. The first row is its
// head.
func Table(text *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for n, row := range rows {
		for i, cell := range row {
			fmt.Fprintf(text, "| %-*s ", widths[i], cell)
		}
		text.WriteString("|\n")
		if n == 0 {
			for _, width := range widths {
				text.WriteString("|" + strings.Repeat("-", width+2))
			}
			text.WriteString("|\n")
		}
	}
}
