package approval

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/revision"
	"gitlab.com/towpath/towpath/gen/signature"
)

// Verify judges a whole branch, and returns its approvals, newest first. The error
// is a [*Violation] for the first commit, counted from the beginning, that breaks a
// rule. done, if not nil, is told how many are judged.
func (v *Verifier) Verify(tip string, done func(n, total int)) ([]*Approval, error) {
	approvals, err := v.Read(tip, 0)
	if err != nil {
		return nil, err
	}
	v.prepare(approvals)
	var previous *Approval
	releases := map[int64]string{} // approved commit by number
	for i, a := range slices.Backward(approvals) {
		if done != nil {
			done(len(approvals)-i, len(approvals))
		}
		if err := v.judge(a, previous, releases); err != nil {
			return approvals, err
		}
		releases[a.Record.Number] = a.Record.Commit
		previous = a
	}
	return approvals, nil
}

// judge holds one approval against the rules, the cheap ones first.
func (v *Verifier) judge(a, previous *Approval, releases map[int64]string) error {
	if len(a.Parents) > 1 {
		return a.violates(RuleMerge, "it is a merge of %d commits, and an approval follows one", len(a.Parents))
	}
	if a.Problem != nil {
		return a.Problem
	}
	want := int64(1)
	if previous != nil {
		want = previous.Record.Number + 1
	}
	switch {
	case a.Record.Number == want:
	case previous == nil:
		return a.violates(RuleNumber, "the branch begins with it, and not with release 1: it was started anew, and what came before is gone")
	default:
		return a.violates(RuleNumber, "its number is %d, and after release %d comes %d", a.Record.Number, previous.Record.Number, want)
	}
	if previous != nil && a.Record.ApprovedAt.Before(previous.Record.ApprovedAt) {
		return a.violates(RuleTime, "it is dated %s, and %s before it is of %s", a.Record.time(), previous.Release(), previous.Record.time())
	}
	if to := a.Record.RollbackTo; to != 0 && releases[to] != a.Record.Commit {
		return a.violates(RuleRollback, "it says that it goes back to release %d, which approved %s and not %s",
			to, revision.Short(releases[to]), revision.Short(a.Record.Commit))
	}
	for _, judge := range []func(*Approval) error{v.judgeMain, v.judgeTree, func(a *Approval) error { return v.judgeDirection(a, previous) }} {
		if err := judge(a); err != nil {
			return err
		}
	}
	if err := v.Sign(a, previous); err != nil {
		findings, rest := finding.From(err)
		if rest != nil {
			return rest
		}
		return a.violates(RuleSignature, "which keys may sign it can't be read: %s", findings[0].Error())
	}
	if a.Signed.State != signature.Good {
		return a.violates(RuleSignature, "its signature is no good: %s", a.Signed)
	}
	if previous != nil && a.Signed.Made.Before(previous.Record.ApprovedAt) {
		return a.violates(RuleTime, "it was signed on %s, and %s before it is of %s",
			a.Signed.Made.UTC().Format(time.RFC3339), previous.Release(), previous.Record.time())
	}
	return nil
}

// judgeMain demands that the approved commit went through review: that it is part
// of the default branch. Gen approve asks for more, that it was once what the branch
// stood at; that can't be told for ever, as a merge the other way round hides it.
func (v *Verifier) judgeMain(a *Approval) error {
	if _, ok, err := v.Files.Has(a.Record.Commit); err != nil {
		return err
	} else if !ok {
		return a.violates(RuleMain, "the approved commit %s is not in this clone, so it is not on the default branch", revision.Short(a.Record.Commit))
	}
	on, err := v.Repo.IsAncestor(a.Record.Commit, v.Main)
	if err != nil {
		return err
	}
	if !on {
		return a.violates(RuleMain, "the approved commit %s is not on the default branch", revision.Short(a.Record.Commit))
	}
	return nil
}

// judgeDirection demands that what goes back says so, since gen rollback asks for
// less evidence and brings back no keys.
func (v *Verifier) judgeDirection(a, previous *Approval) error {
	if previous == nil || a.Record.Commit == previous.Record.Commit {
		return nil
	}
	if a.Record.RollbackTo == 0 {
		older, err := v.Repo.IsAncestor(a.Record.Commit, previous.Record.Commit)
		if err != nil {
			return err
		}
		if older {
			return a.violates(RuleRollback, "it approves %s, which is older than what %s approved, and does not say that it goes back",
				revision.Short(a.Record.Commit), previous.Release())
		}
		return nil
	}
	foreign, err := v.BroughtBack(a.Record.Commit, previous)
	if err != nil {
		return err
	}
	if len(foreign) > 0 {
		return a.violates(RuleRollback, "it brings back what may sign no more: %s", strings.Join(foreign, ", "))
	}
	return nil
}

// BroughtBack returns the ids of keys that a commit names and that are not in force
// with the newest approval. To go back to such a commit would let them sign again: a
// key that was removed because it was stolen, for one.
func (v *Verifier) BroughtBack(approved string, newest *Approval) ([]string, error) {
	own, err := v.keysAt(approved)
	if err != nil {
		return nil, err
	}
	before, err := v.keysAt(newest.Record.Commit)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, key := range own.List {
		if !slices.Contains(Allowed(own, &before), key) {
			ids = append(ids, key.ID())
		}
	}
	return ids, nil
}

// judgeTree demands that nothing but the record differs from the approved commit, so
// that what was reviewed is what is delivered: no file, no mode, nothing added.
func (v *Verifier) judgeTree(a *Approval) error {
	env := environment.Environment{Name: v.Environment}
	name := env.ApprovalFile()
	repo, err := v.Files.Resolve(a.ID)
	if err != nil {
		return err
	}
	info, err := repo.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return a.violates(RuleRecord, "it has no file %s", name)
	case err != nil:
		return err
	case !info.Mode().IsRegular() || info.Mode()&0o111 != 0:
		return a.violates(RuleTree, "%s is no plain file", name)
	}
	data, err := repo.ReadFile(name)
	if err != nil {
		return err
	}
	record, err := Parse(data)
	switch {
	case err != nil:
		return a.violates(RuleRecord, "%s: %s", name, plain(err.Error()))
	case record != a.Record:
		return a.violates(RuleRecord, "%s says something else than the trailers", name)
	}
	approved, err := v.Files.Resolve(a.Record.Commit)
	if err != nil {
		return err
	}
	if _, err := approved.Lstat(name); err == nil {
		return a.violates(RuleTree, "the approved commit has a file %s of its own", name)
	}
	differ, err := v.Repo.Differ(a.Record.Commit, a.ID)
	if err != nil {
		return err
	}
	if len(differ) == 1 {
		return nil // The record, which is in one of the two only.
	}
	// Git counts paths from its own root, which may lie above the repository's.
	i := slices.IndexFunc(differ, func(path string) bool { return path == name })
	if i < 0 {
		i = slices.IndexFunc(differ, func(path string) bool { return strings.HasSuffix(path, "/"+name) })
	}
	if i >= 0 {
		differ = slices.Delete(differ, i, i+1)
	}
	return a.violates(RuleTree, "its files are not those of the approved commit %s: %s", revision.Short(a.Record.Commit), some(differ))
}

// some lists paths, the first few of many.
func some(paths []string) string {
	const few = 5
	var shown []string
	for _, p := range paths[:min(few, len(paths))] {
		shown = append(shown, plain(p))
	}
	text := strings.Join(shown, ", ")
	if n := len(paths) - few; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}
