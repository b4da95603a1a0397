package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/gen/check"
	"gitlab.com/towpath/towpath/gen/commit"
	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/revision"
)

type promoteOptions struct {
	only         []string
	branch       string
	base         string
	mergeRequest bool
	remote       string
	dryRun       bool
	jobs         int
	forced
}

func (a *app) promoteCommand() *cobra.Command {
	var o promoteOptions
	cmd := &cobra.Command{
		Use:   "promote [FROM] TO",
		Short: "Carry the images of one environment to the next, for review",
		Long: `Promote takes the images that FROM names in its release.cue to TO, of every release
that both have, and makes a branch with one commit of it: promote/TO-TAG, upon the
default branch as the remote has it now. Without FROM it is what TO says in
delivery.promotedFrom; any other is refused. What the step does to TO's objects stands
in the commit's message. Nothing is written unless gen check finds nothing in the result.

With --only it carries just what is named, each a release and a path below its values:
service.image, service.config.logLevel. Such a value is set where TO has it, and added
to env.cue where it has none.

The working tree and the index have no part in it, and need not be clean. Promoting
again is safe: a branch that holds the promotion already is left as it is, and one
from an earlier promotion, which nobody has added to, is replaced.

With --merge-request the branch is pushed, and GitLab asked to open a merge request.

Exit codes: 0 done, or nothing to carry; 2 or 4 the result is wrong, as gen check says
it; 4 also a step that is left out.`,
		Example: `  gen promote prod                           from where prod is promoted from
  gen promote stage prod --dry-run           say what would move
  gen promote stage prod --merge-request
  gen promote stage prod --only service.image,service.config.logLevel
  gen promote dev prod --force --reason 'fix for INC-12; stage is down'`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completePromote,
		RunE:              func(_ *cobra.Command, args []string) error { return a.promote(o, args) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.only, "only", nil, "carry these values alone: RELEASE.PATH,...")
	flags.StringVar(&o.branch, "branch", "", "name of the branch; without it promote/TO-TAG")
	flags.StringVar(&o.base, "base", "", "commit to start from; without it the remote's default branch, fetched first")
	flags.BoolVar(&o.mergeRequest, "merge-request", false, "push the branch and ask GitLab for a merge request")
	flags.StringVar(&o.remote, "remote", "origin", "remote to fetch from and push to")
	flags.BoolVar(&o.dryRun, "dry-run", false, "print what would move and the commit's message, and write nothing")
	flags.BoolVar(&o.force, "force", false, "leave a step out; needs --reason")
	flags.StringVar(&o.reason, "reason", "", "with --force: why, for the commit message")
	jobsFlag(cmd, &o.jobs)
	_ = cmd.RegisterFlagCompletionFunc("base", a.completeRevision())
	_ = cmd.RegisterFlagCompletionFunc("remote", a.completeRemotes)
	_ = cmd.RegisterFlagCompletionFunc("branch", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("only", cobra.NoFileCompletions)
	return cmd
}

func (a *app) completePromote(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeEnvironments(cmd, args, toComplete)
}

// promotion is a promotion on its way.
type promotion struct {
	*app
	o       promoteOptions
	git     *revision.Repository
	commits *commit.Repository

	base *revision.FS
	// target is the branch to merge into, "" if it is not known.
	target   string
	from, to *environment.Environment
	moves    []move
}

func (a *app) promote(o promoteOptions, args []string) error {
	if err := checkJobs(o.jobs); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	if err := a.openRepository(); err != nil {
		return err
	}
	for i, arg := range args {
		args[i] = a.relative(arg)
	}
	p := &promotion{app: a, o: o, git: revision.Open(a.root), commits: commit.Open(a.root)}
	defer p.git.Close()
	if o.branch != "" {
		if err := p.commits.CheckBranch(o.branch); err != nil {
			return fmt.Errorf("--branch: %w", err)
		}
	}
	if err := p.chooseBase(); err != nil {
		return err
	}
	if err := p.chooseEnvironments(args); err != nil {
		return err
	}
	settings, err := p.carry()
	if err != nil {
		return err
	}
	if len(settings) == 0 {
		fmt.Fprintf(a.Err, "nothing to carry: %s has what %s has\n", p.to.Name, p.from.Name)
		return nil
	}
	d, err := a.draft(p.base, p.to.Name, settings)
	if err != nil {
		return err
	}
	if err := p.judge(d); err != nil {
		return err
	}
	message, err := p.message(d)
	if err != nil {
		return err
	}
	for _, m := range p.moves {
		fmt.Fprintln(a.Out, m)
	}
	if o.dryRun {
		fmt.Fprintf(a.Out, "\n%s", message)
		return nil
	}
	return p.publish(d, message)
}

// chooseBase finds the commit that the promotion is made upon.
func (p *promotion) chooseBase() (err error) {
	hasRemote, err := p.commits.HasRemote(p.o.remote)
	if err != nil {
		return err
	}
	if !hasRemote && (p.o.mergeRequest || p.o.remote != "origin") {
		return &commit.RemoteError{Reason: commit.NoRemote, Remote: p.o.remote}
	}
	if hasRemote && (p.o.base == "" || p.o.mergeRequest) {
		if p.target, err = p.commits.DefaultBranch(p.o.remote); err != nil {
			return p.offline(err)
		}
	}
	rev := p.o.base
	switch {
	case rev != "":
	case hasRemote:
		if err := p.commits.Fetch(p.o.remote, p.target); err != nil {
			return p.offline(err)
		}
		rev = commit.Tracking(p.o.remote, p.target)
	default:
		branch, err := p.git.Default()
		if err != nil {
			return err
		}
		rev = branch.Commit
	}
	if p.base, err = p.git.Resolve(rev); err != nil && p.o.base != "" {
		return fmt.Errorf("--base: %w", err)
	}
	return err
}

// offline says how to go on without a network.
func (p *promotion) offline(err error) error {
	var failed *commit.RemoteError
	if errors.As(err, &failed) && failed.Reason == commit.Unreachable && !p.o.mergeRequest {
		return fmt.Errorf("%w\nwithout it, name the commit to start from: --base %s/main", err, p.o.remote)
	}
	return err
}

// chooseEnvironments loads the two environments, and refuses a step that is left out.
func (p *promotion) chooseEnvironments(args []string) error {
	all, err := environment.Names(p.base)
	if err != nil {
		return err
	}
	var names []string // In the order of the arguments.
	for _, arg := range args {
		one, err := environment.Select(all, []string{arg})
		if err != nil {
			return err
		}
		names = append(names, one...)
	}
	to, err := p.load(names[len(names)-1])
	if err != nil {
		return err
	}
	p.to = to
	before := to.Delivery.PromotedFrom
	switch {
	case len(names) == 2:
	case before == "":
		return fmt.Errorf("%s says of no environment that it is promoted from it; name it: gen promote FROM %s", to.Name, to.Name)
	case !slices.Contains(all, before):
		return p.printFindings(p.base, check.Order([]*environment.Environment{to}, all))
	default:
		names = []string{before, to.Name}
	}
	if names[0] == to.Name {
		return fmt.Errorf("%s can't be promoted from itself", to.Name)
	}
	if names[0] != before && !p.o.force {
		if before == "" {
			return p.refuse("%s is promoted from no environment: set delivery.promotedFrom, or name its image with gen release %s; or add --force --reason TEXT", to.Name, to.Name)
		}
		return p.refuse("%s is promoted from %s, not from %s: promote %s to %s first, or add --force --reason TEXT", to.Name, before, names[0], names[0], before)
	}
	p.from, err = p.load(names[0])
	return err
}

func (p *promotion) load(name string) (*environment.Environment, error) {
	set, err := environment.Load(p.base, []string{name})
	if err != nil {
		return nil, p.printFindings(p.base, err)
	}
	return set.Environments[0], nil
}

// judge refuses a result that gen check would not let pass.
func (p *promotion) judge(d *drafted) error {
	progress := p.newProgress()
	findings, err := check.Run(d.repo, check.Options{
		Names: []string{p.to.Name}, Jobs: p.o.jobs, Progress: progress.folders(), Today: p.Now().UTC(),
	})
	progress.clear()
	if err != nil {
		return err
	}
	open, _ := findings.Split()
	if codeOf(open) == exitOK {
		return nil
	}
	fmt.Fprintf(p.Err, "gen: the promotion would leave %s with:\n", p.to.Name)
	return p.printFindings(d.repo, open)
}

// summary says what the promotion does to the objects of the environment.
func (p *promotion) summary(d *drafted) (string, error) {
	names := []string{p.to.Name}
	two := &pair{
		from: &side{state: diff.State{Name: "base", Commit: p.base.Commit}, repo: p.base, names: names, envs: []*environment.Environment{p.to}, loaded: true},
		to:   &side{state: diff.State{Name: "promotion"}, repo: d.repo, names: names, envs: []*environment.Environment{d.env}, loaded: true},
	}
	progress := p.newProgress()
	report, err := p.compare(diffOptions{format: "text", jobs: p.o.jobs}, p.git, []*pair{two}, progress)
	progress.clear()
	if err != nil {
		return "", p.sideFindings(err)
	}
	return summarise(report), nil
}

// message is that of the promotion's commit.
func (p *promotion) message(d *drafted) (commit.Message, error) {
	summary, err := p.summary(d)
	if err != nil {
		return commit.Message{}, err
	}
	var lines []string
	for _, m := range p.moves {
		lines = append(lines, m.String())
	}
	message := commit.Message{
		Subject:  fmt.Sprintf("%s: promote %s from %s", p.to.Name, subject(p.moves), p.from.Name),
		Body:     strings.Join(lines, "\n") + "\n\n" + summary,
		Trailers: []commit.Trailer{{Key: promotedFrom, Value: p.from.Name}},
	}
	if p.o.force {
		message.Trailers = append(message.Trailers, commit.Trailer{Key: "Force-Reason", Value: p.o.reason})
	}
	return message, nil
}
