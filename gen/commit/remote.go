package commit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Reason says why a remote repository did not do what it was asked for.
type Reason string

// The reasons.
const (
	// NoRemote: the clone knows no remote of that name.
	NoRemote Reason = "no remote"
	// Unreachable: there is no network, or no repository at the address.
	Unreachable Reason = "unreachable"
	// Denied: the remote does not take the user's credentials.
	Denied Reason = "denied"
	// Refused: a hook, or the protection of a branch, refuses the change.
	Refused Reason = "refused"
	// Moved: the branch does not stand where the caller has seen it.
	Moved Reason = "moved"
	// NoOptions: the remote takes no push options.
	NoOptions Reason = "no options"
	// Failed: anything else.
	Failed Reason = "failed"
)

// RemoteError is what went wrong with a remote repository.
type RemoteError struct {
	Reason Reason
	Remote string
	// Ref is the full ref that was pushed or fetched, or "".
	Ref string
	// Words are what the remote said, or else what Git did.
	Words string
}

func (e *RemoteError) Error() string {
	ref := shortRef(e.Ref)
	if ref == "" {
		ref = "it"
	}
	switch e.Reason {
	case NoRemote:
		return fmt.Sprintf("there is no remote %s; add it with git remote add %s URL, or name another with --remote", e.Remote, e.Remote)
	case Unreachable:
		return fmt.Sprintf("the remote %s can't be reached; look at the network and at git remote get-url %s, and run the command again%s", e.Remote, e.Remote, e.quote())
	case Denied:
		return fmt.Sprintf("the remote %s does not accept your credentials; try git fetch %s%s", e.Remote, e.Remote, e.quote())
	case Refused:
		return fmt.Sprintf("the remote %s refuses %s%s", e.Remote, ref, e.quote())
	case Moved:
		return fmt.Sprintf("%s at the remote %s was moved by somebody else meanwhile; run the command again%s", ref, e.Remote, e.quote())
	case NoOptions:
		return fmt.Sprintf("the remote %s takes no push options, so that no merge request can be asked for; push %s and open it by hand", e.Remote, ref)
	default:
		return fmt.Sprintf("the remote %s failed%s", e.Remote, e.quote())
	}
}

// quote returns what was said, in lines of its own.
func (e *RemoteError) quote() string {
	if e.Words == "" {
		return ""
	}
	return "; it says:\n  " + strings.ReplaceAll(e.Words, "\n", "\n  ")
}

// IsMoved reports whether an error says that a branch, here or at a remote, does
// not stand where the caller has seen it.
func IsMoved(err error) bool {
	var here *MovedError
	var there *RemoteError
	return errors.As(err, &here) || errors.As(err, &there) && there.Reason == Moved
}

// Remotes returns the names of the remotes that the clone knows, ordered.
func (r *Repository) Remotes() ([]string, error) {
	out, err := r.text(invocation{}, "remote")
	return strings.Fields(out), err
}

// HasRemote reports whether the clone knows a remote of a name.
func (r *Repository) HasRemote(remote string) (bool, error) {
	remotes, err := r.Remotes()
	return slices.Contains(remotes, remote), err
}

// Fetch brings branches of a remote into refs/remotes/REMOTE/BRANCH, whatever the
// clone is set up to fetch; with no branches, what it is set up to. A branch that
// the remote does not have is an error; see [Repository.At].
func (r *Repository) Fetch(remote string, branches ...string) error {
	args := []string{"fetch", "--quiet", "--no-write-fetch-head", "--", remote}
	for _, branch := range branches {
		args = append(args, "+refs/heads/"+branch+":"+Tracking(remote, branch))
	}
	_, _, err := r.remote(remote, "", args...)
	return err
}

// Tracking returns the ref under which a clone keeps a branch of a remote.
func Tracking(remote, branch string) string { return "refs/remotes/" + remote + "/" + branch }

// At asks a remote for the commit that a full ref stands at there, and whether there
// is one. The commit need not be here.
func (r *Repository) At(remote, ref string) (commit string, ok bool, err error) {
	out, _, err := r.remote(remote, ref, "ls-remote", "--", remote, ref)
	if err != nil {
		return "", false, err
	}
	for line := range strings.SplitSeq(out, "\n") {
		if id, name, _ := strings.Cut(line, "\t"); name == ref {
			return id, true, nil
		}
	}
	return "", false, nil
}

// DefaultBranch asks a remote for the name of its default branch.
func (r *Repository) DefaultBranch(remote string) (name string, err error) {
	out, _, err := r.remote(remote, "", "ls-remote", "--symref", "--", remote, "HEAD")
	if err != nil {
		return "", err
	}
	for line := range strings.SplitSeq(out, "\n") {
		rest, ok := strings.CutPrefix(line, "ref: refs/heads/")
		if !ok {
			continue
		}
		if name, ok := strings.CutSuffix(rest, "\tHEAD"); ok {
			return name, nil
		}
	}
	return "", fmt.Errorf("the remote %s says of no branch that it is the default one; it may be empty", remote)
}

// remote runs Git with a remote, and returns what it prints to both streams.
func (r *Repository) remote(remote, ref string, args ...string) (stdout, stderr string, err error) {
	known, err := r.HasRemote(remote)
	if err != nil {
		return "", "", err
	}
	if !known {
		return "", "", &RemoteError{Reason: NoRemote, Remote: remote, Ref: ref}
	}
	var said bytes.Buffer
	out, err := r.git(invocation{said: &said}, args...)
	var failed *gitError
	if errors.As(err, &failed) {
		return failed.out, failed.stderr, remoteError(remote, ref, failed)
	}
	return strings.TrimSuffix(string(out), "\n"), said.String(), err
}

// remoteError finds the reason in what Git says.
func remoteError(remote, ref string, failed *gitError) *RemoteError {
	e := &RemoteError{Reason: Failed, Remote: remote, Ref: ref, Words: said(failed.stderr)}
	for reason, texts := range signs {
		for _, text := range texts {
			if strings.Contains(failed.stderr, text) {
				e.Reason = reason
			}
		}
	}
	return e
}

// signs are the words by which a reason can be told, as Git, ssh and curl say them.
var signs = map[Reason][]string{
	Unreachable: {
		"Could not resolve host", "Couldn't resolve host", "Failed to connect", "Connection refused", "Connection timed out", "Operation timed out",
		"Connection reset", "Network is unreachable", "No route to host", "does not appear to be a git repository", "Couldn't connect to server",
		"repository not found", "Temporary failure in name resolution",
	},
	Denied: {
		"Authentication failed", "could not read Username", "could not read Password", "Permission denied (", "Access denied",
		"The requested URL returned error: 401", "The requested URL returned error: 403", "Host key verification failed",
	},
	NoOptions: {"does not support push options"},
}

// said returns what the remote said, or, if it said nothing, what Git did: without
// its hints, which are about commands that nobody has typed.
func said(stderr string) string {
	if words := remoteWords(stderr); words != "" {
		return words
	}
	var git []string
	for line := range strings.SplitSeq(stderr, "\n") {
		line = strings.TrimRight(line, " \r")
		if line != "" && !strings.HasPrefix(line, "hint:") && !strings.HasPrefix(line, "To ") && !strings.HasPrefix(line, "error: failed to push") {
			git = append(git, strings.TrimPrefix(strings.TrimPrefix(line, "fatal: "), "error: "))
		}
	}
	return strings.Join(git, "\n")
}

// remoteWords returns what the remote said.
func remoteWords(stderr string) string {
	var words []string
	for line := range strings.SplitSeq(stderr, "\n") {
		if rest, ok := strings.CutPrefix(strings.TrimRight(line, " \r"), "remote:"); ok {
			words = append(words, strings.TrimPrefix(rest, " "))
		}
	}
	return strings.Trim(strings.Join(words, "\n"), "\n")
}

func shortRef(ref string) string { return strings.TrimPrefix(ref, "refs/heads/") }
