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
	fromTool string
	format   string
	failOn   []string
	exitZero bool
	nameOnly bool
	note     bool
	// reports is a folder for the report in every format but text.
	reports string
	// fullReport is the address of what a note has no room for.
	fullReport string
	jobs       int
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

Both states are rendered by this gen, so that only what differs between them shows. With
--from-tool another gen renders the state before, and what it renders otherwise shows
too: the one built from a revision, a program that is named with its folder, or own,
the one of the state before itself. With --from and --to the same, nothing else shows:
what a new gen, or a new Helm in it, does to every environment. Building it takes the
go command, and a minute the first time. It runs the code of that revision.

Other versions of gen's output, CUE or Helm are a difference by themselves; see
envs/tool.lock. In markdown, json and html the report also says which findings of the
policy come and go.

Two environments, and neither --from nor --to, are compared with each other, as if
the first took the name and the namespace of the second. What the environments
declare in differs is left out.

Folders of teams are left out if no file that they are made from differs. The policy
is asked about them all the same.

With --name-only nothing is rendered: diff lists the environments and releases
whose objects the changed files can touch; of two environments, the releases that
get other values or another chart.

With --note the report is kept in a note on the merge request as well, in a job of
its pipeline: the first one creates the note, those that follow rewrite it. It takes
a token of GitLab in GITLAB_NOTE_TOKEN, or else GITLAB_TOKEN, with the scope api and
the role Reporter; without one, as in a merge request from a fork, diff says so and
goes on.

Exit codes: 0 no differences, 2 an environment is invalid in one of the states,
3 differences, 4 a risk that --fail-on names.`,
		Example: `  gen diff                          what the branch and the working tree change
  gen diff prod --from deployed     what approving would change
  gen diff --from v1.2.0 --to main  between two commits
  gen diff envs/stage envs/prod     what differs between two environments
  gen diff --from $CI_MERGE_REQUEST_DIFF_BASE_SHA -o markdown --exit-zero --fail-on high
  gen diff --to HEAD --note --reports reports  in a job: all that a merge request shows
  gen diff --from main --to main --from-tool v1.2.0  what gen does otherwise since then
  gen diff --name-only              prod/service and the like`,
		ValidArgsFunction: a.completeEnvironments,
		RunE:              func(_ *cobra.Command, args []string) error { return a.diff(o, args) },
	}
	cmd.Flags().StringVar(&o.from, "from", "", "state before: a revision, or deployed")
	cmd.Flags().StringVar(&o.to, "to", "", "state after: a revision; without it the working tree")
	cmd.Flags().StringVar(&o.fromTool, "from-tool", "", "gen that renders the state before: a revision, own, or a program as ./FILE")
	cmd.Flags().StringVarP(&o.format, "output", "o", "text", strings.Join(diffFormats, ", "))
	cmd.Flags().StringSliceVar(&o.failOn, "fail-on", nil, "exit 4 on a risk of this level or above (low, medium, high), or with this id")
	cmd.Flags().BoolVar(&o.exitZero, "exit-zero", false, "exit 0 on differences")
	cmd.Flags().BoolVar(&o.nameOnly, "name-only", false, "list what the change can touch, without rendering (text or json)")
	cmd.Flags().BoolVar(&o.note, "note", false, "keep the report in a note on the merge request that GitLab runs the job for, too")
	cmd.Flags().StringVar(&o.reports, "reports", "", "write diff.md, diff.html and diff.json into this folder, too")
	cmd.Flags().StringVar(&o.fullReport, "full-report", "", "address of the full report, said where Markdown or a note is cut; without it the job's")
	jobsFlag(cmd, &o.jobs)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(diffFormats, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("from", a.completeRevision(deployed))
	_ = cmd.RegisterFlagCompletionFunc("to", a.completeRevision())
	_ = cmd.RegisterFlagCompletionFunc("from-tool", a.completeRevision(ownTool))
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
	if o.note {
		return a.diffWithNote(o, args)
	}
	report, err := a.diffReport(o, args)
	if report == nil || err != nil {
		return err
	}
	return o.verdict(report)
}

// diffReport compares, and writes what it finds to standard output. There is no
// report if only names are wanted.
func (a *app) diffReport(o diffOptions, args []string) (*diff.Report, error) {
	for i, arg := range args {
		args[i] = a.relative(arg)
	}
	git := revision.Open(a.root)
	defer git.Close()
	progress := a.newProgress()
	defer progress.clear()
	progress.phase("loading environments")
	var pairs []*pair
	var err error
	if o.comparesEnvironments(args) {
		var p *pair
		p, err = a.environmentPair(o, args)
		pairs = []*pair{p}
	} else {
		pairs, err = a.pairs(o, git, args, progress)
	}
	if err != nil {
		progress.clear()
		return nil, a.sideFindings(err)
	}
	if o.nameOnly {
		progress.clear()
		return nil, a.diffNames(o, pairs)
	}
	report, err := a.compare(o, git, pairs, progress)
	progress.clear()
	if err != nil {
		return nil, a.sideFindings(err)
	}
	if err := a.writeReport(o, report); err != nil {
		return nil, err
	}
	return report, a.writeReports(o, report)
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
	if (o.note || o.reports != "") && o.nameOnly {
		return errors.New("--note and --reports hold the report, which --name-only makes none of; leave it out")
	}
	if o.to == deployed {
		return errors.New("--to deployed: what is deployed is the state before, so write --from deployed")
	}
	if o.fromTool != "" && o.nameOnly {
		return errors.New("--name-only renders nothing, so it takes no --from-tool")
	}
	return o.checkFailOn()
}

// comparesEnvironments reports whether the arguments are two environments to
// compare with each other.
func (o diffOptions) comparesEnvironments(args []string) bool {
	return len(args) == 2 && o.from == "" && o.to == ""
}

// compare renders every pair and says what differs.
func (a *app) compare(o diffOptions, git *revision.Repository, pairs []*pair, progress *progress) (*diff.Report, error) {
	total := 0
	for _, p := range pairs {
		p.plan()
		total += len(p.jobs)
	}
	done := 0
	var whole *diff.Report
	var before, after finding.List
	judged := false
	for _, p := range pairs {
		planned := len(p.jobs) // Some of them turn out to be one.
		var other *otherTool
		if o.fromTool != "" {
			var err error
			if other, err = a.otherTool(o, git, p, progress); err != nil {
				return nil, err
			}
		}
		var policy *judgement
		if o.judgesPolicy() {
			var err error
			if policy, err = p.startPolicy(o.jobs); err != nil {
				return nil, err
			}
		}
		if err := p.render(o.jobs, func(n int) { progress.report(done+n, total) }); err != nil {
			return nil, err
		}
		done += planned
		if other != nil {
			progress.phase("rendering with " + other.name)
			if err := p.renderFrom(other); err != nil {
				return nil, err
			}
		}
		progress.phase(fmt.Sprintf("comparing %d releases", total))
		report, err := diff.Compare(p.from.diffSide(), p.to.diffSide(), diff.Options{FieldsOnly: o.format == "text" && o.reports == "" && !o.note})
		if err != nil {
			return nil, err
		}
		if n := p.foldReport(report); n > 0 {
			progress.around(func() {
				fmt.Fprintf(a.Err, "left out: %s that the environments declare in differs\n", count(n, "value"))
			})
		}
		report.Untouched = p.untouched
		if n := p.untouched; n > 0 {
			progress.around(func() {
				fmt.Fprintf(a.Err, "left out: %s of teams that no changed file can touch\n", count(n, "folder"))
			})
		}
		if report.Tools, err = a.tools(p, other); err != nil {
			return nil, err
		}
		progress.phase("asking the policy")
		was, is, err := policy.findings(a.Now().UTC(), progress)
		if err != nil {
			return nil, err
		}
		before, after = append(before, was...), append(after, is...)
		judged = judged || policy != nil
		whole = joinReports(whole, report)
	}
	slices.SortFunc(whole.Environments, func(x, y diff.Environment) int { return strings.Compare(x.Name, y.Name) })
	if judged {
		whole.Judge(before, after)
	}
	return whole, nil
}

// joinReports adds a report to those of environments that are compared with commits
// of their own.
func joinReports(whole, report *diff.Report) *diff.Report {
	if whole == nil {
		return report
	}
	whole.Environments = append(whole.Environments, report.Environments...)
	whole.Untouched += report.Untouched
	if whole.From != report.From {
		whole.From = diff.State{Name: deployed}
	}
	for _, change := range report.Tools {
		if !slices.Contains(whole.Tools, change) {
			whole.Tools = append(whole.Tools, change)
		}
	}
	return whole
}

// pairs returns what has to be compared: one pair of states, or several where
// environments are deployed from commits of their own. Their environments are
// loaded.
func (a *app) pairs(o diffOptions, git *revision.Repository, args []string, progress *progress) ([]*pair, error) {
	// What is read more than once is read from the disk once.
	to := &side{state: diff.State{Name: workingTree}, repo: ahead.Tree(a.root)}
	if o.to != "" {
		repo, err := git.Resolve(o.to)
		if err != nil {
			return nil, fmt.Errorf("--to: %w", err)
		}
		to = &side{state: diff.State{Name: o.to, Commit: repo.Commit}, repo: repo}
	}
	if o.from == deployed {
		return a.deployedPairs(git, to, args, progress)
	}
	from, err := fromSide(o, git, to)
	if err != nil {
		return nil, err
	}
	if err := chooseEnvironments(args, from, to); err != nil {
		return nil, err
	}
	p := &pair{from: from, to: to}
	if o.narrows() {
		if err := p.narrow(); err != nil {
			return nil, err
		}
	}
	if err := p.load(a.loader); err != nil {
		return nil, err
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
	if s.folders != nil {
		return environment.LoadSome(s.repo, s.folders)
	}
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
