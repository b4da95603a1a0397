package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/bench/toolcache"
)

// binaries are the programs that are measured.
type binaries struct{ gen, cue, helm string }

// build builds gen from the repository, and CUE and Helm where they aren't
// installed yet.
func build(ctx context.Context, root, temp string) (binaries, error) {
	var bin binaries
	fmt.Fprintln(os.Stderr, "building gen,", toolcache.CUE, "and", toolcache.Helm318)
	bin.gen = filepath.Join(temp, "gen")
	if runtime.GOOS == "windows" {
		bin.gen += ".exe"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin.gen, "./gen")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // As CUE and Helm are.
	if out, err := cmd.CombinedOutput(); err != nil {
		return bin, fmt.Errorf("building gen: %w\n%s", err, out)
	}
	var err error
	if bin.cue, err = toolcache.CUE.Install(ctx); err != nil {
		return bin, err
	}
	bin.helm, err = toolcache.Helm318.Install(ctx)
	return bin, err
}

// usage is what a side used in one turn.
type usage struct {
	Wall time.Duration `json:"wallNanoseconds"`
	CPU  time.Duration `json:"cpuNanoseconds"`
	// Memory is the peak in bytes, or 0 where it is not known.
	Memory int64 `json:"peakMemoryBytes"`
}

func (u usage) plus(v usage) usage {
	return usage{u.Wall + v.Wall, u.CPU + v.CPU, max(u.Memory, v.Memory)}
}

// command is a program with its arguments, and where it runs.
type command struct {
	dir  string
	args []string
}

// side is one way to get something done: pipelines that run one after another.
type side struct {
	Name      string
	pipelines [][]command
}

// sides are what is measured.
type sides struct{ Gen, Pipeline, Version side }

// newSides asks CUE for what Helm has to be told about the environment, so that
// measuring it takes no more than the commands that a person would type.
func newSides(ctx context.Context, bin binaries, root, environment string) (sides, error) {
	s := sides{
		Gen:      side{Name: "gen", pipelines: [][]command{{{root, []string{bin.gen, "render", "envs/" + environment, "--manifests"}}}}},
		Pipeline: side{Name: "cue and helm"},
		Version:  side{Name: "gen version", pipelines: [][]command{{{root, []string{bin.gen, "version"}}}}},
	}
	export := exec.CommandContext(ctx, bin.cue, "export", "./"+environment, "--out", "json")
	export.Dir = filepath.Join(root, "envs")
	var messages bytes.Buffer
	export.Stderr = &messages
	out, err := export.Output()
	if err != nil {
		return s, fmt.Errorf("reading environment %s: %w\n%s", environment, err, messages.Bytes())
	}
	var env struct {
		Namespace string
		Cluster   struct {
			KubernetesVersion string
			APIVersions       []string
		}
		Releases map[string]struct{ Chart string }
	}
	if err := json.Unmarshal(out, &env); err != nil {
		return s, fmt.Errorf("reading environment %s: %w", environment, err)
	}
	for _, name := range slices.Sorted(maps.Keys(env.Releases)) {
		template := []string{
			bin.helm, "template", name, filepath.Join("charts", env.Releases[name].Chart),
			"--namespace", env.Namespace, "--kube-version", env.Cluster.KubernetesVersion,
			"--include-crds", "--skip-tests", "-f", "-",
		}
		for _, version := range env.Cluster.APIVersions {
			template = append(template, "--api-versions", version)
		}
		approval := filepath.Join("envs", environment, "approval.yaml")
		if _, err := os.Stat(filepath.Join(root, approval)); err == nil {
			template = append(template, "-f", approval)
		}
		s.Pipeline.pipelines = append(s.Pipeline.pipelines, []command{
			{export.Dir, []string{bin.cue, "export", "./" + environment, "-e", fmt.Sprintf("releases.%q.values", name), "--out", "yaml"}},
			{root, template},
		})
	}
	return s, nil
}

// run runs the side with its output going to a file, and returns what it used.
func (s side) run(ctx context.Context, out *os.File) (usage, error) {
	var total usage
	for _, commands := range s.pipelines {
		used, err := pipe(ctx, commands, out)
		if err != nil {
			return total, err
		}
		total = total.plus(used)
	}
	return total, nil
}

// pipe starts the commands with pipes between them and waits for all.
func pipe(ctx context.Context, commands []command, out *os.File) (usage, error) {
	var used usage
	start := time.Now()
	started, failed := startAll(ctx, commands, out)
	for _, cmd := range started {
		if err := cmd.Wait(); err != nil && failed == nil {
			failed = fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, cmd.Stderr)
		}
		used.CPU += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		// All are there at once, so that their peaks add up.
		used.Memory += peakMemory(cmd.ProcessState)
	}
	used.Wall = time.Since(start)
	return used, failed
}

// startAll starts the commands of a pipe, and returns those that it could start.
func startAll(ctx context.Context, commands []command, out *os.File) ([]*exec.Cmd, error) {
	var started []*exec.Cmd
	var from *os.File
	for i, c := range commands {
		cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, out, &bytes.Buffer{}
		var ours []*os.File
		if from != nil {
			cmd.Stdin = from
			ours = append(ours, from)
		}
		if i < len(commands)-1 {
			read, write, err := os.Pipe()
			if err != nil {
				closeAll(ours)
				return started, err
			}
			cmd.Stdout, from = write, read
			ours = append(ours, write)
		}
		err := cmd.Start()
		// The child has its own. Only with ours closed does the reader see the
		// end, and the writer that nobody reads.
		closeAll(ours)
		if err != nil {
			if i < len(commands)-1 {
				_ = from.Close() // Nobody reads it.
			}
			return started, err
		}
		started = append(started, cmd)
	}
	return started, nil
}

func closeAll(files []*os.File) {
	for _, file := range files {
		_ = file.Close() // The child has its own.
	}
}

// commandLine writes commands as a person would type them, at the root of the
// repository.
func commandLine(commands []command) string {
	var parts []string
	for _, c := range commands {
		program := filepath.Base(c.args[0])
		line := strings.Join(append([]string{strings.TrimSuffix(program, ".exe")}, c.args[1:]...), " ")
		if filepath.Base(c.dir) == "envs" {
			line = "(cd envs; " + line + ")"
		}
		parts = append(parts, line)
	}
	return strings.Join(parts, " | ")
}
