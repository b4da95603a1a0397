// Render measures what it costs to get from an environment to its Kubernetes
// objects: with gen, and with the two command lines that gen takes the place of.
//
//	go run ./bench/render
//
// # What is compared
//
//	gen           gen render envs/prod --manifests
//	cue and helm  cue export ./prod -e releases.service.values --out yaml |
//	              helm template service charts/service ... -f -
//
// gen is run without the results of earlier runs, with GEN_CACHE=off. The second is
// the best use of both programs that we know: one process each, a pipe between them
// and no shell, both started at once, so that Helm initialises while CUE evaluates. Before anything is measured, both sides run once and their
// objects must be equal; if they aren't, the differences are printed and there is
// no result. An environment with several releases takes one pipeline for each,
// one after another. All three programs are built by the Go that runs this.
//
// The sides run in turn, gen, cue and helm, gen, cue and helm, so that both see the same
// machine: what else runs on it hits both. A few turns before the first are not
// counted, to have every file in memory. Output goes to the null device.
//
// # How to read the result
//
// CPU time is user and system time of all processes of a side, as the kernel
// counts it for the parent that waits for them. It hardly depends on what else
// the machine does, and is the figure to trust. Wall time is what a person waits;
// on a busy machine, or one with a single core, it says less. It favours the
// pipeline, whose two processes overlap. Peak memory is the greatest resident
// size; for the pipeline the sum of both, as both are there at once.
//
// A ratio is gen's figure by that of cue and helm in the same turn, and the one in
// the table is the median over all turns: a turn that was disturbed moves it
// little. Where the median of a ratio and the ratio of the medians are far
// apart, the machine was too busy; measure again.
//
// The goals are those of the project: at most half the CPU time and half the
// wall time, and 40 ms of CPU time for gen version, which is what every command
// pays before it does anything.
//
// Peak memory is known on Linux only; there, a small part of it is the memory of
// this program itself, which the kernel counts to a child until it has started.
// Everything else works wherever Go does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"gitlab.com/towpath/towpath/bench/objects"
	"gitlab.com/towpath/towpath/bench/program"
)

type options struct {
	runs        int
	environment string
	json        string
	write       bool
	assert      bool
}

// errMissed ends a run with --assert that did not meet its goals.
var errMissed = errors.New("a goal is not met")

func main() {
	var o options
	flag.IntVar(&o.runs, "n", 20, "turns that are counted")
	flag.StringVar(&o.environment, "env", "prod", "environment to render")
	flag.StringVar(&o.json, "json", "", "write every measurement to this file")
	flag.BoolVar(&o.write, "write", false, "write the result to bench/render/results.md too")
	flag.BoolVar(&o.assert, "assert", false, "exit with 1 if a goal is not met")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.runs < 1 || flag.NArg() > 0 {
		return errors.New("usage: go run ./bench/render [-n TURNS] [-env NAME] [-json FILE] [-write] [-assert]")
	}
	root, err := program.Root(ctx)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "towpath-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	bin, err := program.Build(ctx, root, temp)
	if err != nil {
		return err
	}
	sides, err := newSides(ctx, bin, root, o.environment)
	if err != nil {
		return err
	}
	count, err := prove(ctx, sides)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "both sides print the same %d objects\n", count)

	r := report{Environment: o.environment, Objects: count, Sides: sides, Machine: program.Describe(ctx, root, bin.Gen, bin.CUE, bin.Helm)}
	if r.Turns, err = measure(ctx, sides, o.runs); err != nil {
		return err
	}
	text := r.Markdown()
	fmt.Print(text)
	if o.json != "" {
		if err := r.writeJSON(o.json); err != nil {
			return err
		}
	}
	if o.write {
		file := filepath.Join(root, "bench", "render", "results.md")
		if err := os.WriteFile(file, []byte(r.File()), 0o644); err != nil {
			return err
		}
	}
	if o.assert && !r.goals().Met() {
		return errMissed
	}
	return nil
}

// prove runs both sides once and returns the number of their objects, or an error
// that says how they differ.
func prove(ctx context.Context, s sides) (int, error) {
	var parsed [2][]objects.Object
	for i, side := range []side{s.Gen, s.Pipeline} {
		out, err := os.CreateTemp("", "towpath-bench-*.yaml")
		if err != nil {
			return 0, err
		}
		_, err = side.run(ctx, out)
		if err == nil {
			_, err = out.Seek(0, io.SeekStart)
		}
		var text []byte
		if err == nil {
			text, err = io.ReadAll(out)
		}
		_ = out.Close() // Only read.
		os.Remove(out.Name())
		if err != nil {
			return 0, fmt.Errorf("%s: %w", side.Name, err)
		}
		if parsed[i], err = objects.Parse(text); err != nil {
			return 0, fmt.Errorf("reading the output of %s: %w", side.Name, err)
		}
	}
	if len(parsed[0]) == 0 {
		return 0, errors.New("gen printed no objects")
	}
	if lines := objects.Differences(parsed[0], parsed[1]); len(lines) > 0 {
		return 0, fmt.Errorf("the sides print different objects, gen's first:\n  %s", strings.Join(lines, "\n  "))
	}
	return len(parsed[0]), nil
}
