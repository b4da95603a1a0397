package cli

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/commit"
	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/revision"
	"gitlab.com/towpath/towpath/gen/signature"
)

// approvingOptions are those that gen approve and gen rollback share.
type approvingOptions struct {
	remote string
	key    string
	by     string
	dryRun bool
	jobs   int
}

func (o *approvingOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.key, "key", "", "file with the armored secret key; without it "+signature.KeyVariable+", or else gpg")
	cmd.Flags().StringVar(&o.by, "by", "", "who approves, as 'Name <address>'; without it git's author")
	cmd.Flags().StringVar(&o.remote, "remote", "origin", "remote repository that Argo CD reads")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "do everything but write, and print the message of the commit")
	jobsFlag(cmd, &o.jobs)
}

// branch is an approval branch with what it takes to judge it.
type branch struct {
	*approval.Verifier
	app    *app
	remote string
	// ref is the full ref at the remote, and name what people call it.
	ref, name string
	// tip is the id that the branch stands at, or "" if nothing is approved yet.
	tip string
	// mainName is what the default branch is called.
	mainName string
	// approvals are all of them, newest first, once they are verified.
	approvals []*approval.Approval
}

// newest returns the newest approval, or nil.
func (b *branch) newest() *approval.Approval {
	if len(b.approvals) == 0 {
		return nil
	}
	return b.approvals[0]
}

// step says on standard error what has been done.
func (a *app) step(name, format string, args ...any) {
	fmt.Fprintf(a.Err, "%-9s %s\n", name, fmt.Sprintf(format, args...))
}

// refused ends a command that the rules of delivery don't let go on.
func (a *app) refused(err error) error {
	fmt.Fprintf(a.Err, "gen: %v\n", err)
	return errReported{exitPolicy}
}

// here returns the folder that relative paths start from.
func (a *app) here() string {
	if a.directory == "" || filepath.IsAbs(a.directory) {
		return cmp.Or(a.directory, a.Dir)
	}
	return filepath.Join(a.Dir, a.directory)
}

// openBranch returns the approval branch of an environment as the remote has it now.
func (a *app) openBranch(env, remote string) (*branch, error) {
	b := a.localBranch(env, remote)
	if err := b.fetch(); err != nil {
		return nil, err
	}
	return b, nil
}

// localBranch returns the approval branch before anything is known of it.
func (a *app) localBranch(env, remote string) *branch {
	e := environment.Environment{Name: env}
	ref, _ := e.ApprovalBranch()
	return &branch{
		Verifier: &approval.Verifier{
			Environment: env, Repo: commit.Open(a.root), Files: revision.Open(a.root), Now: a.Now().UTC(),
		},
		app: a, remote: remote, ref: ref, name: strings.TrimPrefix(ref, "refs/heads/"),
	}
}

func (b *branch) close() { b.Files.Close() }

// fetch brings the default branch and the approval branch of the remote.
//
// An approval branch never goes back: one that does was written by somebody who may
// not, or restored from an old backup, and the numbers that the cluster has seen
// would be given out again. The clone remembers where the branch stood, and keeps
// remembering that until a person says otherwise.
func (b *branch) fetch() error {
	main, err := b.Repo.DefaultBranch(b.remote)
	if err != nil {
		return err
	}
	_, there, err := b.Repo.At(b.remote, b.ref)
	if err != nil {
		return err
	}
	tracking := commit.Tracking(b.remote, b.name)
	before, known, err := b.Repo.Ref(tracking)
	if err != nil {
		return err
	}
	branches := []string{main}
	if there {
		branches = append(branches, b.name)
	} else if known {
		return b.app.refused(b.moved(before, "is gone"))
	}
	if err := b.Repo.Fetch(b.remote, branches...); err != nil {
		return err
	}
	if there {
		if b.tip, _, err = b.Repo.Ref(tracking); err != nil {
			return err
		}
	}
	if known && before != b.tip {
		forward, err := b.Repo.IsAncestor(before, b.tip)
		if err != nil {
			return err
		}
		if !forward {
			if err := b.Repo.Update(tracking, before, b.tip); err != nil {
				return err
			}
			return b.app.refused(b.moved(before, "stands at "+revision.Short(b.tip)+", which does not follow it"))
		}
	}
	b.mainName = b.remote + "/" + main
	b.Main, _, err = b.Repo.Ref(commit.Tracking(b.remote, main))
	return err
}

// moved returns the violation of a branch that went back.
func (b *branch) moved(before, what string) error {
	return fmt.Errorf("%s: it stood at %s, and at %s it %s now: an approval branch only goes forward [%s]\n"+
		"find out who moved it; if that was right, git update-ref -d %s makes gen forget the old one",
		b.name, revision.Short(before), b.remote, what, approval.RuleMoved, commit.Tracking(b.remote, b.name))
}

// verify judges the whole branch.
func (b *branch) verify() error {
	if b.tip == "" {
		b.app.step("branch", "%s: nothing is approved yet", b.name)
		return nil
	}
	progress := b.app.newProgress()
	approvals, err := b.Verify(b.tip, func(n, total int) { progress.phase(fmt.Sprintf("verifying %d of %d approvals", n, total)) })
	progress.clear()
	if err != nil {
		return b.violation(err)
	}
	b.approvals = approvals
	b.app.step("branch", "%s: %s, all good", b.name, count(len(approvals), "approval"))
	return nil
}

// violation prints an approval that breaks a rule, and says what that means.
func (b *branch) violation(err error) error {
	var v *approval.Violation
	if !errors.As(err, &v) {
		return err
	}
	return b.app.refused(fmt.Errorf("%s: %w\nno approval from there on can be trusted; find out who pushed it: git show %s", b.name, v, v.Commit))
}

// at returns the environment at a commit, which has to be delivered from the branch.
func (b *branch) at(id string) (*revision.FS, *environment.Environment, error) {
	repo, err := b.Files.Resolve(id)
	if err != nil {
		return nil, nil, err
	}
	set, err := environment.Load(repo, []string{b.Environment})
	if err != nil {
		return nil, nil, err
	}
	env := set.Environments[0]
	if ref, follows := env.ApprovalBranch(); !follows {
		return nil, nil, fmt.Errorf("%s follows %s, where every commit is delivered without an approval; delivery: revision: %q makes it wait for one",
			env.Name, env.Delivery.Revision, ref)
	}
	return repo, env, nil
}

// signer finds the secret key for an approval of a commit.
func (b *branch) signer(o approvingOptions, approved string, env *environment.Environment) (*signature.Signer, error) {
	allowed, err := b.KeysFor(approved, b.newest())
	if err != nil {
		return nil, err
	}
	if len(allowed) == 0 {
		return nil, b.noKey(approved, env)
	}
	return signature.Open(signature.Options{File: o.key, Getenv: b.app.Getenv, Dir: b.app.here(), Now: b.app.Now, Allowed: allowed})
}

// noKey says why nobody may sign an approval of a commit.
func (b *branch) noKey(approved string, env *environment.Environment) error {
	repo, err := b.Files.Resolve(approved)
	if err != nil {
		return err
	}
	keys, err := approval.LoadKeys(repo, env)
	if err != nil {
		return err
	}
	text := "no key may sign this approval: "
	switch newest := b.newest(); {
	case len(env.Delivery.SignatureKeys) == 0:
		text += fmt.Sprintf("delivery.signatureKeys of %s is empty at %s", env.Name, revision.Short(approved))
	case len(keys.List) == 0:
		text += fmt.Sprintf("%s has no key at %s that can be read", env.Name, revision.Short(approved))
	default:
		text += fmt.Sprintf("none of the keys that %s has at %s was in force with %s; a new key is added beside the old one first, and that is approved with the old one",
			env.Name, revision.Short(approved), newest.Release())
	}
	for _, problem := range keys.Problems {
		text += "\n  " + problem.Error()
	}
	return b.app.refused(errors.New(text))
}

// people returns who approves, and who makes the commit.
func (b *branch) people(o approvingOptions) (author, committer commit.Person, err error) {
	committer, err = b.Repo.Committer()
	if o.by == "" {
		if err == nil {
			author, err = b.Repo.Author()
		}
		return author, committer, err
	}
	name, rest, ok := strings.Cut(o.by, " <")
	email, end := strings.CutSuffix(rest, ">")
	author = commit.Person{Name: name, Email: email}
	if !ok || !end || name == "" || email == "" || strings.ContainsAny(name+email, "<>") || approval.CheckLine(o.by) != nil {
		return author, committer, fmt.Errorf("--by is %q; write 'Name <address>'", o.by)
	}
	if errors.Is(err, commit.ErrNobody) {
		return author, author, nil
	}
	return author, committer, err
}

// write makes the approval and pushes it. Nothing is to be seen of it before the
// remote has taken it, in one step and only if nobody else was quicker.
func (b *branch) write(o approvingOptions, record approval.Record, summary string, signer *signature.Signer) error {
	author, committer, err := b.people(o)
	if err != nil {
		return err
	}
	record.Number = 1
	if newest := b.newest(); newest != nil {
		record.Number = newest.Record.Number + 1
	}
	record.ApprovedBy = author.String()
	record.ApprovedAt = b.app.Now().UTC().Truncate(time.Second)
	if newest := b.newest(); newest != nil && record.ApprovedAt.Before(newest.Record.ApprovedAt) {
		return fmt.Errorf("%s is of %s, and the clock here says %s; set the clock, as no approval is dated before the one that it follows",
			newest.Release(), newest.Record.ApprovedAt.Format(time.RFC3339), record.ApprovedAt.Format(time.RFC3339))
	}
	if err := record.Check(); err != nil {
		return err
	}
	approved, err := b.Repo.Read(record.Commit)
	if err != nil {
		return err
	}
	message := approval.Message(b.Environment, record, approved.Message.Subject, summary)
	if o.dryRun {
		b.app.step("dry run", "nothing is written; %s would be release %d:", b.Environment, record.Number)
		fmt.Fprint(b.app.Out, message)
		return nil
	}
	env := environment.Environment{Name: b.Environment}
	draft := commit.Draft{
		Base:   record.Commit,
		Files:  []commit.File{{Path: env.ApprovalFile(), Content: record.YAML()}},
		Author: author, Committer: committer, When: record.ApprovedAt,
		Message: message,
		Sign:    func(payload []byte) (string, error) { return signer.Sign(payload) },
	}
	if b.tip != "" {
		draft.Parents = []string{b.tip}
	}
	id, err := b.Repo.Write(draft)
	if err != nil {
		return err
	}
	b.app.step("commit", "%s, signed by %s", revision.Short(id), signer.KeyID())
	err = b.Repo.Push(commit.Push{Remote: b.remote, Ref: b.ref, Commit: id, Old: b.tip})
	if commit.IsMoved(err) {
		return b.lost(err)
	} else if err != nil {
		return err
	}
	b.app.step("push", "%s at %s is release %d", b.name, b.remote, record.Number)
	fmt.Fprintf(b.app.Out, "%s release %d %s\n", b.Environment, record.Number, id)
	return nil
}

// lost says who was quicker. What they approved may be something else, so it is for
// a person to look at that and say it again.
func (b *branch) lost(moved error) error {
	mine := b.tip
	if err := b.fetch(); err != nil || b.tip == mine || b.tip == "" {
		return moved
	}
	approvals, err := b.Read(b.tip, 1)
	if err != nil || approvals[0].Problem != nil {
		return moved
	}
	winner := approvals[0]
	return fmt.Errorf("somebody else was quicker, and nothing was pushed: %s is release %d of %s, by %s at %s, which approves %s; look at it, and run the command again if it is not what you want",
		revision.Short(winner.ID), winner.Record.Number, b.Environment, winner.Record.ApprovedBy,
		winner.Record.ApprovedAt.Format(time.RFC3339), revision.Short(winner.Record.Commit))
}

// change compares the environment in two commits, as gen diff does.
func (b *branch) change(from, to diff.State, jobs int) (*diff.Report, error) {
	p := &pair{}
	for _, one := range []struct {
		side  **side
		state diff.State
	}{{&p.from, from}, {&p.to, to}} {
		repo, err := b.Files.Resolve(one.state.Commit)
		if err != nil {
			return nil, err
		}
		names, err := environment.Names(repo)
		if err != nil {
			return nil, err
		}
		*one.side = &side{state: one.state, repo: repo}
		if slices.Contains(names, b.Environment) {
			(*one.side).names = []string{b.Environment}
		}
	}
	if err := p.load(b.app.loader); err != nil {
		return nil, b.app.sideFindings(err)
	}
	progress := b.app.newProgress()
	report, err := b.app.compare(diffOptions{format: "text", jobs: jobs}, b.Files, []*pair{p}, progress)
	progress.clear()
	if err != nil {
		return nil, b.app.sideFindings(err)
	}
	return report, nil
}

// summarise returns what a report comes to in a few lines: how much changes, and
// every risk.
func summarise(r *diff.Report) string {
	changes := map[diff.Change]int{}
	var risks []string
	seen := map[diff.Level][]string{}
	for _, env := range r.Environments {
		for _, release := range env.Releases {
			for _, object := range release.Objects {
				changes[object.Change]++
				for _, risk := range object.Risks {
					seen[risk.Level] = append(seen[risk.Level], fmt.Sprintf("- %s: %s (%s)", risk.Level, risk.Message, object.ID))
				}
			}
		}
	}
	for _, level := range []diff.Level{diff.High, diff.Medium, diff.Low} {
		risks = append(risks, seen[level]...)
	}
	var parts []string
	for _, change := range []diff.Change{diff.Added, diff.Removed, diff.Changed, diff.Replaced, diff.Renamed} {
		if n := changes[change]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, change))
		}
	}
	text := "No object changes."
	if len(parts) > 0 {
		text = "Objects: " + strings.Join(parts, ", ") + "."
	}
	if len(risks) == 0 {
		return text + " No risks."
	}
	return text + " Risks:\n\n" + strings.Join(risks, "\n")
}
