package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/commit"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/output"
	"gitlab.com/towpath/towpath/gen/revision"
)

// commit makes the release from the last commit, writes it into the working tree and
// commits it.
func (r *releasing) commit(arg string) error {
	base, err := r.git.Resolve("HEAD")
	if err != nil {
		return err
	}
	d, err := r.draft(base, arg)
	if err != nil {
		return err
	}
	if d == nil {
		return errors.Join(r.unchanged(nil), r.warnDirty())
	}
	if err := r.checkClean(d); err != nil {
		return err
	}
	if r.o.dryRun {
		r.list(d)
		fmt.Fprintf(r.Out, "\n%s", r.message())
		return nil
	}
	// What prevents the commit is said before anything is written.
	if _, err := r.commits.Committer(); err != nil {
		return err
	}
	if err := r.apply(d.changes); err != nil {
		return err
	}
	r.list(d)
	id, err := r.commits.CommitOnly(d.paths(), r.message())
	if err != nil {
		return fmt.Errorf("%w\nthe files are written, and not committed; the same command commits them", err)
	}
	fmt.Fprintf(r.Err, "commit %s: %s\n", revision.Short(id), r.message().Subject)
	return nil
}

// checkClean refuses files with changes that are not committed. Those that hold what
// would be written are what a release that was cut off has left.
func (r *releasing) checkClean(d *drafted) error {
	dirty, err := r.commits.Uncommitted(d.paths()...)
	if err != nil {
		return err
	}
	dirty = slices.DeleteFunc(dirty, func(name string) bool {
		i := slices.IndexFunc(d.changes, func(c output.Change) bool { return c.Path == name })
		if i < 0 {
			return false
		}
		now, err := os.ReadFile(filepath.Join(r.root, filepath.FromSlash(name)))
		if d.changes[i].State == output.Removed {
			return errors.Is(err, fs.ErrNotExist)
		}
		return err == nil && bytes.Equal(now, d.changes[i].New)
	})
	if len(dirty) == 0 {
		return nil
	}
	return fmt.Errorf("changes that are not committed would get into the release, in %s; commit them, or take them back", strings.Join(dirty, ", "))
}

// warnDirty says that the last commit has the image, and the working tree may not:
// somebody works on it, or another release was cut off before its commit.
func (r *releasing) warnDirty() error {
	file := path.Join(environment.Dir, r.env, releaseFile)
	dirty, err := r.commits.Uncommitted(file)
	if err == nil && len(dirty) > 0 {
		fmt.Fprintf(r.Err, "%s has changes that are not committed; git diff shows them\n", file)
	}
	return err
}

// attempts is how often a release is made anew upon what others have pushed.
const attempts = 5

// push makes the release upon the default branch of the remote and pushes it there.
// The branch moves only if it still stands at the commit that the release was made
// upon, so that nobody's commit is lost.
func (r *releasing) push(arg string) error {
	me, err := r.commits.Committer()
	if err != nil {
		return err
	}
	author, err := r.commits.Author()
	if err != nil {
		return err
	}
	branch, err := r.commits.DefaultBranch(r.o.remote)
	if err != nil {
		return err
	}
	var first *image
	for attempt := 1; ; attempt++ {
		base, err := r.tip(branch)
		if err != nil {
			return err
		}
		d, err := r.draft(base, arg)
		if err != nil || d == nil {
			return r.unchanged(err)
		}
		if first == nil {
			was := r.was
			first = &was
		} else if *first != r.was {
			// Of two that release at once neither knows which image is meant to stay.
			return fmt.Errorf("somebody else has released %s %s to %s meanwhile; to replace it by %s, run the command again",
				r.release, r.was.version(), r.env, r.wanted.version())
		}
		if attempt == 1 || r.o.dryRun {
			r.list(d)
		}
		if r.o.dryRun {
			fmt.Fprintf(r.Out, "\n%s", r.message())
			return nil
		}
		id, err := r.commits.Write(commit.Draft{
			Base: base.Commit, Parents: []string{base.Commit}, Files: files(d.changes),
			Author: author, Committer: me, When: r.Now(), Message: r.message(),
		})
		if err != nil {
			return err
		}
		err = r.commits.Push(commit.Push{
			Remote: r.o.remote, Ref: "refs/heads/" + branch, Commit: id, Old: base.Commit,
			Options: r.o.pushOptions, Told: r.tell,
		})
		if commit.IsMoved(err) && attempt < attempts {
			fmt.Fprintf(r.Err, "%s has moved meanwhile; again, upon what is there now\n", branch)
			continue
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(r.Err, "commit %s on %s at %s: %s\n", revision.Short(id), branch, r.o.remote, r.message().Subject)
		return nil
	}
}

// tip fetches a branch and returns its state.
func (r *releasing) tip(branch string) (*revision.FS, error) {
	if err := r.commits.Fetch(r.o.remote, branch); err != nil {
		return nil, err
	}
	id, ok, err := r.commits.Ref(commit.Tracking(r.o.remote, branch))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s has no branch %s", r.o.remote, branch)
	}
	return r.git.Resolve(id)
}

// files returns changes as the files of a commit.
func files(changes []output.Change) []commit.File {
	var all []commit.File
	for _, c := range changes {
		all = append(all, commit.File{Path: c.Path, Content: c.New})
	}
	return all
}

// tell prints what a remote says.
func (a *app) tell(words string) {
	for line := range strings.Lines(words) {
		fmt.Fprintf(a.Err, "remote: %s\n", strings.TrimRight(line, "\n"))
	}
}
