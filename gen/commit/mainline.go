package commit

import (
	"bytes"
	"fmt"
)

// OnMainline reports whether a commit is the tip of a branch, or was it once: it can
// be reached by first parents alone. One that came in with a merged branch was never
// a state of this one.
func (r *Repository) OnMainline(commit, tip string) (bool, error) {
	out, err := r.git(invocation{}, "rev-list", "--first-parent", tip, "--")
	if err != nil {
		return false, fmt.Errorf("listing the commits of %s: %w", tip, err)
	}
	for line := range bytes.Lines(out) {
		if string(bytes.TrimSpace(line)) == commit {
			return true, nil
		}
	}
	return false, nil
}
