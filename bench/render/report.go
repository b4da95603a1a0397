package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/bench/figures"
	"gitlab.com/towpath/towpath/bench/program"
)

// The goals.
const (
	mostRatio   = 0.5
	mostStartup = 40 * time.Millisecond
)

// report is the result of a run.
type report struct {
	Environment string          `json:"environment"`
	Objects     int             `json:"objects"`
	Machine     program.Machine `json:"machine"`
	Turns       []turn          `json:"turns"`
	Sides       sides           `json:"-"`
}

// figure is one thing that is measured of both sides.
type figure struct {
	name          string
	gen, pipeline []int64
	show          func(int64) string
}

func (r report) figures() []figure {
	all := []figure{
		{
			"CPU time",
			figures.Column(r.Turns, func(t turn) int64 { return int64(t.Gen.CPU) }),
			figures.Column(r.Turns, func(t turn) int64 { return int64(t.Pipeline.CPU) }),
			milliseconds,
		},
		{
			"wall time",
			figures.Column(r.Turns, func(t turn) int64 { return int64(t.Gen.Wall) }),
			figures.Column(r.Turns, func(t turn) int64 { return int64(t.Pipeline.Wall) }),
			milliseconds,
		},
	}
	if r.Turns[0].Gen.Memory > 0 {
		all = append(all, figure{
			"peak memory",
			figures.Column(r.Turns, func(t turn) int64 { return t.Gen.Memory }),
			figures.Column(r.Turns, func(t turn) int64 { return t.Pipeline.Memory }),
			mebibytes,
		})
	}
	return all
}

// startup is the CPU time of gen version.
func (r report) startup() figures.Summary[int64] {
	return figures.Summarise(figures.Column(r.Turns, func(t turn) int64 { return int64(t.Version.CPU) }))
}

func (r report) goals() figures.Goals {
	var all figures.Goals
	for _, f := range r.figures() {
		if f.name == "peak memory" {
			continue // No goal: it is there so that time is not bought with memory unseen.
		}
		ratio := figures.Summarise(figures.Ratios(f.gen, f.pipeline)).Median
		all = append(all, figures.Goal{
			Name:  f.name + " of gen by that of cue and helm",
			Bound: fmt.Sprintf("at most %.1f", mostRatio), Measured: quotient(ratio), Met: ratio <= mostRatio,
		})
	}
	start := r.startup().Median
	return append(all, figures.Goal{
		Name:  "CPU time of gen version",
		Bound: "at most " + milliseconds(int64(mostStartup)), Measured: milliseconds(start), Met: start <= int64(mostStartup),
	})
}

// Markdown returns the tables of the report. They read well on a terminal too.
func (r report) Markdown() string {
	rows := [][]string{{"median (min to max)", "gen", "cue and helm", "ratio"}}
	for _, f := range r.figures() {
		row := []string{f.name}
		for _, side := range [][]int64{f.gen, f.pipeline} {
			s := figures.Summarise(side)
			row = append(row, s.Cell(f.show))
		}
		rows = append(rows, append(row, figures.Summarise(figures.Ratios(f.gen, f.pipeline)).Cell(quotient)))
	}
	rows = append(rows, []string{"CPU time of gen version", r.startup().Cell(milliseconds), "", ""})
	var text strings.Builder
	fmt.Fprintf(&text, "Environment %s, objects: %d, turns: %d.\n\n", r.Environment, r.Objects, len(r.Turns))
	figures.Table(&text, rows)
	text.WriteString("\n")
	r.goals().Table(&text, "goal")
	text.WriteString("\n")
	text.WriteString(r.Machine.Markdown())
	return text.String()
}

// File returns the report as a file that is committed.
func (r report) File() string {
	var text strings.Builder
	text.WriteString("# gen against cue and helm\n\nMeasured by `go run ./bench/render -write`; its documentation says how to read this.\n\n")
	text.WriteString(r.Markdown())
	text.WriteString("\nThe commands:\n\n")
	for _, side := range []side{r.Sides.Gen, r.Sides.Pipeline} {
		for _, commands := range side.pipelines {
			fmt.Fprintf(&text, "    %s\n", program.CommandLine(commands))
		}
	}
	return text.String()
}

func quotient(q float64) string { return fmt.Sprintf("%.2f", q) }

func milliseconds(ns int64) string { return fmt.Sprintf("%.1f ms", float64(ns)/1e6) }

func mebibytes(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }

func (r report) writeJSON(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}
