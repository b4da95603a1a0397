package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/argocd"
	"gitlab.com/towpath/towpath/gen/check"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/render"
	"gitlab.com/towpath/towpath/gen/revision"
)

type approveOptions struct {
	approvingOptions
	commit     string
	noEvidence bool
	reason     string
	argocdCA   string
}

func (a *app) approveCommand() *cobra.Command {
	var o approveOptions
	cmd := &cobra.Command{
		Use:   "approve ENV --commit REV",
		Short: "Approve a commit of the default branch for an environment",
		Long: `Approve signs one commit of the default branch for an environment that follows an
approval branch, env/NAME, and pushes that. Argo CD delivers nothing else there. The
approval is a commit: the files of the approved one, and a record of the release's
number, who approved, when, and on what evidence. Nothing is written before every
step has gone well, and the push is one step: approving again after a failure, or
what is approved already, is safe. The steps are:

  fetch     the default branch and the approval branch, as the remote has them
  commit    REV was a state of the default branch, and is not older than what is approved
  branch    every approval so far is signed, complete and in order; see gen history
  check     gen check finds nothing at REV, in any environment
  key       a key that REV and the release before it name in delivery.signatureKeys:
            --key FILE, or GEN_SIGNING_KEY (the armored key, or the path of a file with
            it), both with GEN_SIGNING_PASSPHRASE, or else gpg
  evidence  the images run, Synced and Healthy, in the environment that promotions come
            from: Argo CD at ARGOCD_SERVER says so to ARGOCD_AUTH_TOKEN
  push      with a lease: of two approvals at once, one is told who was quicker

REV is any revision; the name of the default branch means the remote's. An approved
release is taken back with gen rollback.

Exit codes: 0 approved, 1 failed, 2 or 3 as gen check at REV, 4 refused: by gen check,
for want of evidence, or because the branch holds what gen did not write.`,
		Example: `  gen approve prod --commit main
  gen approve prod --commit 4f2a91c --key approvals.asc
  gen approve prod --commit main --no-evidence --reason 'stage is down, fix for INC-12'
  gen approve prod --commit main --dry-run`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOneEnvironment,
		RunE:              func(_ *cobra.Command, args []string) error { return a.approve(o, args[0]) },
	}
	cmd.Flags().StringVar(&o.commit, "commit", "", "commit of the default branch to approve (required)")
	cmd.Flags().BoolVar(&o.noEvidence, "no-evidence", false, "approve though nothing shows that the images run; takes --reason")
	cmd.Flags().StringVar(&o.reason, "reason", "", "why there is no evidence, for the record")
	cmd.Flags().StringVar(&o.argocdCA, "argocd-ca", "", "file with certificates that Argo CD's is checked with")
	o.flags(cmd)
	_ = cmd.MarkFlagRequired("commit")
	_ = cmd.RegisterFlagCompletionFunc("commit", a.completeRevision())
	return cmd
}

// completeOneEnvironment completes the name of the only environment of a command.
func (a *app) completeOneEnvironment(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeEnvironments(cmd, args, toComplete)
}

func (o approveOptions) check() error {
	if err := checkJobs(o.jobs); err != nil {
		return err
	}
	switch {
	case o.noEvidence && o.reason == "":
		return errors.New("--no-evidence takes --reason: the record says why it was approved without")
	case !o.noEvidence && o.reason != "":
		return errors.New("--reason says why there is no evidence, so write --no-evidence too")
	}
	if err := approval.CheckLine(o.reason); o.noEvidence && err != nil {
		return fmt.Errorf("--reason: %w", err)
	}
	return nil
}

func (a *app) approve(o approveOptions, arg string) error {
	if err := o.check(); err != nil {
		return err
	}
	names, err := a.resolve([]string{arg})
	if err != nil {
		return err
	}
	b, err := a.openBranch(names[0], o.remote)
	if err != nil {
		return err
	}
	defer b.close()
	a.step("fetch", "%s is at %s, %s %s", b.mainName, revision.Short(b.Main), b.name, b.stand())
	id, err := b.onMain(o.commit)
	if err != nil {
		return err
	}
	if err := b.verify(); err != nil {
		return err
	}
	if newest := b.newest(); newest != nil && newest.Record.Commit == id {
		a.step("done", "it is approved already, as release %d by %s", newest.Record.Number, newest.Record.ApprovedBy)
		fmt.Fprintf(a.Out, "%s release %d %s\n", b.Environment, newest.Record.Number, newest.ID)
		return nil
	}
	if err := b.notOlder(id); err != nil {
		return err
	}
	repo, env, err := b.checked(id, o.jobs)
	if err != nil {
		return err
	}
	signer, err := b.signer(o.approvingOptions, id, env)
	if err != nil {
		return err
	}
	a.step("key", "%s, from %s", signer.KeyID(), signer.From())
	record := approval.Record{Commit: id, NoEvidence: o.reason}
	if o.noEvidence {
		a.step("evidence", "none: %s", o.reason)
	} else {
		if record.Evidence, err = b.evidence(o, repo, env); err != nil {
			return err
		}
		a.step("evidence", "%s", record.Evidence)
	}
	summary, err := b.summary(id, o.jobs)
	if err != nil {
		return err
	}
	return b.write(o.approvingOptions, record, summary, signer)
}

// stand says where the approval branch stands.
func (b *branch) stand() string {
	if b.tip == "" {
		return "is not there yet"
	}
	return "at " + revision.Short(b.tip)
}

// onMain returns the id of a commit that was a state of the default branch.
//
// A commit that came in with a merged branch never was one: what was reviewed is
// what the merge made of it, and no pipeline has seen the commit as it stands.
func (b *branch) onMain(rev string) (string, error) {
	if b.remote+"/"+rev == b.mainName {
		rev = b.Main
	}
	id, err := b.Files.Commit(rev)
	if err != nil {
		return "", fmt.Errorf("--commit: %w", err)
	}
	approved, err := b.Repo.Read(id)
	if err != nil {
		return "", err
	}
	on, err := b.Repo.OnMainline(id, b.Main)
	if err != nil {
		return "", err
	}
	if on {
		b.app.step("commit", "%s %q is on %s", revision.Short(id), printable(approved.Message.Subject), b.mainName)
		return id, nil
	}
	text := fmt.Sprintf("%s %q is not on %s, where everything is reviewed that gets approved; merge it first",
		revision.Short(id), printable(approved.Message.Subject), b.mainName)
	if merged, err := b.Repo.IsAncestor(id, b.Main); err == nil && merged {
		text = fmt.Sprintf("%s %q came to %s with a merge and was never the state of it; approve the merge commit",
			revision.Short(id), printable(approved.Message.Subject), b.mainName)
	}
	return "", b.app.refused(errors.New(text))
}

// printable returns a text of somebody else without what a terminal acts on.
func printable(text string) string { return strings.Trim(fmt.Sprintf("%q", text), `"`) }

// notOlder refuses a commit that comes before the approved one. Approving it would
// go back, which is for gen rollback to say.
func (b *branch) notOlder(id string) error {
	newest := b.newest()
	if newest == nil {
		return nil
	}
	older, err := b.Repo.IsAncestor(id, newest.Record.Commit)
	if err != nil || !older {
		return err
	}
	text := fmt.Sprintf("%s is older than %s, which %s approved; to go back, run gen rollback %s --to RELEASE",
		revision.Short(id), revision.Short(newest.Record.Commit), newest.Release(), b.Environment)
	for _, a := range b.approvals {
		if a.Record.Commit == id {
			text = strings.TrimSuffix(text, "RELEASE") + fmt.Sprint(a.Record.Number)
			break
		}
	}
	return b.app.refused(errors.New(text))
}

// checked holds the commit against everything that gen check knows, with this gen:
// the pipeline that did so may be another's.
func (b *branch) checked(id string, jobs int) (*revision.FS, *environment.Environment, error) {
	a := b.app
	repo, err := b.Files.Resolve(id)
	if err != nil {
		return nil, nil, err
	}
	names, err := environment.Names(repo)
	if err != nil {
		return nil, nil, err
	}
	progress := a.newProgress()
	findings, err := check.Run(repo, check.Options{
		Names: names, Jobs: jobs, Progress: progress.folders(), Today: a.Now().UTC(), Tools: a.Tools(),
	})
	progress.clear()
	if err != nil {
		return nil, nil, err
	}
	open, _ := findings.Split()
	if code := codeOf(open); code != exitOK {
		if err := finding.Text(a.Err, repo, open, a.colour(a.ErrTerminal)); err != nil {
			return nil, nil, err
		}
		a.step("check", "%s at %s: %s; nothing is approved", count(len(names), "environment"), revision.Short(id), count(len(open), "finding"))
		return nil, nil, errReported{code}
	}
	repo, env, err := b.at(id)
	if err != nil {
		return nil, nil, err
	}
	if _, err := repo.Lstat(env.ApprovalFile()); err == nil {
		return nil, nil, a.refused(fmt.Errorf("%s has a file %s, which exists on approval branches alone; take it off the default branch", revision.Short(id), env.ApprovalFile()))
	}
	a.step("check", "%s at %s: nothing is wrong", count(len(names), "environment"), revision.Short(id))
	return repo, env, nil
}

// evidence asks Argo CD whether the images run where they come from.
func (b *branch) evidence(o approveOptions, repo *revision.FS, env *environment.Environment) (string, error) {
	from := env.Delivery.PromotedFrom
	if from == "" {
		return "", b.unproven(fmt.Sprintf("%s has no delivery.promotedFrom, so there is no environment whose images could have run before", env.Name))
	}
	client, err := argocd.FromEnvironment(b.app.Getenv, o.argocdCA)
	if errors.Is(err, argocd.ErrNotConfigured) {
		return "", b.unproven(err.Error())
	} else if err != nil {
		return "", err
	}
	var releases []approval.Running
	commits := map[string]*stateOf{} // Mostly one: that of all releases.
	renderer := render.New(repo)
	before, err := environment.Load(repo, []string{from})
	if err != nil {
		return "", err
	}
	for _, release := range env.Releases {
		objects, err := renderer.Release(env, release)
		if err != nil {
			return "", err
		}
		for _, name := range applications(before.Environments[0], release) {
			running := approval.Running{Release: name, Images: approval.Images(objects)}
			running.Application, running.Err = client.Application(context.Background(), delivery.ApplicationNamespace(from), name)
			if running.Err == nil {
				id := running.Application.Revision
				if commits[id] == nil {
					commits[id] = b.stateOf(id, from)
				}
				running.Rendered, running.Err = commits[id].images(name)
			}
			if !slices.ContainsFunc(releases, func(known approval.Running) bool {
				return known.Release == name && slices.Equal(known.Images, running.Images)
			}) {
				releases = append(releases, running)
			}
		}
	}
	text, problems := approval.Evidence(from, releases)
	if len(problems) > 0 {
		return "", b.unproven(problems...)
	}
	return text, nil
}

// applications returns the names of the Applications in which an environment runs a
// release of another one: one for each of its regions.
func applications(env *environment.Environment, release environment.Release) []string {
	var names []string
	for _, r := range env.Releases {
		if r.Helm == release.Helm {
			names = append(names, r.Name)
		}
	}
	if len(names) == 0 {
		names = []string{release.Helm} // Argo CD says that there is none.
	}
	return names
}

// stateOf is an environment as a commit has it, or why it can't be told.
type stateOf struct {
	name     string
	env      *environment.Environment
	renderer *render.Renderer
	err      error
}

func (b *branch) stateOf(id, env string) *stateOf {
	s := &stateOf{name: env + " at " + revision.Short(id)}
	if id == "" {
		s.err = errors.New("it was compared with no commit yet")
		return s
	}
	var known bool
	if _, known, s.err = b.Files.Has(id); s.err != nil {
		return s
	} else if !known {
		s.err = fmt.Errorf("it runs commit %s, which is not in this clone; git fetch may bring it", revision.Short(id))
		return s
	}
	repo, err := b.Files.Resolve(id)
	if err != nil {
		s.err = err
		return s
	}
	set, err := environment.Load(repo, []string{env})
	if err != nil {
		s.err = fmt.Errorf("%s, which runs there: %w", s.name, err)
		return s
	}
	s.env, s.renderer = set.Environments[0], render.New(repo)
	return s
}

// images returns the images of a release.
func (s *stateOf) images(release string) ([]string, error) {
	if s.err != nil {
		return nil, s.err
	}
	i := slices.IndexFunc(s.env.Releases, func(r environment.Release) bool { return r.Name == release })
	if i < 0 {
		return nil, fmt.Errorf("%s, which runs there, has no such release", s.name)
	}
	objects, err := s.renderer.Release(s.env, s.env.Releases[i])
	if err != nil {
		return nil, fmt.Errorf("%s, which runs there: %w", s.name, err)
	}
	return approval.Images(objects), nil
}

// unproven refuses an approval for want of evidence, with the two ways on.
func (b *branch) unproven(problems ...string) error {
	return b.app.refused(fmt.Errorf("nothing shows that the release works:\n  %s\n"+
		"wait until it does and run the command again, or approve with --no-evidence --reason TEXT, which stays in the record",
		strings.Join(problems, "\n  ")))
}

// summary says what an approval of a commit changes.
func (b *branch) summary(id string, jobs int) (string, error) {
	if b.tip == "" {
		return "The first release: everything is new.", nil
	}
	report, err := b.change(
		diff.State{Name: fmt.Sprintf("release %d", b.newest().Record.Number), Commit: b.tip},
		diff.State{Name: revision.Short(id), Commit: id}, jobs)
	if err != nil {
		return "", err
	}
	return summarise(report), nil
}
