package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/bench/figures"
	"gitlab.com/towpath/towpath/bench/objects"
	"gitlab.com/towpath/towpath/bench/program"
	"gitlab.com/towpath/towpath/gen/diff"
)

// prove runs both sides once and compares what they see. It returns the numbers of
// objects that change and that stay.
func prove(ctx context.Context, s *sides) (changed, unchanged int, err error) {
	var r diff.Report
	if err := s.report(ctx, &r); err != nil {
		return 0, 0, err
	}
	texts, _, err := s.pipeline(ctx, io.Discard)
	if err != nil {
		return 0, 0, err
	}
	stays := map[string]bool{}
	var told [2]bytes.Buffer
	for _, env := range r.Environments {
		for _, release := range env.Releases {
			for _, o := range release.Objects {
				if o.Change == diff.Unchanged {
					stays[fmt.Sprintf("%s/%s/%s/%s", o.APIVersion, o.Kind, orNone(o.Namespace), o.Name)] = true
					continue
				}
				changed++
				fmt.Fprintf(&told[0], "---\n%s\n", o.Before)
				fmt.Fprintf(&told[1], "---\n%s\n", o.After)
			}
		}
	}
	var same [2][]objects.Object
	for i, text := range texts {
		all, err := objects.Parse(text)
		if err != nil {
			return 0, 0, fmt.Errorf("reading the output of helm: %w", err)
		}
		var moves []objects.Object
		for _, o := range all {
			if stays[o.Key()] {
				same[i] = append(same[i], o)
			} else {
				moves = append(moves, o)
			}
		}
		reported, err := objects.Parse(told[i].Bytes())
		if err != nil {
			return 0, 0, fmt.Errorf("reading the objects in the output of gen: %w", err)
		}
		if lines := objects.Differences(reported, moves); len(lines) > 0 {
			return 0, 0, fmt.Errorf("the sides see different objects, gen's first:\n  %s", strings.Join(lines, "\n  "))
		}
	}
	if lines := objects.Differences(same[0], same[1]); len(lines) > 0 || len(same[0]) != len(stays) {
		return 0, 0, fmt.Errorf("gen calls %d objects unchanged, helm printed %d of them, and these differ:\n  %s", len(stays), len(same[0]), strings.Join(lines, "\n  "))
	}
	if changed == 0 {
		return 0, 0, fmt.Errorf("the commits do not differ in environment %s", s.name)
	}
	return changed, len(stays), nil
}

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// warmUp is the number of turns that are not counted.
const warmUp = 2

// turn is what each side used in one turn.
type turn struct{ Gen, Pipeline program.Usage }

func measure(ctx context.Context, s *sides, runs int) ([]turn, error) {
	var turns []turn
	for i := range warmUp + runs {
		var t turn
		var err error
		if t.Gen, err = s.gen(ctx, io.Discard); err != nil {
			return nil, err
		}
		if _, t.Pipeline, err = s.pipeline(ctx, io.Discard); err != nil {
			return nil, err
		}
		if i >= warmUp {
			turns = append(turns, t)
		}
	}
	return turns, nil
}

// mostRatio is the goal, for CPU time and for wall time.
const mostRatio = 0.25

type report struct {
	Environment        string
	Changed, Unchanged int
	Turns              []turn
	Machine            program.Machine
}

// rows are the figures of both sides: name, gen, pipeline.
func (r report) rows() map[string][2][]time.Duration {
	return map[string][2][]time.Duration{
		"CPU time": {
			figures.Column(r.Turns, func(t turn) time.Duration { return t.Gen.CPU }),
			figures.Column(r.Turns, func(t turn) time.Duration { return t.Pipeline.CPU }),
		},
		"wall time": {
			figures.Column(r.Turns, func(t turn) time.Duration { return t.Gen.Wall }),
			figures.Column(r.Turns, func(t turn) time.Duration { return t.Pipeline.Wall }),
		},
	}
}

func (r report) met() bool {
	for _, row := range r.rows() {
		if figures.Summarise(figures.Ratios(row[0], row[1])).Median > mostRatio {
			return false
		}
	}
	return true
}

// Markdown returns the table of the report.
func (r report) Markdown() string {
	milliseconds := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }
	quotient := func(q float64) string { return fmt.Sprintf("%.2f", q) }
	table := [][]string{{"median (min to max)", "gen", "worktree, diff", "ratio", fmt.Sprintf("goal: at most %.2f", mostRatio)}}
	for _, name := range []string{"CPU time", "wall time"} {
		row := r.rows()[name]
		ratio := figures.Summarise(figures.Ratios(row[0], row[1]))
		table = append(table, []string{
			name, figures.Summarise(row[0]).Cell(milliseconds), figures.Summarise(row[1]).Cell(milliseconds), ratio.Cell(quotient), figures.Verdict(ratio.Median <= mostRatio),
		})
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Environment %s, objects that change: %d, that stay: %d, turns: %d.\n\n", r.Environment, r.Changed, r.Unchanged, len(r.Turns))
	figures.Table(&text, table)
	text.WriteString("\n" + r.Machine.Markdown())
	return text.String()
}
