package commit

import (
	"errors"
	"fmt"
	"strings"
)

// Push is a branch of a remote that is to be moved.
type Push struct {
	Remote string
	// Ref is the full ref at the remote, such as refs/heads/main.
	Ref string
	// Commit is where the ref is to stand.
	Commit string
	// Old is where the caller has seen it, or "" if there was no such ref. If it
	// stands elsewhere, nothing is moved, and the error's reason is Moved.
	Old string
	// Options are push options, such as ci.skip. None can hold a newline.
	Options []string
	// Told, if not nil, gets what the remote says of a push that it takes, such as
	// the address of a merge request.
	Told func(words string)
}

// Push moves a branch of a remote in one step. A branch that stands at the commit
// already is fine; the remote then does not get to see the options.
//
// It does not demand that the branch goes forward: that is for the caller, who knows
// whether Old comes before Commit.
func (r *Repository) Push(p Push) error {
	args := []string{"push", "--porcelain", "--no-follow-tags", "--recurse-submodules=no", "--force-with-lease=" + p.Ref + ":" + p.Old}
	for _, option := range p.Options {
		if strings.ContainsAny(option, "\n\x00") {
			return fmt.Errorf("the push option %q has more than one line, which Git can't send", option)
		}
		args = append(args, "--push-option="+option)
	}
	out, stderr, err := r.remote(p.Remote, p.Ref, append(args, "--", p.Remote, p.Commit+":"+p.Ref)...)
	var failed *RemoteError
	if errors.As(err, &failed) {
		if reason, words := verdict(out); reason != "" {
			failed.Reason = reason
			if failed.Words == "" || reason == Moved {
				failed.Words = words
			}
		}
	}
	if words := remoteWords(stderr); err == nil && words != "" && p.Told != nil {
		p.Told(words)
	}
	return err
}

// verdict reads what became of the ref from the lines that git push --porcelain
// prints: FLAG TAB FROM:TO TAB SUMMARY (WHY).
func verdict(out string) (reason Reason, why string) {
	for line := range strings.SplitSeq(out, "\n") {
		fields := strings.SplitN(line, "\t", 3)
		if len(fields) != 3 || fields[0] != "!" {
			continue
		}
		summary, why, _ := strings.Cut(fields[2], " (")
		why = strings.TrimSuffix(why, ")")
		switch {
		case summary == "[rejected]":
			return Moved, ""
		case summary == "[remote rejected]" && isRace(why):
			return Moved, why
		case summary == "[remote rejected]":
			return Refused, why
		default:
			return Failed, why
		}
	}
	return "", ""
}

// isRace reports whether a remote refuses because somebody else was quicker by less
// than the lease could see.
func isRace(why string) bool {
	for _, text := range []string{"cannot lock ref", "failed to update ref", "fetch first", "non-fast-forward", "reference already exists", "incorrect old value"} {
		if strings.Contains(why, text) {
			return true
		}
	}
	return false
}
