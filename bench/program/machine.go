package program

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

// Machine is where and with what a run took place.
type Machine struct {
	System string `json:"system"`
	CPU    string `json:"cpu,omitempty"`
	Cores  int    `json:"cores"`
	// Memory is that of the machine in bytes, 0 where it is not known.
	Memory int64 `json:"memoryBytes,omitempty"`
	// Load is the load average before the run, where the system knows it.
	Load string `json:"load,omitempty"`
	// Tools are the programs with their versions.
	Tools []string `json:"tools"`
}

// Describe describes the machine as it is now, gen as it was built from the
// repository, and other programs, each of the folder NAME@VERSION of the tools.
func Describe(ctx context.Context, root, gen string, tools ...string) Machine {
	m := Machine{
		System: runtime.GOOS + "/" + runtime.GOARCH,
		CPU:    figures.CPUModel(),
		Cores:  runtime.NumCPU(),
		Memory: figures.Memory(),
		Load:   figures.LoadAverage(),
		Tools:  []string{"gen at " + revision(ctx, root) + ", built by " + builtBy(gen)},
	}
	for _, file := range tools {
		m.Tools = append(m.Tools, filepath.Base(filepath.Dir(file))+", built by "+builtBy(file))
	}
	return m
}

// Markdown is the machine as a list.
func (m Machine) Markdown() string {
	var text strings.Builder
	cpu := m.CPU
	if cpu != "" {
		cpu = ", " + cpu
	}
	fmt.Fprintf(&text, "- machine: %s, %d cores%s", m.System, m.Cores, cpu)
	if m.Memory > 0 {
		fmt.Fprintf(&text, ", %.0f GiB of memory", float64(m.Memory)/(1<<30))
	}
	text.WriteString("\n")
	if m.Load != "" {
		fmt.Fprintf(&text, "- load average before: %s\n", m.Load)
	}
	for _, tool := range m.Tools {
		fmt.Fprintf(&text, "- %s\n", tool)
	}
	return text.String()
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
