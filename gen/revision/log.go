package revision

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Commit is a commit of a branch, and when it came to be there.
type Commit struct {
	// ID is the full id.
	ID   string
	Time time.Time
}

// Log returns the commits that to has and from has not and that change one of the
// paths, files or folders relative to the repository's folder, oldest first. A
// merge counts once, with all that it brings: what it merges was never the state of
// the branch.
func (r *Repository) Log(from, to string, paths ...string) ([]Commit, error) {
	args := []string{"rev-list", "--first-parent", "--reverse", "--timestamp", "^" + from, to, "--"}
	for _, path := range paths {
		args = append(args, ":(literal)"+path)
	}
	out, err := run(r.dir, args...)
	if err != nil {
		return nil, fmt.Errorf("listing the commits from %s to %s: %w", Short(from), Short(to), err)
	}
	var commits []Commit
	for line := range strings.Lines(string(out)) {
		seconds, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseInt(seconds, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("git rev-list answered %q", line)
		}
		commits = append(commits, Commit{id, time.Unix(n, 0).UTC()})
	}
	return commits, nil
}
