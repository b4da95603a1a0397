package figures

import (
	"slices"
	"strings"
)

// Goal is a bound, and what was measured against it.
type Goal struct {
	Name, Bound, Measured string
	Met                   bool
}

// Goals are those of a measurement.
type Goals []Goal

// Met reports whether all are met, as those are that there are none of.
func (g Goals) Met() bool {
	return !slices.ContainsFunc(g, func(goal Goal) bool { return !goal.Met })
}

// Table writes the goals as a table in Markdown, under a title such as "goal".
func (g Goals) Table(text *strings.Builder, title string) {
	rows := [][]string{{title, "bound", "measured", ""}}
	for _, goal := range g {
		rows = append(rows, []string{goal.Name, goal.Bound, goal.Measured, Verdict(goal.Met)})
	}
	Table(text, rows)
}

// Verdict says in a table whether a goal is met.
func Verdict(met bool) string {
	if met {
		return "met"
	}
	return "NOT MET"
}
