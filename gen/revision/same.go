package revision

import (
	"crypto/sha1" //nolint:gosec // It is the name that Git gives to a file.
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
)

// Same reports whether a file or a folder is equal in f and in another file
// system. Two commits are compared by the ids that Git gave, and anything else by
// computing those ids; a wrong no is possible, a wrong yes is not.
func (f *FS) Same(other fs.FS, name string) bool {
	mine, err := f.find(name, true)
	if err != nil {
		return false
	}
	if o, ok := other.(*FS); ok && o.repo == f.repo {
		theirs, err := o.find(name, true)
		return err == nil && mine.id == theirs.id && f.closed(mine)
	}
	return f.same(mine, other, name)
}

// closed reports whether nothing below an entry is a symbolic link, which may lead
// to something that is not equal, though the link is.
func (f *FS) closed(e entry) bool {
	if !e.isDir() {
		return e.mode != modeLink
	}
	dir, err := f.repo.tree(e)
	if err != nil {
		return false
	}
	for _, sub := range dir {
		if !f.closed(sub) {
			return false
		}
	}
	return true
}

func (f *FS) same(mine entry, other fs.FS, name string) bool {
	switch mine.mode {
	case modeSubmodule, modeLink:
		return false
	case modeTree:
		dir, err := f.repo.tree(mine)
		if err != nil {
			return false
		}
		entries, err := fs.ReadDir(other, name)
		if err != nil || len(entries) != len(dir) {
			return false
		}
		for i, e := range dir {
			if entries[i].Name() != e.name || entries[i].IsDir() != e.isDir() || !f.same(e, other, path.Join(name, e.name)) {
				return false
			}
		}
		return true
	}
	data, err := fs.ReadFile(other, name)
	return err == nil && blobID(data, len(mine.id)) == mine.id
}

// blobID returns the id of a file, in as many digits as the repository's ids have.
func blobID(data []byte, digits int) string {
	h := sha256.New()
	if digits == hex.EncodedLen(sha1.Size) {
		h = sha1.New() //nolint:gosec // See above.
	}
	fmt.Fprintf(h, "blob %d\x00", len(data))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}
