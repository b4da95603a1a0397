package main

import (
	"math"
	"slices"
)

type number interface{ ~int64 | ~float64 }

// summary is what the tables say of a row of measurements. Median and extremes assume nothing
// about how measurements scatter.
type summary[T number] struct{ Median, Min, Max T }

// summarise returns the summary of a row; that of an empty one is zero.
func summarise[T number](row []T) summary[T] {
	if len(row) == 0 {
		return summary[T]{}
	}
	sorted := slices.Sorted(slices.Values(row))
	half := len(sorted) / 2
	median := sorted[half]
	if len(sorted)%2 == 0 {
		// Not (a+b)/2, which overflows.
		median = sorted[half-1] + (sorted[half]-sorted[half-1])/2
	}
	return summary[T]{median, sorted[0], sorted[len(sorted)-1]}
}

// ratios divides two rows pair by pair, as far as both go. A pair whose divisor is 0 gives no
// number and is left out.
func ratios[T number](a, b []T) []float64 {
	var row []float64
	for i := range min(len(a), len(b)) {
		ratio := float64(a[i]) / float64(b[i])
		if !math.IsNaN(ratio) && !math.IsInf(ratio, 0) {
			row = append(row, ratio)
		}
	}
	return row
}

// column takes one figure out of each load.
func column[T number](loads []load, figure func(load) T) []T {
	row := make([]T, len(loads))
	for i, l := range loads {
		row[i] = figure(l)
	}
	return row
}
