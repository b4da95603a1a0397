package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/bench/toolcache"
	"gitlab.com/towpath/towpath/gen/diff"
)

// binaries are the programs that are measured, beside git and diff.
type binaries struct{ gen, cue, helm string }

func build(ctx context.Context, root, temp string) (binaries, error) {
	bin := binaries{gen: filepath.Join(temp, "gen")}
	if runtime.GOOS == "windows" {
		return bin, errors.New("there is no program diff on this system")
	}
	fmt.Fprintln(os.Stderr, "building gen,", toolcache.CUE, "and", toolcache.Helm318)
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
type usage struct{ Wall, CPU time.Duration }

// sides are the two ways to the same end.
type sides struct {
	bin   binaries
	repo  repository
	name  string // of the environment; all of them if empty
	trees [2]string
	// templates are the arguments of helm for each release, by its name.
	templates map[string][]string
}

func newSides(ctx context.Context, bin binaries, repo repository, name string) (*sides, error) {
	s := &sides{bin: bin, repo: repo, name: name, templates: map[string][]string{}}
	s.trees = [2]string{filepath.Join(filepath.Dir(repo.dir), "a"), filepath.Join(filepath.Dir(repo.dir), "b")}
	export := exec.CommandContext(ctx, bin.cue, "export", "./"+name, "--out", "json")
	export.Dir = filepath.Join(repo.dir, "envs")
	var messages bytes.Buffer
	export.Stderr = &messages
	out, err := export.Output()
	if err != nil {
		return nil, fmt.Errorf("reading environment %s: %w\n%s", name, err, messages.Bytes())
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
		return nil, fmt.Errorf("reading environment %s: %w", name, err)
	}
	for release, r := range env.Releases {
		args := []string{
			"template", release, filepath.Join("charts", r.Chart), "--namespace", env.Namespace,
			"--kube-version", env.Cluster.KubernetesVersion, "--include-crds", "--skip-tests", "-f", "-",
		}
		for _, version := range env.Cluster.APIVersions {
			args = append(args, "--api-versions", version)
		}
		s.templates[release] = args
	}
	return s, nil
}

// gen runs gen diff.
func (s *sides) gen(ctx context.Context, out io.Writer, args ...string) (usage, error) {
	var m meter
	args = append([]string{"diff", "--from", s.repo.from, "--to", s.repo.to, "--exit-zero"}, args...)
	if s.name != "" {
		args = append(args, s.name)
	}
	start := time.Now()
	err := m.run(s.command(ctx, s.repo.dir, s.bin.gen, args...), out)
	return usage{time.Since(start), m.cpu}, err
}

// report reads what gen diff says.
func (s *sides) report(ctx context.Context, r *diff.Report) error {
	var text bytes.Buffer
	if _, err := s.gen(ctx, &text, "-o", "json"); err != nil {
		return err
	}
	if err := json.Unmarshal(text.Bytes(), r); err != nil {
		return fmt.Errorf("reading the output of gen: %w", err)
	}
	return nil
}

// pipeline runs the commands that gen takes the place of. It returns what Helm
// printed for either commit.
func (s *sides) pipeline(ctx context.Context, out io.Writer) (texts [2][]byte, used usage, err error) {
	var m meter
	start := time.Now()
	var files []string
	for i, commit := range []string{s.repo.from, s.repo.to} {
		err := m.run(s.command(ctx, s.repo.dir, "git", "worktree", "add", "--quiet", "--detach", s.trees[i], commit), io.Discard)
		if err != nil {
			return texts, used, err
		}
	}
	for i, dir := range s.trees {
		files = append(files, dir+".yaml")
		file, err := os.Create(files[i])
		if err != nil {
			return texts, used, err
		}
		for _, release := range slices.Sorted(maps.Keys(s.templates)) {
			export := s.command(ctx, filepath.Join(dir, "envs"), s.bin.cue, "export", "./"+s.name, "-e", fmt.Sprintf("releases.%q.values", release), "--out", "yaml")
			if err := m.pipe(export, s.command(ctx, dir, s.bin.helm, s.templates[release]...), file); err != nil {
				return texts, used, err
			}
		}
		if err := file.Close(); err != nil {
			return texts, used, err
		}
	}
	err = m.run(s.command(ctx, s.repo.dir, "diff", "-u", files[0], files[1]), out)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) { // 1 is for differences.
		return texts, used, err
	}
	for _, dir := range s.trees {
		if err := m.run(s.command(ctx, s.repo.dir, "git", "worktree", "remove", "--force", dir), io.Discard); err != nil {
			return texts, used, err
		}
	}
	used = usage{time.Since(start), m.cpu}
	for i, name := range files {
		if texts[i], err = os.ReadFile(name); err != nil {
			return texts, used, err
		}
	}
	return texts, used, nil
}

func (s *sides) command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Stderr = &bytes.Buffer{}
	return cmd
}

// meter adds up the CPU time of processes.
type meter struct{ cpu time.Duration }

func (m *meter) run(cmd *exec.Cmd, out io.Writer) error {
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		return err
	}
	return m.wait(cmd)
}

func (m *meter) wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	m.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, cmd.Stderr)
	}
	return nil
}

// pipe runs two programs at once, the first writing to the second.
func (m *meter) pipe(first, second *exec.Cmd, out *os.File) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	first.Stdout, second.Stdin, second.Stdout = write, read, out
	err = errors.Join(first.Start(), second.Start())
	// The children have their own; with ours open, the reader would wait for ever.
	_, _ = write.Close(), read.Close()
	if err != nil {
		return err
	}
	return errors.Join(m.wait(first), m.wait(second))
}
