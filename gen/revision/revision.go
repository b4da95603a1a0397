// Package revision holds states of the repository that Git has: each is a file
// system in memory, without a checkout, a clone or a file on the disk.
//
// Git itself does the reading. One process of git cat-file --batch resolves names
// and hands out trees and files as they are asked for; it starts with the first
// question, in about 3 ms, and what it has said is kept. So every format that the
// installed Git knows can be read (SHA-256, reftable, alternates, worktrees), and
// a state costs what is read of it. A library in Go would save that process, and
// cost 3 MiB and most of these formats.
//
// Nothing that Git's configuration or environment variables say is executed, and
// nothing is fetched: see [Repository].
package revision

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"gitlab.com/towpath/towpath/gen/finding"
)

// Repository is the Git repository around a folder. It can be used from many
// goroutines.
//
// The commands that it runs read objects and refs alone: no hook, filter, pager,
// external diff or file system monitor has a part in them, every transport is
// refused, and no question is asked on the terminal.
type Repository struct {
	dir string
	git *batch

	mu    sync.Mutex
	trees map[string]tree
}

// Open returns the repository around a folder, whose files will be those of the
// revisions; it need not be the repository's root. What is wrong with it, the
// first question tells.
func Open(dir string) *Repository {
	return &Repository{dir: dir, git: &batch{dir: dir}, trees: map[string]tree{}}
}

// Close ends the process that reads.
func (r *Repository) Close() { r.git.close() }

// Resolve returns the state at a revision: a branch, a tag, an id or its
// beginning, or anything else that git rev-parse takes for a commit.
func (r *Repository) Resolve(rev string) (*FS, error) {
	commit, err := r.Commit(rev)
	if err != nil {
		return nil, err
	}
	return r.at(commit)
}

// at returns the state at a commit.
func (r *Repository) at(commit string) (*FS, error) {
	// A path that starts with a dot is relative to the folder that git runs in.
	root, err := r.git.ask(commit + ":./")
	var missing *missingError
	switch {
	case errors.As(err, &missing):
		return nil, fmt.Errorf("commit %s has no folder %s", Short(commit), r.dir)
	case err != nil:
		return nil, err
	}
	return &FS{Commit: commit, repo: r, root: root.id}, nil
}

// Commit returns the full id of a revision.
func (r *Repository) Commit(rev string) (string, error) {
	if rev == "" || strings.ContainsAny(rev, "\n\r\x00") || strings.TrimSpace(rev) != rev {
		return "", fmt.Errorf("%q is no revision: name a branch, a tag or a commit", rev)
	}
	answer, err := r.git.ask(rev + "^{commit}")
	var missing *missingError
	switch {
	case !errors.As(err, &missing):
		return answer.id, err
	case missing.ambiguous:
		return "", fmt.Errorf("revision %q is the beginning of more than one id; write more of it", rev)
	case rev == "HEAD":
		return "", errors.New("the repository has no commit yet, so there is nothing to compare with; commit something first")
	}
	return "", r.unknown(rev)
}

// Has returns the full id of a revision, and whether there is such a commit.
func (r *Repository) Has(rev string) (string, bool, error) {
	answer, err := r.git.ask(rev + "^{commit}")
	var missing *missingError
	if errors.As(err, &missing) {
		return "", false, nil
	}
	return answer.id, err == nil, err
}

// Branch is a branch, or another name, and the commit that it stands at.
type Branch struct{ Name, Commit string }

// first returns the first of some refs that there is.
func (r *Repository) first(refs ...string) (Branch, bool, error) {
	for _, ref := range refs {
		commit, ok, err := r.Has(ref)
		if err != nil || ok {
			return Branch{shortRef(ref), commit}, ok, err
		}
	}
	return Branch{}, false, nil
}

func shortRef(ref string) string {
	return strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "refs/remotes/")
}

// ErrNoDefault says what to do about a repository whose default branch is not
// known.
var ErrNoDefault = errors.New("the default branch is not known: there is no origin/HEAD, and no branch main or master, here or at origin; " +
	"name a revision with --from, or run git remote set-head origin --auto")

// Default returns the default branch: that of the remote repository origin, or
// else main or master.
func (r *Repository) Default() (Branch, error) {
	branch, ok, err := r.first("refs/remotes/origin/HEAD",
		"refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master")
	if err != nil {
		return Branch{}, err
	}
	if !ok {
		return Branch{}, ErrNoDefault
	}
	return branch, nil
}

// Approved returns the branch that carries the approvals of an environment, as
// the remote repository has it, or else this one.
func (r *Repository) Approved(env string) (Branch, bool, error) {
	return r.first("refs/remotes/origin/env/"+env, "refs/heads/env/"+env)
}

// MergeBase returns the commit at which two lines of history parted.
func (r *Repository) MergeBase(a, b Branch) (string, error) {
	if a.Commit == b.Commit {
		return a.Commit, nil
	}
	out, err := run(r.dir, "merge-base", a.Commit, b.Commit)
	if err == nil {
		// Histories that were merged both ways have several; Git's first is as
		// good as the others.
		base, _, _ := bytes.Cut(out, []byte("\n"))
		return string(base), nil
	}
	var failed *gitError
	if !errors.As(err, &failed) || failed.text != "" {
		return "", err
	}
	if r.shallow() {
		return "", fmt.Errorf("this clone is too shallow to tell where %s and %s parted: run git fetch --unshallow, or set GIT_DEPTH: 0 for the job in GitLab CI",
			a.Name, b.Name)
	}
	return "", fmt.Errorf("%s and %s have no commit in common; name a revision with --from", a.Name, b.Name)
}

// shallow reports whether the clone lacks the beginning of its history.
func (r *Repository) shallow() bool {
	out, err := run(r.dir, "rev-parse", "--is-shallow-repository")
	return err == nil && strings.TrimSpace(string(out)) == "true"
}

// unknown returns the error for a revision that there is none of.
func (r *Repository) unknown(rev string) error {
	text := fmt.Sprintf("no revision %q", rev)
	names, err := r.names()
	if err != nil {
		return err
	}
	base, _, _ := strings.Cut(rev, "~")
	base, _, _ = strings.Cut(base, "^")
	near := finding.Nearest(base, names)
	for _, name := range names {
		// What is a branch at the remote repository only, is mostly meant.
		if name == "origin/"+base {
			near = name
		}
	}
	if base == "HEAD" || base == "@" || slices.Contains(names, base) {
		near = "" // What comes after it is what is wrong.
	}
	switch {
	case strings.Contains(rev, ".."):
		text += "; a range is written --from A --to B"
	case near != "":
		text += "; did you mean " + near + "?"
	case r.shallow():
		text += "; this clone is shallow: run git fetch --unshallow, or set GIT_DEPTH: 0 for the job in GitLab CI"
	default:
		text += "; see git branch --all and git tag"
	}
	return errors.New(text)
}

// names returns the names of all branches and tags.
func (r *Repository) names() ([]string, error) {
	out, err := run(r.dir, "for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags", "refs/remotes")
	if err != nil {
		return nil, err
	}
	var names []string
	for ref := range strings.FieldsSeq(string(out)) {
		names = append(names, strings.TrimPrefix(shortRef(ref), "refs/tags/"))
	}
	return names, nil
}

// Names returns the names of all branches and tags, for completion.
func (r *Repository) Names() []string {
	names, err := r.names()
	if err != nil {
		return nil
	}
	return append(names, "HEAD")
}

// Short returns the beginning of an id, for people.
func Short(id string) string { return id[:min(10, len(id))] }
