package main

import (
	"math"
	"slices"
)

// summary is what the table says of a row of measurements. Median and extremes
// need no assumption about how measurements scatter; those of programs have a
// long tail on one side, for which mean and deviation mean little.
type summary[T number] struct{ Median, Min, Max T }

type number interface{ ~int64 | ~float64 }

// summarise returns the summary of at least one measurement.
func summarise[T number](row []T) summary[T] {
	sorted := slices.Sorted(slices.Values(row))
	half := len(sorted) / 2
	median := sorted[half]
	if len(sorted)%2 == 0 {
		// Not (a+b)/2, which overflows.
		median = sorted[half-1] + (sorted[half]-sorted[half-1])/2
	}
	return summary[T]{median, sorted[0], sorted[len(sorted)-1]}
}

// ratios divides two rows pair by pair. A pair whose divisor is 0 gives no
// number, and counts as missing.
func ratios[T number](a, b []T) []float64 {
	var row []float64
	for i := range a {
		ratio := float64(a[i]) / float64(b[i])
		if !math.IsNaN(ratio) && !math.IsInf(ratio, 0) {
			row = append(row, ratio)
		}
	}
	return row
}

// column takes one figure out of each turn.
func column[T number](turns []turn, figure func(turn) T) []T {
	row := make([]T, len(turns))
	for i, t := range turns {
		row[i] = figure(t)
	}
	return row
}
