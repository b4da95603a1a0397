package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/bench/program"
)

// good is a report of three rounds that meets every goal.
func good() *report {
	r := &report{
		Rounds: 3, Seconds: 1, Machine: program.Machine{System: "linux/amd64", Cores: 2},
		FirstStarts: []int64{1e6}, LaterStarts: []int64{1e6},
		Stream: &stream{Whole: time.Second, Bytes: 1 << 20, Memory: memory{1 << 20, 1 << 20}}, Size: 1e6,
	}
	rates := map[string]float64{"service": 1000, "net/http": 1000, "fasthttp": 1400, "waitress": 50, "gunicorn": 100}
	for range 3 {
		for _, side := range webSides {
			l := load{PerSecond: rates[side], P99: 9 * time.Millisecond, Memory: memory{1 << 20, 2 << 20}}
			if side == "gunicorn" {
				l.P99 *= 2
			}
			r.add("web", "/", side, l)
		}
		r.add("people", "SQLite, create", "service", load{PerSecond: 80})
		r.add("people", "SQLite, create", "net/http", load{PerSecond: 100})
	}
	return r
}

func TestGoalsAreMet(t *testing.T) {
	r := good()
	if !r.goals().Met() || len(r.goals()) != 12 {
		t.Errorf("got %+v", r.goals())
	}
	// A ratio is taken round by round: one that was disturbed moves no median.
	r.find("web", "/", "service").Loads[1].PerSecond = 1
	if !r.goals().Met() {
		t.Errorf("got %+v", r.goals())
	}
}

func TestGoalsAreMissed(t *testing.T) {
	for want, spoil := range map[string]func(*report){
		"/, requests/s by those of waitress":          func(r *report) { slower(r, "waitress", 70) },
		"/, requests/s by those of gunicorn":          func(r *report) { slower(r, "gunicorn", 150) },
		"/, requests/s by those of net/http":          func(r *report) { slower(r, "net/http", 1200) },
		"/, requests/s by those of fasthttp":          func(r *report) { slower(r, "fasthttp", 1500) },
		"/, p99 by that of gunicorn":                  func(r *report) { each(r, "gunicorn", func(l *load) { l.P99 = 1 }) },
		"/, errors and timeouts":                      func(r *report) { r.find("web", "/", "service").Loads[2].Timeouts = 1 },
		"/, memory":                                   func(r *report) { r.find("web", "/", "service").Loads[0].Memory.Peak = 1 << 30 },
		"SQLite, create, requests/s by those of net/": func(r *report) { r.Series[6].Loads = []load{{PerSecond: 101}} },
		"SQLite, create, errors and timeouts":         func(r *report) { r.Series[5].Loads[1].Errors = 1 },
		"start to ready":                              func(r *report) { r.FirstStarts = []int64{1e9} },
		"list of a million rows, memory":              func(r *report) { r.Stream.Memory = memory{} },
		"size of the binary":                          func(r *report) { r.Size = mostSize },
	} {
		r := good()
		spoil(r)
		for _, g := range r.goals() {
			if missed := strings.HasPrefix(g.Name, want); g.Met == missed {
				t.Errorf("spoilt %q: %q counts as met: %v (%s)", want, g.Name, g.Met, g.Measured)
			}
		}
	}
}

func slower(r *report, side string, rate float64) {
	each(r, side, func(l *load) { l.PerSecond = rate })
}

func each(r *report, side string, change func(*load)) {
	loads := r.find("web", "/", side).Loads
	for i := range loads {
		change(&loads[i])
	}
}

func TestMarkdown(t *testing.T) {
	text := good().Markdown()
	for _, part := range []string{
		"| 20.00 (20.00 to 20.00) ", "| 0.80 (0.80 to 0.80) ", "| 9.0 ms (9.0 ms to 9.0 ms) ", "2.0 MiB", "1.000 MB",
		"- machine: linux/amd64, 2 cores", "| at least 0.7 ",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
	if strings.Contains(text, "NOT MET") {
		t.Errorf("missed:\n%s", text)
	}
}

// A run of one part says nothing of the others.
func TestPartOfAReport(t *testing.T) {
	r := &report{Size: mostSize + 1}
	if goals := r.goals(); len(goals) != 1 || goals[0].Met {
		t.Errorf("got %+v", goals)
	}
	if text := r.Markdown(); !strings.Contains(text, "NOT MET") || strings.Contains(text, "waitress") || strings.Contains(text, "start") {
		t.Errorf("got\n%s", text)
	}
}

func TestJSON(t *testing.T) {
	file := t.TempDir() + "/raw.json"
	r := good()
	if err := r.writeJSON(file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(data, &back); err != nil || back.Markdown() != r.Markdown() {
		t.Errorf("%v; got\n%s", err, back.Markdown())
	}
}

func TestUsage(t *testing.T) {
	for _, o := range []options{{}, {rounds: 1}, {rounds: 1, seconds: 1, only: "nothing"}, {rounds: 1, seconds: 1, only: "web", write: true}} {
		if err := run(t.Context(), o); err == nil {
			t.Errorf("%+v is fine", o)
		}
	}
}
