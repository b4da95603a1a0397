package approval

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gitlab.com/towpath/towpath/gen/commit"
	"gitlab.com/towpath/towpath/gen/revision"
	"gitlab.com/towpath/towpath/gen/signature"
)

// Approval is one commit of an approval branch.
type Approval struct {
	commit.Commit
	// Record is what its trailers say; without meaning if Problem is set.
	Record Record
	// Problem is why it can't be an approval, whatever else it is.
	Problem *Violation
	// Signed is what its signature is worth.
	Signed signature.Result
}

// Release returns what people call it: release 7, or commit 0123456789.
func (a *Approval) Release() string {
	if a.Record.Number == 0 {
		return "commit " + revision.Short(a.ID)
	}
	return fmt.Sprintf("release %d (%s)", a.Record.Number, revision.Short(a.ID))
}

// Rule is a rule that every approval has to keep.
type Rule string

// The rules.
const (
	// RuleForeign: every commit of the branch is an approval.
	RuleForeign Rule = "foreign-commit"
	// RuleMerge: it has one parent, the approval before it.
	RuleMerge Rule = "merge-commit"
	// RuleRecord: file and trailers say the same, as gen writes it.
	RuleRecord Rule = "record"
	// RuleNumber: numbers begin at 1 and rise by one.
	RuleNumber Rule = "number"
	// RuleTime: none is dated before the one it follows. A key that has expired could
	// sign once more with a date at which it had not; so it can't reach back behind an
	// approval that is there.
	RuleTime Rule = "time"
	// RuleMain: the approved commit is one of the default branch.
	RuleMain Rule = "not-on-main"
	// RuleTree: nothing but the record differs from the approved commit.
	RuleTree Rule = "tree"
	// RuleRollback: a rollback approves what the release that it names did.
	RuleRollback Rule = "rollback"
	// RuleSignature: a key that may approve has signed it.
	RuleSignature Rule = "signature"
	// RuleMoved: the branch only ever goes forward.
	RuleMoved Rule = "branch-moved"
)

// Violation says which commit breaks which rule. Argo CD may not see it, since it
// looks at one commit and not at where that came from.
type Violation struct {
	// Commit is the id, and Release what people call it.
	Commit, Release string
	Rule            Rule
	Message         string
}

func (v *Violation) Error() string {
	return fmt.Sprintf("%s: %s [%s]", v.Release, v.Message, v.Rule)
}

func (a *Approval) violates(rule Rule, format string, args ...any) *Violation {
	return &Violation{Commit: a.ID, Release: a.Release(), Rule: rule, Message: fmt.Sprintf(format, args...)}
}

// Verifier judges the approval branch of one environment.
type Verifier struct {
	Environment string
	// Repo reads commits, and Files the files in them.
	Repo  *commit.Repository
	Files *revision.Repository
	// Main is the commit at which the default branch stands.
	Main string
	Now  time.Time

	mu   sync.Mutex
	keys map[string]Keys // by commit
}

// Read returns the commits of a branch, newest first: limit of them, or all if it is
// 0. They are read and not judged, but for what can't be an approval.
func (v *Verifier) Read(tip string, limit int) ([]*Approval, error) {
	commits, err := v.Repo.Chain(tip, limit)
	if err != nil {
		return nil, err
	}
	if n := len(commits); n > 0 && len(commits[n-1].Parents) > 0 && (limit == 0 || n < limit) {
		return nil, fmt.Errorf("this clone is shallow and lacks the beginning of the approvals of %s: run git fetch --unshallow, or set GIT_DEPTH: 0 for the job in GitLab CI",
			v.Environment)
	}
	var approvals []*Approval
	for _, c := range commits {
		approvals = append(approvals, v.read(c))
	}
	return approvals, nil
}

// read takes what a commit says of itself.
func (v *Verifier) read(c commit.Commit) *Approval {
	a := &Approval{Commit: c}
	record, err := ParseTrailers(c.Message.Trailers)
	switch {
	case errors.Is(err, ErrNoApproval):
		a.Problem = a.violates(RuleForeign, "it is no approval: it has none of the trailers of one, and its subject is %q", plain(c.Message.Subject))
	case err != nil:
		a.Problem = a.violates(RuleRecord, "%v", err)
	default:
		a.Record = record
		a.Problem = v.checkText(a)
	}
	return a
}

// checkText holds the commit itself against the record.
func (v *Verifier) checkText(a *Approval) *Violation {
	if name := strangeHeader(a.Payload); name != "" {
		return a.violates(RuleForeign, "gen writes no commits with the header %q", name)
	}
	if want := Subject(v.Environment, a.Record.Number); a.Message.Subject != want {
		return a.violates(RuleRecord, "its subject is %q, and its trailers say %q", plain(a.Message.Subject), want)
	}
	if who := a.Author.String(); who != a.Record.ApprovedBy {
		return a.violates(RuleRecord, "its author is %q, and its trailers say %q", plain(who), a.Record.ApprovedBy)
	}
	for _, when := range []time.Time{a.Authored, a.Committed} {
		if !when.Equal(a.Record.ApprovedAt) {
			return a.violates(RuleRecord, "the commit is of %s, and its trailers say %s", when.UTC().Format(time.RFC3339), a.Record.time())
		}
	}
	return nil
}

// strangeHeader returns the name of a header that no approval has, or "". What such
// a header means, and whether it is part of what was signed, is Git's business and
// changes with it.
func strangeHeader(payload []byte) string {
	headers, _, _ := strings.Cut(string(payload), "\n\n")
	for line := range strings.SplitSeq(headers, "\n") {
		name, _, _ := strings.Cut(line, " ")
		if !slices.Contains([]string{"tree", "parent", "author", "committer"}, name) {
			return plain(name)
		}
	}
	return ""
}
