package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"gitlab.com/towpath/towpath/bench/figures"
)

// machine is where and with what a run took place.
type machine struct {
	System string `json:"system"`
	CPU    string `json:"cpu,omitempty"`
	Cores  int    `json:"cores"`
	// Load is the load average before the run, where the system knows it.
	Load string `json:"load,omitempty"`
	// Tools are the programs with their versions.
	Tools []string `json:"tools"`
}

func describe(ctx context.Context, root string, bin binaries) machine {
	m := machine{
		System: runtime.GOOS + "/" + runtime.GOARCH,
		CPU:    figures.CPUModel(),
		Cores:  runtime.NumCPU(),
		Load:   figures.LoadAverage(),
		Tools:  []string{"gen at " + revision(ctx, root) + ", built by " + builtBy(bin.gen)},
	}
	for _, file := range []string{bin.cue, bin.helm} {
		m.Tools = append(m.Tools, filepath.Base(filepath.Dir(file))+", built by "+builtBy(file))
	}
	return m
}

func (m machine) write(text *strings.Builder) {
	cpu := m.CPU
	if cpu != "" {
		cpu = ", " + cpu
	}
	fmt.Fprintf(text, "- machine: %s, %d cores%s\n", m.System, m.Cores, cpu)
	if m.Load != "" {
		fmt.Fprintf(text, "- load average before: %s\n", m.Load)
	}
	for _, tool := range m.Tools {
		fmt.Fprintf(text, "- %s\n", tool)
	}
}

func builtBy(file string) string {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return "an unknown Go"
	}
	return info.GoVersion
}

// revision returns the commit of the repository, and whether files differ from it.
func revision(ctx context.Context, root string) string {
	out, err := exec.CommandContext(ctx, "git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "an unknown commit"
	}
	return strings.TrimSpace(string(out))
}
