package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/gen/argocd"
	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/report"
	"gitlab.com/towpath/towpath/gen/revision"
)

type statusOptions struct {
	format    string
	authority string
	wait      string
	timeout   time.Duration
	every     time.Duration
}

func (a *app) statusCommand() *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status [ENV...]",
		Short: "Say what each environment should run, may run and runs",
		Long: `Status shows four things about every release:

  WANTED    the image that the default branch says
  APPROVED  the release that is approved, with its image, commit and age, where the
            environment follows an approval branch
  DEPLOYED  the commit that Argo CD has brought to the cluster, and how it is
  DRIFT     how many commits of the default branch change the release and are not
            approved yet, or not deployed where nothing needs approval; and how long
            the first of them has waited

The first two come from Git alone, as the last git fetch has seen it; run that
before if others work on the repository. DEPLOYED needs an Argo CD, named by
ARGOCD_SERVER (HOST:PORT, or an address with http or https), and a token of an
account that may get Applications, in ARGOCD_AUTH_TOKEN. Without them it is unknown.

With --wait, status first waits until Argo CD says of every release of the named
environments that it is synced to that commit or a later one, and healthy. For an
environment that follows approvals, an approval of the commit or of a later one
counts. If Argo CD runs a commit that this clone lacks, it is fetched from origin.

Status reads signatures no more than Git does: gen history --verify judges them.

Exit codes: 0 fine, whatever drifts; 1 the time of --wait is over; 2 an environment
is invalid on the default branch.`,
		Example: `  gen status                        all environments
  gen status prod -o json           for programs
  gen status stage --wait HEAD      until stage runs this commit
  gen status stage --wait "$CI_COMMIT_SHA" --timeout 15m`,
		ValidArgsFunction: a.completeEnvironments,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.status(cmd.Context(), o, args) },
	}
	cmd.Flags().StringVarP(&o.format, "output", "o", "text", "text or json")
	cmd.Flags().StringVar(&o.authority, "argocd-ca", "", "file with the certificates, in PEM, that Argo CD's is checked with besides the machine's")
	cmd.Flags().StringVar(&o.wait, "wait", "", "wait until the environments run this revision, healthy")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 10*time.Minute, "how long to wait")
	cmd.Flags().DurationVar(&o.every, "every", 5*time.Second, "time between two looks at Argo CD while waiting")
	_ = cmd.Flags().MarkHidden("every")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("wait", a.completeRevision())
	return cmd
}

func (o statusOptions) check(args []string) error {
	if err := checkFormat(o.format, "text", "json"); err != nil {
		return err
	}
	switch {
	case o.wait != "" && len(args) == 0:
		return errors.New("--wait needs the environments to wait for, such as gen status stage --wait " + o.wait)
	case o.timeout <= 0:
		return fmt.Errorf("--timeout is %s; it must be longer than 0", o.timeout)
	case o.every <= 0:
		return fmt.Errorf("--every is %s; it must be longer than 0", o.every)
	}
	return nil
}

func (a *app) status(ctx context.Context, o statusOptions, args []string) error {
	if err := o.check(args); err != nil {
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
	at, err := statusSide(git, o.wait)
	if err != nil {
		return err
	}
	if err := chooseEnvironments(args, at); err != nil {
		return err
	}
	if err := at.load(a.loader); err != nil {
		return a.sideFindings(&sideError{[]failedSide{{at, err}}})
	}
	client, err := argocd.FromEnvironment(a.Getenv, o.authority)
	switch {
	case errors.Is(err, argocd.ErrNotConfigured) && o.wait == "":
	case err != nil:
		return err
	default:
		client.Every = o.every
	}
	if o.wait != "" {
		if err := a.waitFor(ctx, o, git, client, at); err != nil {
			return err
		}
	}
	s := &survey{git: git, at: at, now: a.Now()}
	progress := a.newProgress()
	progress.phase("asking Argo CD")
	s.ask(ctx, client, err)
	progress.clear()
	r := s.report()
	for _, note := range s.notes {
		fmt.Fprintln(a.Err, report.Visible(note))
	}
	if o.format == "json" {
		return a.printJSON(r)
	}
	return r.writeText(a.Out, report.TextOptions{Colour: a.colour(a.OutTerminal), Width: a.width()}, a.Now())
}

// statusSide returns the state that says what is wanted: the default branch, or
// the commit to wait for.
func statusSide(git *revision.Repository, wait string) (*side, error) {
	branch := revision.Branch{Name: wait}
	var err error
	if wait == "" {
		branch, err = git.Default()
	} else if branch.Commit, err = git.Commit(wait); err != nil {
		err = fmt.Errorf("--wait: %w", err)
	}
	if err != nil {
		return nil, err
	}
	repo, err := git.Resolve(branch.Commit)
	if err != nil {
		return nil, err
	}
	return &side{state: diff.State{Name: branch.Name, Commit: branch.Commit}, repo: repo}, nil
}

// followed returns the branch that Argo CD follows for an environment.
func followed(env *environment.Environment) string {
	return strings.TrimPrefix(env.Delivery.Revision, "refs/heads/")
}
