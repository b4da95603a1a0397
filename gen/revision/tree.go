package revision

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// The modes of entries of a tree; any other is a file.
const (
	modeTree       = "40000"
	modeExecutable = "100755"
	modeLink       = "120000"
	modeSubmodule  = "160000"
)

// entry is one line of a tree.
type entry struct{ name, mode, id string }

func (e entry) isDir() bool { return e.mode == modeTree || e.mode == modeSubmodule }

// tree is a folder, ordered by name.
type tree []entry

func (t tree) find(name string) (entry, bool) {
	i, ok := slices.BinarySearchFunc(t, name, func(e entry, name string) int { return strings.Compare(e.name, name) })
	if !ok {
		return entry{}, false
	}
	return t[i], true
}

// tree returns the folder of an entry.
func (r *Repository) tree(e entry) (tree, error) {
	switch e.mode {
	case modeTree:
	case modeSubmodule:
		return nil, errSubmodule
	default:
		return nil, fs.ErrNotExist // As for a path that goes through a file.
	}
	r.mu.Lock()
	known, ok := r.trees[e.id]
	r.mu.Unlock()
	if ok {
		return known, nil
	}
	stored, err := r.git.ask(e.id)
	var missing *missingError
	if errors.As(err, &missing) {
		err = lacks(e.id)
	}
	if err != nil {
		return nil, err
	}
	parsed, err := parseTree(stored.data, len(e.id)/2)
	if err != nil {
		return nil, fmt.Errorf("tree %s: %w", e.id, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trees[e.id] = parsed
	return parsed, nil
}

// parseTree reads the entries of a tree: mode, a blank, name, a zero, and the id
// in as many bytes as the repository's hash has.
func parseTree(data []byte, size int) (tree, error) {
	var t tree
	for len(data) > 0 {
		head, rest, ok := bytes.Cut(data, []byte{0})
		mode, name, blank := strings.Cut(string(head), " ")
		if !ok || !blank || len(rest) < size || !fs.ValidPath(name) || name == "." || strings.Contains(name, "/") {
			return nil, errors.New("the tree is damaged; run git fsck")
		}
		t = append(t, entry{name: name, mode: mode, id: hex.EncodeToString(rest[:size])})
		data = rest[size:]
	}
	// Git takes the names of folders as if they ended in a slash.
	slices.SortFunc(t, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return t, nil
}

// lacks returns the error for an object that the clone should have.
func lacks(id string) error {
	return fmt.Errorf("the clone lacks the object %s: a partial clone has to fetch it first, with git archive COMMIT > /dev/null; any other is damaged, see git fsck", id)
}
