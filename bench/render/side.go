package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"gitlab.com/towpath/towpath/bench/program"
)

// side is one way to get something done: pipelines that run one after another.
type side struct {
	Name      string
	pipelines [][]program.Command
}

// sides are what is measured.
type sides struct{ Gen, Pipeline, Version side }

// newSides returns the commands of each side.
func newSides(ctx context.Context, bin program.Set, root, environment string) (sides, error) {
	s := sides{
		// Without what gen keeps from earlier runs: it is to do as much as the others.
		Gen: side{Name: "gen", pipelines: [][]program.Command{{{
			Dir: root, Args: []string{bin.Gen, "render", "envs/" + environment, "--manifests"}, Env: []string{"GEN_CACHE=off"},
		}}}},
		Pipeline: side{Name: "cue and helm"},
		Version:  side{Name: "gen version", pipelines: [][]program.Command{{{Dir: root, Args: []string{bin.Gen, "version"}}}}},
	}
	env, err := program.ReadEnvironment(ctx, bin.CUE, root, environment)
	if err != nil {
		return s, err
	}
	for _, name := range slices.Sorted(maps.Keys(env.Releases)) {
		s.Pipeline.pipelines = append(s.Pipeline.pipelines, []program.Command{
			{Dir: filepath.Join(root, "envs"), Args: []string{bin.CUE, "export", "./" + environment, "-e", fmt.Sprintf("releases.%q.values", name), "--out", "yaml"}},
			{Dir: root, Args: append([]string{bin.Helm}, env.Template(name, "-")...)},
		})
	}
	return s, nil
}

// run runs the side with its output going to a file, and returns what it used.
func (s side) run(ctx context.Context, out *os.File) (program.Usage, error) {
	var total program.Usage
	for _, commands := range s.pipelines {
		used, err := program.Pipe(ctx, commands, out)
		if err != nil {
			return total, err
		}
		total = total.Plus(used)
	}
	return total, nil
}
