package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"gitlab.com/towpath/towpath/bench/fleet/synthetic"
	"gitlab.com/towpath/towpath/bench/program"
)

// mode is a situation in which gen is run.
type mode struct {
	name, label string
	// empty tells that gen starts with an empty cache; else it finds what a run before
	// the change has left there.
	empty bool
	args  []string
	// change is what somebody changes before, nil for nothing.
	change *change
	// exit is the code that gen is to end with.
	exit int
}

// change is one that is made to a file, different in each turn so that no turn finds
// what the one before has left.
type change struct {
	file, from string
	// to is what from becomes; %d is the number of the turn.
	to string
}

// Names of modes that goals speak of.
const (
	cold      = "cold"
	unchanged = "nothing changed"
	oneValue  = "one value changed"
	checkCold = "check"
	diffCold  = "diff"

	// sizesInTurn is cold too, for slopes.
	sizesInTurn = "sizes in turn"
)

// modes are the situations, for a fleet.
func modes(list []synthetic.Release) []mode {
	render := []string{"render", "--manifests"}
	// Somebody works on a medium release of the last environment.
	var file string
	for _, r := range list {
		if r.Size == synthetic.Medium {
			file = r.File
		}
	}
	value := &change{file, "cpu: \"250m\"", "cpu: \"%dm\""}
	diff := []string{"diff", "--from", "HEAD", "--exit-zero"}
	return []mode{
		{cold, "nothing is known", true, render, nil, 0},
		{unchanged, "the same again", false, render, nil, 0},
		{oneValue, "one value of one release is another", false, render, value, 0},
		{"contract changed", "a default of the contract is another", false, render,
			&change{"envs/contract/service.cue", "drainSeconds: int & >=0 & <=120 | *5", "drainSeconds: int & >=0 & <=120 | *%d"}, 0},
		{"chart changed", "a template of chart service is another", false, render,
			&change{"charts/service/templates/deployment.yaml", "kind: Deployment", "# Turn %d.\nkind: Deployment"}, 0},
		{"first error", "a field of one release is misspelt", false, render, &change{file, "requests: {", "requestz%d: {"}, 2},
		{"files, cold", "gen render, which writes values and Applications", true, []string{"render"}, nil, 0},
		{"files, nothing changed", "gen render, and nothing to write", false, []string{"render"}, nil, 0},
		{checkCold, "gen check, nothing is known", true, []string{"check"}, nil, 0},
		{"check, nothing changed", "gen check again", false, []string{"check"}, nil, 0},
		{diffCold, "gen diff of one value, nothing is known", true, diff, value, 0},
		{"diff, one value changed", "gen diff of one value, what stays is known", false, diff, value, 0},
	}
}

// run measures one turn of the mode.
func (m mode) run(ctx context.Context, s *site, turn int) (used program.Usage, err error) {
	cache, err := os.MkdirTemp(s.temp, "cache-")
	if err != nil {
		return used, err
	}
	out := filepath.Join(s.temp, "mode", "out")
	if !m.empty {
		if _, err := s.gen(ctx, cache, out, m.args...); err != nil {
			return used, fmt.Errorf("before %s: %w", m.name, err)
		}
	}
	if m.change != nil {
		file := filepath.Join(s.dir, filepath.FromSlash(m.change.file))
		text, err := os.ReadFile(file)
		if err != nil {
			return used, err
		}
		if !strings.Contains(string(text), m.change.from) {
			return used, fmt.Errorf("%s has no %q", m.change.file, m.change.from)
		}
		// Beyond what stands there, and within what the contract allows.
		to := fmt.Sprintf(m.change.to, 20+turn)
		if err := os.WriteFile(file, []byte(strings.Replace(string(text), m.change.from, to, 1)), 0o644); err != nil {
			return used, err
		}
		defer func() { err = errors.Join(err, os.WriteFile(file, text, 0o644)) }()
	}
	syscall.Sync()
	used, err = s.gen(ctx, cache, out, m.args...)
	var exit *exec.ExitError
	if m.exit != 0 {
		if !errors.As(err, &exit) || exit.ExitCode() != m.exit {
			return used, fmt.Errorf("%s: want exit code %d, not %w", m.name, m.exit, err)
		}
		err = nil
	}
	return used, err
}

// commit makes the fleet a repository of Git, which gen diff and Argo CD read, unless
// it is one.
func (s *site) commit(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(s.dir, ".git")); err == nil {
		return nil
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"add", "--all"},
		{"-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "--quiet", "--message", "the fleet"},
		{"gc", "--quiet"}, // As a clone is, and so that Git does not do it while gen is measured.
	} {
		if out, err := exec.CommandContext(ctx, "git", append([]string{"-C", s.dir}, args...)...).CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w\n%s", args[0], err, out)
		}
	}
	return nil
}
