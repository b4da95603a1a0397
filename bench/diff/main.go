// Diff measures what it costs to see what a commit does to an environment: with
// gen diff, and with the commands that gen takes the place of.
//
//	go run ./bench/diff
//
// # What is compared
//
//	gen             gen diff prod --from A --to B --exit-zero
//	worktree, diff  git worktree add, for A and for B;
//	                cue export | helm template, in both;
//	                diff -u; git worktree remove, for both
//
// A and B are two commits of a clone of this repository, made for the run: B
// changes one value of the environment. All processes of a side count. Before
// anything is measured, both sides run once: an object that gen calls unchanged
// has to be equal in what Helm printed for A and for B, and every other has to be
// there, before and after, as gen reports it. If not, the differences are printed
// and there is no result.
//
// gen says more than diff does: what replaces an object, which line caused a
// change, and what is risky. It is not asked to leave that out.
//
// Beside that, gen diff is measured by itself on many releases of the chart service
// that all change, in environments of ten, as text and as the HTML report, which asks
// the policy too. The goal is two seconds.
//
// The sides run in turn; see bench/render for how to read the figures. The goal
// against the commands is a quarter of the CPU time and of the wall time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"gitlab.com/towpath/towpath/bench/program"
)

type options struct {
	runs        int
	environment string
	edit        string
	releases    int
	write       bool
	assert      bool
}

// errMissed ends a run with -assert that did not meet its goals.
var errMissed = errors.New("a goal is not met")

func main() {
	var o options
	flag.IntVar(&o.runs, "n", 20, "turns that are counted")
	flag.StringVar(&o.environment, "env", "prod", "environment to compare")
	flag.StringVar(&o.edit, "edit", "maxReplicas: 10=maxReplicas: 12", "text of env.cue that commit B changes, OLD=NEW")
	flag.IntVar(&o.releases, "releases", 200, "releases that all change, for the second measurement; 0 leaves it out")
	flag.BoolVar(&o.write, "write", false, "write the result to bench/diff/results.md too")
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
	if o.runs < 1 || flag.NArg() > 0 || !strings.Contains(o.edit, "=") {
		return errors.New("usage: go run ./bench/diff [-n TURNS] [-env NAME] [-edit OLD=NEW] [-releases N] [-write] [-assert]")
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
	repo, err := prepare(ctx, root, temp, o)
	if err != nil {
		return err
	}
	s, err := newSides(ctx, bin, repo, o.environment)
	if err != nil {
		return err
	}
	r := report{Environment: o.environment, Machine: machine(ctx, root, bin)}
	if r.Changed, r.Unchanged, err = prove(ctx, s); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "both sides see %d objects change and %d stay\n", r.Changed, r.Unchanged)
	if r.Turns, err = measure(ctx, s, o.runs); err != nil {
		return err
	}
	text := r.Markdown()
	met := r.met()
	if o.releases > 0 {
		repo, err := prepareMany(ctx, root, temp, o.releases)
		if err != nil {
			return err
		}
		m, err := measureMany(ctx, bin, repo, o.releases, max(1, o.runs/2))
		if err != nil {
			return err
		}
		text += "\n## Many releases\n\n" + m.Markdown()
		met = met && m.met()
	}
	fmt.Print(text)
	if o.write {
		text = "# gen diff against worktrees, cue, helm and diff\n\nMeasured by `go run ./bench/diff -write`; its documentation says how to read this.\n\n" + text
		if err := os.WriteFile(filepath.Join(root, "bench", "diff", "results.md"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if o.assert && !met {
		return errMissed
	}
	return nil
}

// machine is where this runs, and with which programs.
func machine(ctx context.Context, root string, bin program.Set) program.Machine {
	m := program.Describe(ctx, root, bin.Gen, bin.CUE, bin.Helm)
	git, _ := exec.CommandContext(ctx, "git", "version").Output() // Without it nothing runs.
	m.Tools = append(m.Tools, strings.TrimSpace(string(git)))
	return m
}

// repository is a clone with the two commits.
type repository struct{ dir, from, to string }

func (r repository) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", r.dir, "-c", "user.name=bench", "-c", "user.email=bench@example.com"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

func prepare(ctx context.Context, root, temp string, o options) (repository, error) {
	repo := repository{dir: filepath.Join(temp, "repository")}
	if out, err := exec.CommandContext(ctx, "git", "clone", "--quiet", root, repo.dir).CombinedOutput(); err != nil {
		return repo, fmt.Errorf("cloning the repository: %w\n%s", err, out)
	}
	var err error
	if repo.from, err = repo.git(ctx, "rev-parse", "HEAD"); err != nil {
		return repo, err
	}
	file := filepath.Join(repo.dir, "envs", o.environment, "env.cue")
	text, err := os.ReadFile(file)
	if err != nil {
		return repo, err
	}
	before, after, _ := strings.Cut(o.edit, "=")
	if strings.Count(string(text), before) != 1 {
		return repo, fmt.Errorf("%s has %q not exactly once; name another text with -edit", file, before)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), before, after, 1)), 0o644); err != nil {
		return repo, err
	}
	if _, err := repo.git(ctx, "commit", "--quiet", "--all", "--message", "change a value"); err != nil {
		return repo, err
	}
	repo.to, err = repo.git(ctx, "rev-parse", "HEAD")
	return repo, err
}
