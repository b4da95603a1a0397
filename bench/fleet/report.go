package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/bench/figures"
	"gitlab.com/towpath/towpath/bench/program"
)

// report is the result of a run.
type report struct {
	Contenders []contender
	Measured   []measurement
	Machine    program.Machine
}

// of are the measurements of a contender, or of gen in a mode.
func (r report) of(releases int, contender, mode string) []measurement {
	return slices.DeleteFunc(slices.Clone(r.Measured), func(m measurement) bool {
		return m.Releases != releases || m.Contender != contender || m.Mode != mode
	})
}

func wall(all []measurement) []int64 {
	return figures.Column(all, func(m measurement) int64 { return int64(m.Wall) })
}

func cpu(all []measurement) []int64 {
	return figures.Column(all, func(m measurement) int64 { return int64(m.CPU) })
}

func memory(all []measurement) []int64 {
	return figures.Column(all, func(m measurement) int64 { return m.Memory })
}

// beside are the wall times of gen with an empty cache, beside each measurement.
func beside(all []measurement) []int64 {
	return figures.Column(all, func(m measurement) int64 { return int64(m.Beside) })
}

func median(row []int64) float64 { return float64(figures.Summarise(row).Median) }

// sizes are the fleets that were measured, the smallest first.
func (r report) sizes() []int {
	var sizes []int
	for _, m := range r.Measured {
		if !slices.Contains(sizes, m.Releases) {
			sizes = append(sizes, m.Releases)
		}
	}
	slices.Sort(sizes)
	return sizes
}

// The goals.
const (
	leastFaster   = 40   // than cue and helm, a release at a time
	mostUnchanged = 0.03 // of a cold run
	mostOneValue  = 0.05
	mostMemory    = 400 << 20 // bytes, with 1,000 releases
	mostGrowth    = 1.25      // of memory, to ten times the releases
	leastSlope    = 0.95
	mostSlope     = 1.05
	mostCheck     = 3 // cold renderings
	mostDiff      = 0.1
)

// slopesFrom are the numbers of releases from which on gen's time is to grow as they do.
var slopesFrom = []int{100, 1000}

// goals are those that what was measured can tell about.
func (r report) goals() figures.Goals {
	var all figures.Goals
	ratio := func(name string, a, b []int64, bound string, met func(float64) bool) {
		row := figures.Ratios(a, b)
		if len(row) == 0 {
			return
		}
		m := figures.Summarise(row).Median
		all = append(all, figures.Goal{Name: name, Bound: bound, Measured: quotient(m), Met: met(m)})
	}
	atMost := func(bound float64) func(float64) bool { return func(q float64) bool { return q <= bound } }
	gen := r.of(modesAt, "gen", "")
	slow, floor := r.of(modesAt, "cue-helm", ""), r.of(modesAt, "floor", "")
	ratio("wall time of cue and helm, a release at a time, by gen's", wall(slow), beside(slow),
		fmt.Sprintf("at least %d", leastFaster), func(q float64) bool { return q >= leastFaster })
	ratio("wall time of gen by the floor's", beside(floor), wall(floor), "below 1", func(q float64) bool { return q < 1 })
	for _, g := range []struct {
		mode string
		most float64
	}{{unchanged, mostUnchanged}, {oneValue, mostOneValue}, {checkCold, mostCheck}, {diffCold, mostDiff}} {
		used := r.of(modesAt, "gen", g.mode)
		ratio("wall time: "+g.mode+" by cold", wall(used), beside(used), fmt.Sprintf("at most %g", g.most), atMost(g.most))
	}
	if used := median(memory(gen)); used > 0 {
		all = append(all, figures.Goal{Name: "peak memory of gen", Bound: "below " + mebibytes(mostMemory), Measured: mebibytes(int64(used)), Met: used < mostMemory})
		if larger := median(memory(r.of(10*modesAt, "gen", ""))); larger > 0 {
			growth := larger / used
			all = append(all, figures.Goal{
				Name:  "peak memory of gen with ten times the releases",
				Bound: fmt.Sprintf("at most %g times", mostGrowth), Measured: quotient(growth), Met: growth <= mostGrowth,
			})
		}
	}
	for _, from := range slopesFrom {
		if slope, ok := r.slope("gen", from); ok {
			all = append(all, figures.Goal{
				Name:  fmt.Sprintf("slope of gen's wall time from %d releases on", from),
				Bound: fmt.Sprintf("%g to %g", leastSlope, mostSlope), Measured: quotient(slope), Met: slope >= leastSlope && slope <= mostSlope,
			})
		}
	}
	return all
}

// slope is that of the least-squares line through the logarithms of releases, from some on,
// and wall time.
func (r report) slope(contender string, from int) (slope float64, ok bool) {
	var x, y []float64
	for _, size := range r.sizes() {
		if row := wall(r.of(size, contender, sizesInTurn)); size >= from && len(row) > 0 {
			x, y = append(x, math.Log(float64(size))), append(y, math.Log(median(row)))
		}
	}
	if len(x) < 2 {
		return 0, false
	}
	var sumX, sumY, sumXX, sumXY float64
	for i := range x {
		sumX, sumY, sumXX, sumXY = sumX+x[i], sumY+y[i], sumXX+x[i]*x[i], sumXY+x[i]*y[i]
	}
	n := float64(len(x))
	return (n*sumXY - sumX*sumY) / (n*sumXX - sumX*sumX), true
}

// Markdown returns the tables of the report. They read well on a terminal too.
func (r report) Markdown() string {
	var text strings.Builder
	if goals := r.goals(); len(goals) > 0 {
		goals.Table(&text, "goal, with 1,000 releases")
		text.WriteString("\n")
	}
	for _, size := range r.sizes() {
		fmt.Fprintf(&text, "## Releases: %d\n\n", size)
		figures.Table(&text, r.contenderTable(size))
		text.WriteString("\n")
		if table := r.modeTable(size); len(table) > 1 {
			figures.Table(&text, table)
			text.WriteString("\n")
		}
	}
	text.WriteString(r.Machine.Markdown())
	text.WriteString("\nThe commands:\n\n")
	for _, c := range r.Contenders {
		fmt.Fprintf(&text, "    %-15s %s\n", c.name, c.line)
	}
	return text.String()
}

func (r report) contenderTable(size int) [][]string {
	table := [][]string{{"median (min to max)", "wall time", "by gen's", "CPU time", "peak memory", "turns"}}
	for _, c := range r.Contenders {
		used := r.of(size, c.name, "")
		if len(used) == 0 {
			continue
		}
		by := ""
		if ratios := figures.Ratios(wall(used), beside(used)); len(ratios) > 0 {
			by = quotient(figures.Summarise(ratios).Median)
		}
		table = append(table, append([]string{c.label}, row(used, by)...))
	}
	return table
}

func (r report) modeTable(size int) [][]string {
	table := [][]string{{"gen, median (min to max)", "wall time", "by cold", "CPU time", "peak memory", "turns"}}
	var names []string
	for _, m := range r.Measured {
		if m.Releases == size && m.Mode != "" && m.Mode != sizesInTurn && !slices.Contains(names, m.Mode) {
			names = append(names, m.Mode)
		}
	}
	for _, name := range names {
		used := r.of(size, "gen", name)
		by := ""
		if ratios := figures.Ratios(wall(used), beside(used)); len(ratios) > 0 {
			by = quotient(figures.Summarise(ratios).Median)
		}
		table = append(table, append([]string{name}, row(used, by)...))
	}
	return table
}

// row is what a row of measurements comes to.
func row(used []measurement, by string) []string {
	peak := ""
	if figures.Summarise(memory(used)).Max > 0 {
		peak = mebibytes(figures.Summarise(memory(used)).Median)
	}
	return []string{
		figures.Summarise(wall(used)).Cell(seconds), by, figures.Summarise(cpu(used)).Cell(seconds), peak, fmt.Sprint(len(used)),
	}
}

func quotient(q float64) string { return fmt.Sprintf("%.3g", q) }

func seconds(ns int64) string {
	if d := time.Duration(ns); d >= time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f ms", float64(ns)/1e6)
}

func mebibytes(bytes int64) string { return fmt.Sprintf("%.0f MiB", float64(bytes)/(1<<20)) }

// write writes the result as files that are committed.
func (r report) write(dir string) error {
	text := "# A fleet rendered by gen and by others\n\nMeasured by `go run ./bench/fleet -write`; its documentation says how to read this. Every measurement is in\n" +
		"[results.csv](results.csv).\n\n![Wall time and peak memory by the number of releases](results.svg)\n\n" + r.Markdown()
	picture, err := r.plot()
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{"results.md": []byte(text), "results.svg": picture} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return writeCSV(filepath.Join(dir, "results.csv"), r.Measured)
}
