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

// series is one server under one load, over all rounds.
type series struct {
	Part  string `json:"part"`
	Call  string `json:"call"`
	Side  string `json:"side"`
	Loads []load `json:"loads"`
}

// report is the result of a run. What was not measured is empty.
type report struct {
	Rounds      int             `json:"rounds"`
	Seconds     int             `json:"seconds"`
	Machine     program.Machine `json:"machine"`
	Series      []*series       `json:"series,omitempty"`
	FirstStarts []int64         `json:"firstStartsNanoseconds,omitempty"`
	LaterStarts []int64         `json:"laterStartsNanoseconds,omitempty"`
	Stream      *stream         `json:"stream,omitempty"`
	Size        int64           `json:"sizeBytes,omitempty"`
}

func (r *report) add(part, call, side string, l load) {
	s := r.find(part, call, side)
	if s == nil {
		s = &series{Part: part, Call: call, Side: side}
		r.Series = append(r.Series, s)
	}
	s.Loads = append(s.Loads, l)
}

func (r *report) find(part, call, side string) *series {
	for _, s := range r.Series {
		if s.Part == part && s.Call == call && s.Side == side {
			return s
		}
	}
	return nil
}

// calls are those of a part, in the order in which they were measured.
func (r *report) calls(part string) (calls []string) {
	for _, s := range r.Series {
		if s.Part == part && s.Side == "service" {
			calls = append(calls, s.Call)
		}
	}
	return calls
}

func perSecond(l load) float64 { return l.PerSecond }
func p99(l load) int64         { return int64(l.P99) }
func peak(l load) int64        { return l.Memory.Peak }
func resident(l load) int64    { return l.Memory.Resident }

// against gives the service's figure by that of another side, round by round.
func against[T figures.Number](r *report, part, call, side string, figure func(load) T) figures.Summary[float64] {
	ours, theirs := r.find(part, call, "service"), r.find(part, call, side)
	if ours == nil || theirs == nil {
		return figures.Summary[float64]{}
	}
	return figures.Summarise(figures.Ratios(figures.Column(ours.Loads, figure), figures.Column(theirs.Loads, figure)))
}

// Markdown returns the tables of the report. They read well on a terminal too.
func (r *report) Markdown() string {
	var text strings.Builder
	for _, p := range []struct{ name, title string }{
		{"web", fmt.Sprintf("Home routes, %d connections", webConnections)},
		{"people", fmt.Sprintf("People register, %d connections", registerConnections)},
	} {
		if rows := r.loads(p.name); len(rows) > 1 {
			fmt.Fprintf(&text, "%s, rounds: %d of %d s. Median (min to max).\n\n", p.title, r.Rounds, r.Seconds)
			figures.Table(&text, rows)
			text.WriteString("\n")
		}
	}
	if text.Len() > 0 {
		text.WriteString(r.disturbance() + "\n\n")
	}
	if rows := r.singles(); len(rows) > 1 {
		figures.Table(&text, rows)
		text.WriteString("\n")
	}
	r.goals().Table(&text, "goal")
	text.WriteString("\n")
	text.WriteString(r.Machine.Markdown())
	return text.String()
}

// loads are the rows of a part that wrk has measured.
func (r *report) loads(part string) [][]string {
	rows := [][]string{{"call", "side", "requests/s", "service by this", "CPU per request", "service by this", "p99", "errors", "timeouts", "VmRSS", "VmHWM"}}
	for _, call := range r.calls(part) {
		for _, s := range r.Series {
			if s.Part != part || s.Call != call {
				continue
			}
			ratio, cpuRatio := "", ""
			if s.Side != "service" {
				ratio = against(r, part, call, s.Side, perSecond).Cell(quotient)
				cpuRatio = against(r, part, call, s.Side, load.perRequest).Cell(quotient)
			}
			failures, timeouts := failures(s.Loads)
			rows = append(rows, []string{
				s.Call, s.Side,
				figures.Summarise(figures.Column(s.Loads, perSecond)).Cell(func(v float64) string { return fmt.Sprintf("%.0f", v) }), ratio,
				figures.Summarise(figures.Column(s.Loads, load.perRequest)).Cell(microseconds), cpuRatio,
				figures.Summarise(figures.Column(s.Loads, p99)).Cell(milliseconds),
				fmt.Sprint(failures), fmt.Sprint(timeouts),
				mebibytes(figures.Summarise(figures.Column(s.Loads, resident)).Max), mebibytes(figures.Summarise(figures.Column(s.Loads, peak)).Max),
			})
		}
	}
	return rows
}

// disturbance says what the host of a virtual machine did to the loads.
func (r *report) disturbance() string {
	var repeats, loads int
	var most float64
	for _, s := range r.Series {
		for _, l := range s.Loads {
			loads++
			repeats += l.Repeats
			most = max(most, l.Stolen)
		}
	}
	return fmt.Sprintf("Of the processors' time, the machine's host took at most %.1f %% during any of these %d loads; %d more were repeated because it took over %.0f %%.",
		100*most, loads, repeats, 100*mostStolen)
}

// singles are the rows of what is measured of the service alone.
func (r *report) singles() [][]string {
	rows := [][]string{{"the service alone", "measured"}}
	if len(r.FirstStarts) > 0 {
		rows = append(rows,
			[]string{"start to ready, empty folder", figures.Summarise(r.FirstStarts).Cell(milliseconds)},
			[]string{"start to ready, tables are there", figures.Summarise(r.LaterStarts).Cell(milliseconds)})
	}
	if s := r.Stream; s != nil {
		rows = append(rows,
			[]string{"filling a million rows", s.Fill.Round(time.Millisecond).String()},
			[]string{"list of a million rows, first byte", milliseconds(int64(s.FirstByte))},
			[]string{"list of a million rows, all", fmt.Sprintf("%s for %s", s.Whole.Round(time.Millisecond), mebibytes(s.Bytes))},
			[]string{"list of a million rows, VmHWM", mebibytes(s.Memory.Peak)})
	}
	if r.Size > 0 {
		rows = append(rows, []string{"size of the binary", megabytes(r.Size)})
	}
	return rows
}

// File returns the report as a file that is committed.
func (r *report) File() string {
	return "# The service, side by side\n\nMeasured by `go run ./bench/service -write`; its documentation says how to read this.\n\n" + r.Markdown()
}

func quotient(q float64) string { return fmt.Sprintf("%.2f", q) }

func milliseconds(ns int64) string { return fmt.Sprintf("%.1f ms", float64(ns)/1e6) }

func microseconds(ns int64) string { return fmt.Sprintf("%.1f us", float64(ns)/1e3) }

func mebibytes(bytes int64) string {
	if bytes == 0 {
		return "not known"
	}
	return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.3f MB", float64(bytes)/1e6) }

func (r *report) writeJSON(file string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644) // #nosec G306 -- as any other output
}
