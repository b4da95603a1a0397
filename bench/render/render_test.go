package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/bench/program"
)

// The test's own binary stands in for the programs: with BENCH_PRINT set it prints that.
func TestMain(m *testing.M) {
	if text := os.Getenv("BENCH_PRINT"); text != "" {
		os.Stdout.WriteString(text)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestGoals(t *testing.T) {
	ms := time.Millisecond
	quiet := turn{Gen: program.Usage{Wall: 40 * ms, CPU: 40 * ms}, Pipeline: program.Usage{Wall: 80 * ms, CPU: 100 * ms}, Version: program.Usage{CPU: 40 * ms}}
	busy := turn{Gen: program.Usage{Wall: 400 * ms, CPU: 60 * ms}, Pipeline: program.Usage{Wall: 90 * ms, CPU: 100 * ms}, Version: program.Usage{CPU: 90 * ms}}
	r := report{Environment: "prod", Turns: []turn{quiet, busy, quiet}}
	if !r.goals().Met() {
		t.Errorf("goals are not met:\n%s", r.Markdown())
	}
	r.Turns = []turn{quiet, busy, busy}
	for _, g := range r.goals() {
		if met := strings.HasPrefix(g.Name, "nothing"); g.Met != met {
			t.Errorf("%s measured as %s counts as met: %v, want %v", g.Name, g.Measured, g.Met, met)
		}
	}
	if r.goals().Met() {
		t.Error("goals are met though two of three turns missed them")
	}
}

func TestMarkdown(t *testing.T) {
	ms := time.Millisecond
	one := turn{
		Gen:      program.Usage{Wall: 40 * ms, CPU: 45 * ms, Memory: 40 << 20},
		Pipeline: program.Usage{Wall: 80 * ms, CPU: 100 * ms, Memory: 80 << 20},
		Version:  program.Usage{CPU: 41 * ms},
	}
	r := report{Environment: "prod", Objects: 6, Turns: []turn{one}, Machine: program.Machine{System: "linux/amd64", Cores: 2, Tools: []string{"gen"}}}
	text := r.Markdown()
	for _, line := range []string{
		"| 45.0 ms (45.0 ms to 45.0 ms) ", "| 100.0 ms (100.0 ms to 100.0 ms) ", "| 0.45 (0.45 to 0.45) ",
		"| 40.0 MiB (40.0 MiB to 40.0 MiB) ", "| 41.0 ms ", "| NOT MET |", "- machine: linux/amd64, 2 cores",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
}

func TestPeakMemoryIsLeftOutWhereUnknown(t *testing.T) {
	r := report{Turns: []turn{{Gen: program.Usage{Wall: 1, CPU: 1}, Pipeline: program.Usage{Wall: 1, CPU: 1}}}}
	if text := r.Markdown(); strings.Contains(text, "memory") {
		t.Errorf("a row for memory that nobody measured:\n%s", text)
	}
}

func TestProveTellsDifferences(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	printing := func(text string) []program.Command {
		return []program.Command{{Args: []string{self}, Env: []string{"BENCH_PRINT=" + text}}}
	}
	object := func(replicas string) []program.Command {
		return printing("apiVersion: v1\nkind: K\nmetadata: {name: a}\nreplicas: " + replicas + "\n")
	}
	same := sides{Gen: side{"gen", [][]program.Command{object("2")}}, Pipeline: side{"other", [][]program.Command{object("2.0")}}}
	if n, err := prove(context.Background(), same); err != nil || n != 1 {
		t.Errorf("got %d, %v; want 1 object", n, err)
	}
	same.Pipeline.pipelines[0] = object("3")
	if _, err := prove(context.Background(), same); err == nil || !strings.Contains(err.Error(), "v1/K/-/a: replicas is 2, want 3") {
		t.Errorf("got %v, want the difference", err)
	}
	same.Gen.pipelines[0] = printing("# nothing\n")
	if _, err := prove(context.Background(), same); err == nil {
		t.Error("no objects prove nothing")
	}
}

func TestJSON(t *testing.T) {
	file := t.TempDir() + "/raw.json"
	r := report{Environment: "prod", Turns: []turn{{Gen: program.Usage{Wall: 3, CPU: 2, Memory: 1}}}}
	if err := r.writeJSON(file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(data, &back); err != nil || back.Turns[0] != r.Turns[0] {
		t.Errorf("got %+v, %v; want %+v", back.Turns, err, r.Turns)
	}
}
