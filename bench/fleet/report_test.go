package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/bench/program"
)

// sample is a report of a fleet where gen takes as long as given for 100, 1,000 and
// 10,000 releases, and the rest is as the goals want it.
func sample(gen [3]time.Duration) report {
	r := report{Contenders: contenders(2), Machine: program.Machine{System: "linux/amd64", Cores: 2}}
	add := func(releases int, contender, mode string, wall time.Duration, memory int64) {
		m := measurement{releases, 3, contender, mode, 0, program.Usage{Wall: wall, CPU: wall, Memory: memory}, 0}
		switch {
		case contender != "gen":
			m.Beside = gen[1]
		case mode != "" && mode != cold && mode != sizesInTurn:
			m.Beside = time.Second
		}
		r.Measured = append(r.Measured, m)
	}
	for i, releases := range []int{100, 1000, 10000} {
		add(releases, "gen", "", gen[i], 200<<20)
		add(releases, "gen", sizesInTurn, gen[i], 0)
	}
	second := time.Second
	add(1000, "cue-helm", "", 60*second, 80<<20)
	add(1000, "floor", "", 2*second, 100<<20)
	add(1000, "gen", cold, second, 0)
	add(1000, "gen", unchanged, second/50, 0)
	add(1000, "gen", oneValue, second/25, 0)
	add(1000, "gen", checkCold, 2*second, 0)
	add(1000, "gen", diffCold, second/20, 0)
	return r
}

func TestGoals(t *testing.T) {
	linear := [3]time.Duration{time.Second / 10, time.Second, 10 * time.Second}
	if r := sample(linear); !r.goals().Met() || len(r.goals()) != 10 {
		t.Errorf("%d goals, not all met:\n%s", len(r.goals()), r.Markdown())
	}
	for name, test := range map[string]struct {
		gen  [3]time.Duration
		miss []string
	}{
		"slow":  {[3]time.Duration{time.Second / 4, 5 * time.Second / 2, 25 * time.Second}, []string{"cue and helm", "the floor's"}},
		"grows": {[3]time.Duration{time.Second / 10, time.Second, 20 * time.Second}, []string{"slope", "slope"}},
	} {
		r := sample(test.gen)
		var missed []string
		for _, g := range r.goals() {
			if !g.Met {
				missed = append(missed, g.Name)
			}
		}
		if len(missed) != len(test.miss) {
			t.Errorf("%s: missed %q, want those with %q", name, missed, test.miss)
			continue
		}
		for i, text := range test.miss {
			if !strings.Contains(missed[i], text) {
				t.Errorf("%s: missed %q, want one with %q", name, missed[i], text)
			}
		}
	}
}

// What was not measured has no goal, and none is met for that.
func TestGoalsOfLess(t *testing.T) {
	r := report{Measured: []measurement{{10, 3, "gen", "", 0, program.Usage{Wall: 1}, 0}}}
	if goals := r.goals(); len(goals) != 0 {
		t.Errorf("there are goals: %v", goals)
	}
}

func TestSlope(t *testing.T) {
	var r report
	for _, releases := range []int{1, 100, 1000, 10000} {
		wall := time.Duration(math.Pow(float64(releases), 1.5) * 1e6)
		if releases < 100 {
			wall = time.Hour // Start-up, which has no say.
		}
		r.Measured = append(r.Measured, measurement{releases, 3, "gen", sizesInTurn, 0, program.Usage{Wall: wall}, 0})
	}
	for _, from := range slopesFrom {
		if slope, ok := r.slope("gen", from); !ok || math.Abs(slope-1.5) > 0.001 {
			t.Errorf("from %d on: got %v, %v; want 1.5", from, slope, ok)
		}
	}
	if _, ok := r.slope("floor", 100); ok {
		t.Error("what was not measured has a slope")
	}
}

// TestBesides measures something between runs of gen that get slower, three at a time of which one is late.
func TestBesides(t *testing.T) {
	runs := 0
	b := besides{site: &site{releases: 10, environments: 3}, times: 3, run: func(turn int) (program.Usage, error) {
		if turn != runs {
			t.Errorf("turn %d of gen follows turn %d", turn, runs-1)
		}
		runs++
		if turn%3 == 1 {
			return program.Usage{Wall: time.Hour}, nil
		}
		return program.Usage{Wall: time.Duration(turn) * 10}, nil
	}}
	for range 2 {
		if err := b.measure("floor", "", 0, func() (program.Usage, error) { return program.Usage{Wall: 1}, nil }); err != nil {
			t.Fatal(err)
		}
	}
	measured, err := b.finish()
	if err != nil {
		t.Fatal(err)
	}
	var got []time.Duration
	for _, m := range measured {
		got = append(got, m.Beside)
	}
	// The medians are 20, 50 and 80.
	if want := []time.Duration{0, 0, 0, 35, 0, 0, 0, 65, 0, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("beside %v, want %v", got, want)
	}
}

func TestMarkdown(t *testing.T) {
	text := sample([3]time.Duration{time.Second / 10, time.Second, 10 * time.Second}).Markdown()
	for _, line := range []string{
		"| at least 40 ", "| 60 ", "## Releases: 10000\n", "| 10.00 s (10.00 s to 10.00 s) ", "| nothing changed", "| 0.02 ",
		"| 200 MiB ", "- machine: linux/amd64, 2 cores\n", "    helmfile        helmfile template --skip-deps",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
}

// TestPlot draws a picture and reads it as XML.
func TestPlot(t *testing.T) {
	r := sample([3]time.Duration{time.Second / 10, time.Second, 10 * time.Second})
	picture, err := r.plot()
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	decoder := xml.NewDecoder(strings.NewReader(string(picture)))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, picture)
		}
		if start, ok := token.(xml.StartElement); ok {
			count[start.Name.Local]++
		}
	}
	// Wall time and memory of gen at three sizes, and of two more at one.
	if count["circle"] != 2*(3+1+1) || count["svg"] != 1 {
		t.Errorf("the picture has %v", count)
	}
	for _, text := range []string{">10 s<", ">100 MiB<", ">10000<", "gen render, 1000 releases: 1 s<"} {
		if !strings.Contains(string(picture), text) {
			t.Errorf("no %q in\n%s", text, picture)
		}
	}
}

func TestAxis(t *testing.T) {
	a := newAxis(3, 200, 0, 300)
	for v, want := range map[float64]float64{1: 0, 10: 100, 1000: 300} {
		if got := a.place(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v is at %v, want %v", v, got, want)
		}
	}
	if one := newAxis(10, 10, 0, 100); one.place(10) != 0 || len(one.ticks(func(float64) string { return "" })) != 2 {
		t.Errorf("an axis of one value: %+v", one)
	}
}

func TestRound(t *testing.T) {
	for v, want := range map[float64]float64{1234.5: 1230, 0.0123456: 0.0123, 9.999: 10, 1: 1} {
		if got := round(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("round(%v) = %v, want %v", v, got, want)
		}
	}
}
