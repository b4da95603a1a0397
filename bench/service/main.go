// Service measures the service beside other programs that do the same work, and by itself.
//
//	go run ./bench/service [-rounds 5] [-seconds 10] [-only NAME] [-write] [-json FILE] [-assert]
//
// It needs wrk, PostgreSQL and Flask with two of its servers. On Debian:
//
//	apt-get install wrk python3-flask python3-waitress gunicorn postgresql
//
// # What is measured
//
//	web      GET / and GET /dynamic, wrk -t 2 -c 400 --latency: the service, bare net/http and bare
//	         fasthttp (folder bare), Flask under waitress and under gunicorn (folder flask)
//	people   list of 887 rows, get one, create, on SQLite and PostgreSQL, 16 connections: the
//	         service and bare net/http on the same driver, pools and statements
//	start    from starting the process to 200 at /readyz, on SQLite, 20 times
//	million  GET /people of 1,000,000 rows on SQLite, one client
//	size     the stripped binary
//
// The service is built as it is shipped, CGO_ENABLED=0 -trimpath -ldflags "-s -w", and runs in
// its default configuration, with every workload, limit, metric and log line. Its log goes to
// the null device. Everything takes place on loopback, the load's origin included: wrk takes a
// share of the same cores, and all the more of it the faster the server is. This flatters the
// slow sides, and bare programs suffer most from it.
//
// Before anything is counted, every server has to give the answers that the others give, and
// takes a second of load. Within a round the sides take turns, each in a process of its own,
// so what else the machine does hits all of them. A virtual machine whose host gives more than
// 2 % of its processors to others during a load has that load repeated, up to 8 times; the
// result says how often.
//
// # How to read the result
//
// Ratios are what to trust. Each is taken within a round, and the one in the table is the
// median over all rounds, with the extremes behind it. Where these are far apart the machine
// was too busy; measure again. Requests per second by themselves say as much about the
// machine as about the program. CPU time per request is user and system time of the server and
// its children, as the kernel counts it; it hardly depends on what else the machine does, and
// tells which side is dearer where rates scatter too much to tell. Latencies are those of 400 clients that ask again at once, so they
// mostly tell how long the queue was.
//
// Errors are failed connections and answers other than 2xx or 3xx; timeouts are wrk's, 2 s.
// Both are sums over all rounds. Memory is the most that a process and its children had resident at
// a look every 100 ms (VmRSS), and by the kernel's own account since the start (VmHWM, to
// which the goals apply). gunicorn's is that of three processes, whose shared pages count thrice. It is
// known on Linux only.
//
// The goals are those of the project. -assert makes a missed one an exit code.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"gitlab.com/towpath/towpath/service/database/pgserver"
)

type options struct {
	rounds, seconds int
	only, json      string
	write, assert   bool
}

// errMissed ends a run with -assert that did not meet its goals.
var errMissed = errors.New("a goal is not met")

// bench is one run.
type bench struct {
	options
	root, temp string
	python     string // interpreter that has Flask
	people     []any  // list that every side must give
	result     report
}

// part is what -only chooses.
type part struct {
	name    string
	needs   func(context.Context) error // says what is missing
	measure func(*bench, context.Context) error
}

var parts = []part{
	{"web", needsWeb, (*bench).web},
	{"people", needsRegister, (*bench).register},
	{"start", needsNothing, (*bench).start},
	{"million", needsNothing, (*bench).million},
	{"size", needsNothing, (*bench).size},
}

func needsNothing(context.Context) error { return nil }

func needsWrk(context.Context) error {
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("wrk is missing; on Debian: apt-get install wrk")
	}
	return nil
}

func needsWeb(ctx context.Context) error {
	_, err := python(ctx)
	return errors.Join(needsWrk(ctx), err)
}

func needsRegister(ctx context.Context) error {
	_, err := pgserver.Programs()
	return errors.Join(needsWrk(ctx), err)
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of web and people")
	flag.IntVar(&o.seconds, "seconds", 10, "time of each load")
	flag.StringVar(&o.only, "only", "", "measure this part only: web, people, start, million or size")
	flag.StringVar(&o.json, "json", "", "write every measurement to this file")
	flag.BoolVar(&o.write, "write", false, "write the result to bench/service/results.md too")
	flag.BoolVar(&o.assert, "assert", false, "exit with 1 if a goal is not met")
	flag.Parse()
	// Children are ended by those who started them, so a signal only cancels.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.rounds < 1 || o.seconds < 1 || flag.NArg() > 0 {
		return errors.New("usage: go run ./bench/service [-rounds N] [-seconds N] [-only NAME] [-write] [-json FILE] [-assert]")
	}
	if o.write && o.only != "" {
		return errors.New("-write is for a run of all parts")
	}
	chosen := slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return o.only != "" && p.name != o.only })
	if len(chosen) == 0 {
		return fmt.Errorf("there is no part %q", o.only)
	}
	// Before the first measurement: nobody wants to hear it after ten minutes.
	var missing []error
	for _, p := range chosen {
		missing = append(missing, p.needs(ctx))
	}
	if err := errors.Join(missing...); err != nil {
		return err
	}
	b := &bench{options: o}
	var err error
	if b.root, err = repository(ctx); err != nil {
		return err
	}
	if b.temp, err = os.MkdirTemp("", "towpath-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.temp)
	if err := b.build(ctx); err != nil {
		return err
	}
	b.result = report{Rounds: o.rounds, Seconds: o.seconds, Machine: describe(ctx, b.root, b.binary("service"))}
	for _, p := range chosen {
		if err := p.measure(b, ctx); err != nil {
			return err
		}
	}
	return b.publish()
}

// publish prints the result and writes it where it was asked for.
func (b *bench) publish() error {
	fmt.Print(b.result.Markdown())
	if b.json != "" {
		if err := b.result.writeJSON(b.json); err != nil {
			return err
		}
	}
	if b.write {
		file := filepath.Join(b.root, "bench", "service", "results.md")
		if err := os.WriteFile(file, []byte(b.result.File()), 0o644); err != nil { // #nosec G306 -- to be committed
			return err
		}
	}
	if b.assert && !b.result.goals().Met() {
		return errMissed
	}
	return nil
}

// progress tells a person at a terminal, or the log of a pipeline, how far the run is.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

// binary is the file of a program that build has made.
func (b *bench) binary(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(b.temp, name)
}

// build builds the service and the bare programs, all in the same way.
func (b *bench) build(ctx context.Context) error {
	b.progress("building")
	for name, folder := range map[string]string{
		"service":  "./service",
		"nethttp":  "./bench/service/bare/nethttp",
		"fasthttp": "./bench/service/bare/fasthttp",
		"people":   "./bench/service/bare/people",
	} {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.binary(name), folder)
		cmd.Dir = b.root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", folder, err, out)
		}
	}
	return nil
}

// repository returns the root of the repository that this runs in.
func repository(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "gitlab.com/towpath/towpath").Output()
	if err != nil {
		return "", fmt.Errorf("run this in the repository: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
