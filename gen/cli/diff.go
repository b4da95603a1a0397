package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/gen/ahead"
	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/revision"
)

// deployed is what --from takes for the commits that are approved now.
const deployed = "deployed"

// workingTree is what the state of the files on the disk is called.
const workingTree = "working tree"

type diffOptions struct {
	from, to string
	format   string
	failOn   []string
	exitZero bool
	nameOnly bool
	jobs     int
}

var diffFormats = []string{"text", "markdown", "json", "html"}

func (a *app) diffCommand() *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff [ENV...] [--from REV] [--to REV] | ENV ENV",
		Short: "Say what a change does to the objects of environments",
		Long: `Diff renders environments in two states of the repository, and says which
objects are added, removed, changed or replaced, which line caused it, and what is
risky about it. It reads commits without a checkout, and writes nothing.

A state is a branch, a tag, a commit, or anything else that git takes for one.
Without --to it is the working tree; without --from, the commit at which --to
parted from the default branch, which is origin/HEAD, or main or master. With
--from deployed each environment that follows an approval branch is compared with
what is approved there, as the last git fetch has seen it.

Two environments, and neither --from nor --to, are compared with each other, as if
the first took the name and the namespace of the second. What the environments
declare in differs is left out.

With --name-only nothing is rendered: diff lists the environments and releases
whose objects the changed files can touch.

Exit codes: 0 no differences, 2 an environment is invalid in one of the states,
3 differences, 4 a risk that --fail-on names.`,
		Example: `  gen diff                          what the branch and the working tree change
  gen diff prod --from deployed     what approving would change
  gen diff --from v1.2.0 --to main  between two commits
  gen diff envs/stage envs/prod     what differs between two environments
  gen diff --from $CI_MERGE_REQUEST_DIFF_BASE_SHA -o markdown --exit-zero --fail-on high
  gen diff --name-only              prod/service and the like`,
		ValidArgsFunction: a.completeEnvironments,
		RunE:              func(_ *cobra.Command, args []string) error { return a.diff(o, args) },
	}
	cmd.Flags().StringVar(&o.from, "from", "", "state before: a revision, or deployed")
	cmd.Flags().StringVar(&o.to, "to", "", "state after: a revision; without it the working tree")
	cmd.Flags().StringVarP(&o.format, "output", "o", "text", strings.Join(diffFormats, ", "))
	cmd.Flags().StringSliceVar(&o.failOn, "fail-on", nil, "exit 4 on a risk of this level or above (low, medium, high), or with this id")
	cmd.Flags().BoolVar(&o.exitZero, "exit-zero", false, "exit 0 on differences")
	cmd.Flags().BoolVar(&o.nameOnly, "name-only", false, "list what the change can touch, without rendering (text or json)")
	jobsFlag(cmd, &o.jobs)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(diffFormats, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("from", a.completeRevision(deployed))
	_ = cmd.RegisterFlagCompletionFunc("to", a.completeRevision())
	_ = cmd.RegisterFlagCompletionFunc("fail-on", completeFailOn)
	return cmd
}

// completeRevision completes branches and tags, and some words besides.
func (a *app) completeRevision(words ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		if err := a.openRepository(); err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return append(words, revision.Open(a.root).Names()...), cobra.ShellCompDirectiveNoFileComp
	}
}

func (a *app) diff(o diffOptions, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := a.openRepository(); err != nil {
		return err
	}
	for i, arg := range args {
		args[i] = a.relative(arg)
	}
	git := revision.Open(a.root)
	defer git.Close()
	var pairs []*pair
	var err error
	if o.comparesEnvironments(args) {
		var p *pair
		p, err = a.environmentPair(args)
		pairs = []*pair{p}
	} else {
		pairs, err = a.pairs(o, git, args)
	}
	if err != nil {
		return err
	}
	if o.nameOnly {
		return a.diffNames(o, pairs)
	}
	report, err := a.compare(o, pairs)
	if err != nil {
		return err
	}
	if err := a.writeReport(o, report); err != nil {
		return err
	}
	return o.verdict(report)
}

func (o diffOptions) check() error {
	if err := checkJobs(o.jobs); err != nil {
		return err
	}
	formats := diffFormats
	if o.nameOnly {
		formats = []string{"text", "json"}
	}
	if err := checkFormat(o.format, formats...); err != nil {
		return err
	}
	if o.to == deployed {
		return errors.New("--to deployed: what is deployed is the state before, so write --from deployed")
	}
	return o.checkFailOn()
}

// comparesEnvironments reports whether the arguments are two environments to
// compare with each other.
func (o diffOptions) comparesEnvironments(args []string) bool {
	return len(args) == 2 && o.from == "" && o.to == "" && !o.nameOnly
}

// compare renders every pair and says what differs.
func (a *app) compare(o diffOptions, pairs []*pair) (*diff.Report, error) {
	progress := a.newProgress()
	defer progress.clear()
	total := 0
	for _, p := range pairs {
		p.plan()
		total += len(p.jobs)
	}
	done := 0
	var whole *diff.Report
	for _, p := range pairs {
		planned := len(p.jobs) // Some of them turn out to be one.
		err := p.render(o.jobs, func(n int) { progress.report(done+n, total) })
		if err != nil {
			progress.clear()
			return nil, a.sideFindings(err)
		}
		done += planned
		report, err := diff.Compare(p.from.diffSide(), p.to.diffSide())
		if err != nil {
			return nil, err
		}
		if n := p.foldReport(report); n > 0 {
			fmt.Fprintf(a.Err, "left out: %s that the environments declare in differs\n", count(n, "value"))
		}
		if whole == nil {
			whole = report
			continue
		}
		// Environments that are compared with commits of their own.
		whole.Environments = append(whole.Environments, report.Environments...)
		if whole.From != report.From {
			whole.From = diff.State{Name: deployed}
		}
	}
	slices.SortFunc(whole.Environments, func(x, y diff.Environment) int { return strings.Compare(x.Name, y.Name) })
	return whole, nil
}

// pairs returns what has to be compared: one pair of states, or several where
// environments are deployed from commits of their own. Their environments are
// loaded.
func (a *app) pairs(o diffOptions, git *revision.Repository, args []string) ([]*pair, error) {
	to := &side{state: diff.State{Name: workingTree}, repo: a.repoFS()}
	if o.to != "" {
		repo, err := git.Resolve(o.to)
		if err != nil {
			return nil, fmt.Errorf("--to: %w", err)
		}
		to = &side{state: diff.State{Name: o.to, Commit: repo.Commit}, repo: repo}
	}
	if o.from == deployed {
		return a.deployedPairs(git, to, args)
	}
	from, err := fromSide(o, git, to)
	if err != nil {
		return nil, err
	}
	if err := chooseEnvironments(args, from, to); err != nil {
		return nil, err
	}
	p := &pair{from: from, to: to}
	if err := p.load(a.loader); err != nil {
		return nil, a.sideFindings(err)
	}
	return []*pair{p}, nil
}

// fromSide returns the state before, without its environments.
func fromSide(o diffOptions, git *revision.Repository, to *side) (*side, error) {
	if o.from == "" {
		return mergeBase(git, to)
	}
	repo, err := git.Resolve(o.from)
	if err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	return &side{state: diff.State{Name: o.from, Commit: repo.Commit}, repo: repo}, nil
}

// mergeBase returns the state at which a state parted from the default branch.
func mergeBase(git *revision.Repository, to *side) (*side, error) {
	branch, err := git.Default()
	if err != nil {
		return nil, err
	}
	tip := revision.Branch{Name: to.state.Name, Commit: to.state.Commit}
	if tip.Commit == "" {
		tip.Name = "HEAD"
		if tip.Commit, err = git.Commit("HEAD"); err != nil {
			return nil, err
		}
	}
	base, err := git.MergeBase(branch, tip)
	if err != nil {
		return nil, err
	}
	repo, err := git.Resolve(base)
	if err != nil {
		return nil, err
	}
	name := branch.Name
	if base != branch.Commit {
		name = "merge base with " + name
	}
	return &side{state: diff.State{Name: name, Commit: base}, repo: repo}, nil
}

// chooseEnvironments sets the environments of both sides to those that the
// arguments name. One that is on one side only is known by its name too.
func chooseEnvironments(args []string, sides ...*side) error {
	var all []string
	for _, s := range sides {
		names, err := environment.Names(s.repo)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		s.names = names
		all = append(all, names...)
	}
	slices.Sort(all)
	wanted, err := environment.Select(slices.Compact(all), args)
	if err != nil {
		return err
	}
	for _, s := range sides {
		s.names = slices.DeleteFunc(s.names, func(name string) bool { return !slices.Contains(wanted, name) })
	}
	return nil
}

// loader loads environments of a state.
func (a *app) loader(s *side) (*environment.Set, error) {
	if s.state.Commit == "" {
		return ahead.Load(a.root, s.names)
	}
	return environment.Load(s.repo, s.names)
}

// sideFindings prints findings of each side with a word about which it is.
func (a *app) sideFindings(err error) error {
	var failed *sideError
	if !errors.As(err, &failed) {
		return err
	}
	code := exitOK
	for _, one := range failed.sides {
		findings, rest := finding.From(one.err)
		if rest != nil {
			return fmt.Errorf("%s: %w", one.side.describe(), rest)
		}
		findings = findings.Sort()
		fmt.Fprintf(a.Err, "in %s:\n", one.side.describe())
		if err := finding.Text(a.Err, one.side.repo, findings, a.colour(a.ErrTerminal)); err != nil {
			return err
		}
		code = max(code, codeOf(findings))
	}
	return errReported{code}
}
