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

// goal is a bound, and what was measured against it.
type goal struct {
	name, bound, measured string
	met                   bool
}

// goals are those of the parts that were measured.
func (r *report) goals() (all []goal) {
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
		all = append(all, goal{call + ", p99 by that of gunicorn", "below 1", slowest.Cell(quotient),
			slowest.Median > 0 && slowest.Median < mostGunicornP99})
		all = append(all, r.cleanGoal("web", call), r.memoryGoal("web", call))
	}
	for _, call := range r.calls("people") {
		all = append(all, r.rateGoal("people", call, "net/http", leastRegister), r.cleanGoal("people", call))
	}
	if len(r.FirstStarts) > 0 {
		median := figures.Summarise(r.FirstStarts).Median
		all = append(all, goal{"start to ready", "below " + milliseconds(int64(mostStart)), milliseconds(median), median < int64(mostStart)})
	}
	if r.Stream != nil {
		all = append(all, memoryBelow("list of a million rows, memory", r.Stream.Memory.Peak))
	}
	if r.Size > 0 {
		all = append(all, goal{"size of the binary", "below " + megabytes(mostSize), megabytes(r.Size), r.Size < mostSize})
	}
	return all
}

func (r *report) rateGoal(part, call, side string, least float64) goal {
	ratio := against(r, part, call, side, perSecond)
	return goal{call + ", requests/s by those of " + side, fmt.Sprintf("at least %g", least), ratio.Cell(quotient), ratio.Median >= least}
}

func (r *report) cleanGoal(part, call string) goal {
	failed, late := failures(r.find(part, call, "service").Loads)
	return goal{call + ", errors and timeouts", "none", fmt.Sprintf("%d and %d", failed, late), failed+late == 0}
}

func (r *report) memoryGoal(part, call string) goal {
	return memoryBelow(call+", memory", figures.Summarise(figures.Column(r.find(part, call, "service").Loads, peak)).Max)
}

// memoryBelow does not take what is not known for little.
func memoryBelow(name string, bytes int64) goal {
	return goal{name, "below " + mebibytes(mostMemory), mebibytes(bytes), bytes > 0 && bytes < mostMemory}
}

// failures add up what went wrong in all rounds: a fault in one is not made good by the others.
func failures(loads []load) (failed, late int64) {
	for _, l := range loads {
		failed += l.Errors
		late += l.Timeouts
	}
	return failed, late
}

func (r *report) met() bool {
	for _, g := range r.goals() {
		if !g.met {
			return false
		}
	}
	return true
}
