package main

import (
	"fmt"
	"time"

	"gitlab.com/towpath/towpath/bench/figures"
)

// The goals.
const (
	leastWaitress   = 15
	leastGunicorn   = 7
	leastNetHTTP    = 0.9
	leastFasthttp   = 0.7
	leastRegister   = 0.8
	mostMemory      = 64 << 20
	mostStart       = 100 * time.Millisecond
	mostSize        = 30_000_000
	mostGunicornP99 = 1
)

// goals are those of the parts that were measured.
func (r *report) goals() (all figures.Goals) {
	for _, call := range r.calls("web") {
		for _, g := range []struct {
			side  string
			least float64
		}{
			{"waitress", leastWaitress}, {"gunicorn", leastGunicorn},
			{"net/http", leastNetHTTP}, {"fasthttp", leastFasthttp},
		} {
			all = append(all, r.rateGoal("web", call, g.side, g.least))
		}
		slowest := against(r, "web", call, "gunicorn", p99)
		all = append(all, figures.Goal{
			Name:  call + ", p99 by that of gunicorn",
			Bound: "below 1", Measured: slowest.Cell(quotient), Met: slowest.Median > 0 && slowest.Median < mostGunicornP99,
		})
		all = append(all, r.cleanGoal("web", call), r.memoryGoal("web", call))
	}
	for _, call := range r.calls("people") {
		all = append(all, r.rateGoal("people", call, "net/http", leastRegister), r.cleanGoal("people", call))
	}
	if len(r.FirstStarts) > 0 {
		median := figures.Summarise(r.FirstStarts).Median
		all = append(all, figures.Goal{Name: "start to ready", Bound: "below " + milliseconds(int64(mostStart)), Measured: milliseconds(median), Met: median < int64(mostStart)})
	}
	if r.Stream != nil {
		all = append(all, memoryBelow("list of a million rows, memory", r.Stream.Memory.Peak))
	}
	if r.Size > 0 {
		all = append(all, figures.Goal{Name: "size of the binary", Bound: "below " + megabytes(mostSize), Measured: megabytes(r.Size), Met: r.Size < mostSize})
	}
	return all
}

func (r *report) rateGoal(part, call, side string, least float64) figures.Goal {
	ratio := against(r, part, call, side, perSecond)
	return figures.Goal{Name: call + ", requests/s by those of " + side, Bound: fmt.Sprintf("at least %g", least), Measured: ratio.Cell(quotient), Met: ratio.Median >= least}
}

func (r *report) cleanGoal(part, call string) figures.Goal {
	failed, late := failures(r.find(part, call, "service").Loads)
	return figures.Goal{Name: call + ", errors and timeouts", Bound: "none", Measured: fmt.Sprintf("%d and %d", failed, late), Met: failed+late == 0}
}

func (r *report) memoryGoal(part, call string) figures.Goal {
	return memoryBelow(call+", memory", figures.Summarise(figures.Column(r.find(part, call, "service").Loads, peak)).Max)
}

// memoryBelow does not take what is not known for little.
func memoryBelow(name string, bytes int64) figures.Goal {
	return figures.Goal{Name: name, Bound: "below " + mebibytes(mostMemory), Measured: mebibytes(bytes), Met: bytes > 0 && bytes < mostMemory}
}

// failures add up what went wrong in all rounds: a fault in one is not made good by the others.
func failures(loads []load) (failed, late int64) {
	for _, l := range loads {
		failed += l.Errors
		late += l.Timeouts
	}
	return failed, late
}
