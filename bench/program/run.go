package program

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Usage is what programs used.
type Usage struct {
	Wall time.Duration `json:"wallNanoseconds"`
	CPU  time.Duration `json:"cpuNanoseconds"`
	// Memory is the peak in bytes, or 0 where it is not known.
	Memory int64 `json:"peakMemoryBytes"`
}

// Plus is what both used, one after the other.
func (u Usage) Plus(v Usage) Usage {
	return Usage{u.Wall + v.Wall, u.CPU + v.CPU, max(u.Memory, v.Memory)}
}

// Command is a program with its arguments, and where it runs.
type Command struct {
	Dir  string
	Args []string
	// Env is added to the environment of this process.
	Env []string
}

// Pipe starts the commands with pipes between them, lets the last one write to out,
// and waits for all. It needs no shell. The error is the first that a program ended
// with, with what the program wrote to stderr.
func Pipe(ctx context.Context, commands []Command, out *os.File) (Usage, error) {
	var used Usage
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
func startAll(ctx context.Context, commands []Command, out *os.File) ([]*exec.Cmd, error) {
	var started []*exec.Cmd
	var from *os.File
	for i, c := range commands {
		cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = c.Dir, out, &bytes.Buffer{}
		if len(c.Env) > 0 {
			cmd.Env = append(os.Environ(), c.Env...)
		}
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

// CommandLine writes commands as a person would type them, at the root of the
// repository.
func CommandLine(commands []Command) string {
	var parts []string
	for _, c := range commands {
		program := filepath.Base(c.Args[0])
		line := strings.Join(append([]string{strings.TrimSuffix(program, ".exe")}, c.Args[1:]...), " ")
		if filepath.Base(c.Dir) == "envs" {
			line = "(cd envs; " + line + ")"
		}
		parts = append(parts, line)
	}
	return strings.Join(parts, " | ")
}
