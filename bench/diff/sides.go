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
	"slices"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/bench/program"
	"gitlab.com/towpath/towpath/gen/diff"
)

// sides are the two ways to the same end.
type sides struct {
	bin   program.Set
	repo  repository
	name  string // of the environment; all of them if empty
	trees [2]string
	env   program.Environment // what Helm has to be told about it
}

func newSides(ctx context.Context, bin program.Set, repo repository, name string) (*sides, error) {
	env, err := program.ReadEnvironment(ctx, bin.CUE, repo.dir, name)
	if err != nil {
		return nil, err
	}
	folder := filepath.Dir(repo.dir)
	return &sides{bin: bin, repo: repo, name: name, env: env, trees: [2]string{filepath.Join(folder, "a"), filepath.Join(folder, "b")}}, nil
}

// gen runs gen diff.
func (s *sides) gen(ctx context.Context, out io.Writer, args ...string) (program.Usage, error) {
	var m meter
	args = append([]string{"diff", "--from", s.repo.from, "--to", s.repo.to, "--exit-zero"}, args...)
	if s.name != "" {
		args = append(args, s.name)
	}
	start := time.Now()
	err := m.run(s.command(ctx, s.repo.dir, s.bin.Gen, args...), out)
	return program.Usage{Wall: time.Since(start), CPU: m.cpu}, err
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
func (s *sides) pipeline(ctx context.Context, out io.Writer) (texts [2][]byte, used program.Usage, err error) {
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
		for _, release := range slices.Sorted(maps.Keys(s.env.Releases)) {
			export := s.command(ctx, filepath.Join(dir, "envs"), s.bin.CUE, "export", "./"+s.name, "-e", fmt.Sprintf("releases.%q.values", release), "--out", "yaml")
			if err := m.pipe(export, s.command(ctx, dir, s.bin.Helm, s.env.Template(release, "-")...), file); err != nil {
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
	used = program.Usage{Wall: time.Since(start), CPU: m.cpu}
	for i, name := range files {
		if texts[i], err = os.ReadFile(name); err != nil {
			return texts, used, err
		}
	}
	return texts, used, nil
}

func (s *sides) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GEN_CACHE=off") // It is to do as much as the others.
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
