package main

import (
	"context"
	"debug/buildinfo"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"gitlab.com/towpath/towpath/bench/figures"
	"gitlab.com/towpath/towpath/bench/program"
	"gitlab.com/towpath/towpath/service/database/pgserver"
)

// describe asks every program for its version. One that is not there is left out: not every
// part of the run needs it.
func describe(ctx context.Context, root, service string) program.Machine {
	m := program.Machine{System: runtime.GOOS + "/" + runtime.GOARCH, CPU: figures.CPUModel(), Cores: runtime.NumCPU(), Load: figures.LoadAverage()}
	tool := "service at " + output(ctx, "git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12")
	if info, err := buildinfo.ReadFile(service); err == nil {
		tool += ", built by " + info.GoVersion
		for _, d := range info.Deps {
			switch d.Path {
			case "github.com/gofiber/fiber/v2", "github.com/valyala/fasthttp", "modernc.org/sqlite", "github.com/jackc/pgx/v5":
				tool += ", " + d.Path + "@" + d.Version
			}
		}
	}
	m.Tools = append(m.Tools, tool)
	// It prints its version as the first line of a usage message, and fails.
	if wrk, _, _ := strings.Cut(output(ctx, "wrk", "-v"), " Copyright"); wrk != "" {
		m.Tools = append(m.Tools, wrk)
	}
	if python, err := python(ctx); err == nil {
		m.Tools = append(m.Tools, output(ctx, python, "-c", `import sys
from importlib.metadata import version
print("Python", sys.version.split()[0] + ",", ", ".join(n + " " + version(n) for n in ["Flask", "Jinja2", "waitress", "gunicorn"]))`))
	}
	if bin, err := pgserver.Programs(); err == nil {
		m.Tools = append(m.Tools, output(ctx, filepath.Join(bin, "postgres"), "--version"))
	}
	return m
}

// output is the first line that a program prints, empty if it can't be run.
func output(ctx context.Context, program string, args ...string) string {
	out, _ := exec.CommandContext(ctx, program, args...).CombinedOutput() // some print their version and fail
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}
