package commit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Uncommitted returns those of the files that differ from the last commit, staged or
// not, or that it does not have; ordered, and relative to the repository's folder.
func (r *Repository) Uncommitted(files ...string) ([]string, error) {
	prefix, err := r.prefix()
	if err != nil {
		return nil, err
	}
	args := []string{"status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignored=no", "--"}
	out, err := r.git(invocation{}, append(args, literal(files)...)...)
	if err != nil {
		return nil, fmt.Errorf("looking for uncommitted changes: %w", err)
	}
	var dirty []string
	for _, line := range split(out) {
		if len(line) > 3 { // XY PATH, from Git's root.
			dirty = append(dirty, strings.TrimPrefix(line[3:], prefix))
		}
	}
	slices.Sort(dirty)
	return dirty, nil
}

// CommitOnly makes a commit of what some files of the working tree hold now, or of
// their absence, on the branch that is checked out, and returns its id. Other
// changes, staged or not, stay as they are. The user's hooks run, and the user's
// configuration says whether the commit is signed.
func (r *Repository) CommitOnly(files []string, m Message) (id string, err error) {
	if err := m.check(); err != nil {
		return "", err
	}
	if _, err := r.Committer(); err != nil {
		return "", err
	}
	untracked, err := r.untracked(files)
	if err != nil {
		return "", err
	}
	if len(untracked) > 0 {
		// Git commits no file that it has never heard of.
		args := append([]string{"add", "--intent-to-add", "--"}, literal(untracked)...)
		if _, err := r.git(invocation{}, args...); err != nil {
			return "", fmt.Errorf("adding files: %w", err)
		}
	}
	args := append([]string{"commit", "--quiet", "--only", "--cleanup=verbatim", "--file=-", "--"}, literal(files)...)
	if _, err := r.git(invocation{input: []byte(m.String())}, args...); err != nil {
		if len(untracked) > 0 {
			args := append([]string{"rm", "--quiet", "--cached", "--"}, literal(untracked)...)
			_, undo := r.git(invocation{}, args...)
			err = errors.Join(err, undo)
		}
		return "", fmt.Errorf("committing: %w", err)
	}
	return r.text(invocation{}, "rev-parse", "HEAD")
}

// untracked returns those of the files that the index does not have.
func (r *Repository) untracked(files []string) ([]string, error) {
	out, err := r.git(invocation{}, append([]string{"ls-files", "-z", "--others", "--"}, literal(files)...)...)
	if err != nil {
		return nil, fmt.Errorf("looking for new files: %w", err)
	}
	return split(out), nil
}

// literal returns files as pathspecs that mean nothing but themselves.
func literal(files []string) []string {
	specs := make([]string, len(files))
	for i, file := range files {
		specs[i] = ":(literal)" + file
	}
	return specs
}
