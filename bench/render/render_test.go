package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// The test's own binary stands in for the programs: with BENCH_ROLE set it does
// what the role says.
func TestMain(m *testing.M) {
	switch os.Getenv("BENCH_ROLE") {
	case "":
		os.Exit(m.Run())
	case "programs":
		os.Exit(program(os.Args[1:]))
	}
}

func program(args []string) int {
	switch args[0] {
	case "print":
		os.Stdout.WriteString(args[1])
	case "upper":
		text, err := io.ReadAll(os.Stdin)
		if err != nil {
			return 1
		}
		os.Stdout.Write(bytes.ToUpper(text))
	case "fail":
		os.Stderr.WriteString("no such thing\n")
		return 3
	}
	return 0
}

func TestGoals(t *testing.T) {
	ms := time.Millisecond
	quiet := turn{Gen: usage{Wall: 40 * ms, CPU: 40 * ms}, Pipeline: usage{Wall: 80 * ms, CPU: 100 * ms}, Version: usage{CPU: 40 * ms}}
	busy := turn{Gen: usage{Wall: 400 * ms, CPU: 60 * ms}, Pipeline: usage{Wall: 90 * ms, CPU: 100 * ms}, Version: usage{CPU: 90 * ms}}
	r := report{Environment: "prod", Turns: []turn{quiet, busy, quiet}}
	if !r.met() {
		t.Errorf("goals are not met:\n%s", r.Markdown())
	}
	r.Turns = []turn{quiet, busy, busy}
	for _, g := range r.goals() {
		if met := strings.HasPrefix(g.name, "nothing"); g.met != met {
			t.Errorf("%s measured as %s counts as met: %v, want %v", g.name, g.measured, g.met, met)
		}
	}
	if r.met() {
		t.Error("goals are met though two of three turns missed them")
	}
}

func TestMarkdown(t *testing.T) {
	ms := time.Millisecond
	one := turn{
		Gen:      usage{Wall: 40 * ms, CPU: 45 * ms, Memory: 40 << 20},
		Pipeline: usage{Wall: 80 * ms, CPU: 100 * ms, Memory: 80 << 20},
		Version:  usage{CPU: 41 * ms},
	}
	r := report{Environment: "prod", Objects: 6, Turns: []turn{one}, Machine: machine{System: "linux/amd64", Cores: 2, Tools: []string{"gen"}}}
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
	r := report{Turns: []turn{{Gen: usage{1, 1, 0}, Pipeline: usage{1, 1, 0}}}}
	if text := r.Markdown(); strings.Contains(text, "memory") {
		t.Errorf("a row for memory that nobody measured:\n%s", text)
	}
}

func TestPipe(t *testing.T) {
	out := runSide(t, []command{{args: self(t, "print", "canal")}, {args: self(t, "upper")}}, "")
	if out != "CANAL" {
		t.Errorf("got %q, want CANAL", out)
	}
}

func TestPipeReportsTheFirstFailure(t *testing.T) {
	runSide(t, []command{{args: self(t, "fail")}, {args: self(t, "upper")}}, "no such thing")
	runSide(t, []command{{args: self(t, "print", "x")}, {args: []string{"/nowhere/program"}}}, "/nowhere/program")
}

// self is the test's own binary in the role of a program.
func self(t *testing.T, args ...string) []string {
	t.Helper()
	t.Setenv("BENCH_ROLE", "programs")
	file, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{file}, args...)
}

func runSide(t *testing.T, commands []command, failure string) string {
	t.Helper()
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	used, err := side{pipelines: [][]command{commands}}.run(context.Background(), out)
	switch {
	case failure == "" && err != nil:
		t.Fatal(err)
	case failure != "" && (err == nil || !strings.Contains(err.Error(), failure)):
		t.Fatalf("got %v, want an error with %q", err, failure)
	case failure == "" && used.Wall <= 0:
		t.Errorf("no time passed: %v", used)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestProveTellsDifferences(t *testing.T) {
	object := func(replicas string) []command {
		return []command{{args: self(t, "print", "apiVersion: v1\nkind: K\nmetadata: {name: a}\nreplicas: "+replicas+"\n")}}
	}
	same := sides{Gen: side{"gen", [][]command{object("2")}}, Pipeline: side{"other", [][]command{object("2.0")}}}
	if n, err := prove(context.Background(), same); err != nil || n != 1 {
		t.Errorf("got %d, %v; want 1 object", n, err)
	}
	same.Pipeline.pipelines[0] = object("3")
	if _, err := prove(context.Background(), same); err == nil || !strings.Contains(err.Error(), "v1/K/-/a: replicas is 2, want 3") {
		t.Errorf("got %v, want the difference", err)
	}
	same.Gen.pipelines[0] = []command{{args: self(t, "print", "# nothing\n")}}
	if _, err := prove(context.Background(), same); err == nil {
		t.Error("no objects prove nothing")
	}
}

func TestCommandLine(t *testing.T) {
	got := commandLine([]command{
		{"/repo/envs", []string{"/cache/cue@v1/cue", "export", "./prod"}},
		{"/repo", []string{"/cache/helm@v1/helm", "template", "-f", "-"}},
	})
	if want := "(cd envs; cue export ./prod) | helm template -f -"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestJSON(t *testing.T) {
	file := t.TempDir() + "/raw.json"
	r := report{Environment: "prod", Turns: []turn{{Gen: usage{3, 2, 1}}}}
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
