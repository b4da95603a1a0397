package program

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
)

// The test's own binary stands in for the programs: with BENCH_ROLE set it does
// what the role says.
func TestMain(m *testing.M) {
	if os.Getenv("BENCH_ROLE") == "programs" {
		os.Exit(play(os.Args[1:]))
	}
	os.Exit(m.Run())
}

func play(args []string) int {
	switch args[0] {
	case "print":
		os.Stdout.WriteString(args[1])
	case "variable":
		os.Stdout.WriteString(os.Getenv(args[1]))
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

func TestPipe(t *testing.T) {
	out := pipe(t, []Command{{Args: self(t, "print", "canal")}, {Args: self(t, "upper")}}, "")
	if out != "CANAL" {
		t.Errorf("got %q, want CANAL", out)
	}
}

func TestPipeAddsVariables(t *testing.T) {
	out := pipe(t, []Command{{Args: self(t, "variable", "BENCH_LOCK"), Env: []string{"BENCH_LOCK=open"}}}, "")
	if out != "open" {
		t.Errorf("got %q, want open", out)
	}
}

func TestPipeReportsTheFirstFailure(t *testing.T) {
	pipe(t, []Command{{Args: self(t, "fail")}, {Args: self(t, "upper")}}, "no such thing")
	pipe(t, []Command{{Args: self(t, "print", "x")}, {Args: []string{"/nowhere/program"}}}, "/nowhere/program")
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

func pipe(t *testing.T, commands []Command, failure string) string {
	t.Helper()
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	used, err := Pipe(context.Background(), commands, out)
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

func TestCommandLine(t *testing.T) {
	got := CommandLine([]Command{
		{Dir: "/repo/envs", Args: []string{"/cache/cue@v1/cue", "export", "./prod"}},
		{Dir: "/repo", Args: []string{"/cache/helm@v1/helm", "template", "-f", "-"}},
	})
	if want := "(cd envs; cue export ./prod) | helm template -f -"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMachine(t *testing.T) {
	m := Machine{System: "linux/amd64", CPU: "A Processor", Cores: 2, Memory: 8 << 30, Load: "0.1 0.2 0.3", Tools: []string{"gen", "cue"}}
	want := "- machine: linux/amd64, 2 cores, A Processor, 8 GiB of memory\n- load average before: 0.1 0.2 0.3\n- gen\n- cue\n"
	if got := m.Markdown(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got, want := (Machine{System: "plan9/386", Cores: 1}).Markdown(), "- machine: plan9/386, 1 cores\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
