package commit

import (
	"errors"
	"fmt"
	"strings"
)

// MovedError says that a branch here is not where it was seen.
type MovedError struct{ Ref string }

func (e *MovedError) Error() string {
	return fmt.Sprintf("%s was moved by somebody else meanwhile; run the command again", e.Ref)
}

// Ref returns the commit that a full ref such as refs/heads/main stands at, and
// whether there is one.
func (r *Repository) Ref(ref string) (commit string, ok bool, err error) {
	commit, err = r.text(invocation{}, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}")
	var failed *gitError
	if errors.As(err, &failed) && failed.code == 1 {
		return "", false, nil
	}
	return commit, err == nil, err
}

// Update moves a full ref, if it still stands at the commit old; "" means that
// there is no such ref. Otherwise the error is a [*MovedError].
func (r *Repository) Update(ref, to, old string) error {
	if old == "" {
		old = strings.Repeat("0", len(to))
	}
	_, err := r.git(invocation{}, "update-ref", "-m", "gen", ref, to, old)
	var failed *gitError
	if !errors.As(err, &failed) {
		return err
	}
	switch words := failed.words(); {
	case strings.Contains(words, "but expected"), strings.Contains(words, "reference already exists"), strings.Contains(words, "unable to resolve reference"):
		return &MovedError{ref}
	case strings.Contains(words, "exists; cannot create"):
		return fmt.Errorf("the name %s is taken by a branch above or below it (%s); delete that one, or choose another name", ref, words)
	default:
		return fmt.Errorf("moving %s: %w", ref, err)
	}
}

// CheckedOut returns the folder of the working tree that has a full ref checked
// out, or "".
func (r *Repository) CheckedOut(ref string) (folder string, err error) {
	out, err := r.git(invocation{}, "worktree", "list", "--porcelain")
	if err != nil {
		return "", err
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		if name, ok := strings.CutPrefix(line, "worktree "); ok {
			folder = name
		}
		if line == "branch "+ref {
			return folder, nil
		}
	}
	return "", nil
}

// CheckBranch reports a name that no branch can have.
func (r *Repository) CheckBranch(name string) error {
	if _, err := r.git(invocation{}, "check-ref-format", "--branch", name); err != nil || strings.HasPrefix(name, "@{") {
		return fmt.Errorf("%q can't be the name of a branch", name)
	}
	return nil
}
