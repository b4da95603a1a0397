package ahead

import (
	"io/fs"
	"os"
	"path"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/kept"
)

// tree is a snapshot of the working tree.
var tree guess[*kept.Snapshot]

// startTree begins to read the CUE of the repository in the folder root into a snapshot.
func startTree(root string) {
	tree.begin([]string{root}, func() (*kept.Snapshot, error) {
		snapshot := kept.NewSnapshot(os.DirFS(root))
		go readCUE(snapshot)
		return snapshot, nil
	})
}

// readCUE reads all CUE below the folder of environments. What can't be read, who asks for it
// is told.
func readCUE(repo fs.FS) {
	_ = fs.WalkDir(repo, environment.Dir, func(name string, _ fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".cue" {
			_, _ = fs.ReadFile(repo, name)
		}
		return nil
	})
}

// Tree returns a snapshot of the repository in the folder root, some of which may have been
// read already.
func Tree(root string) *kept.Snapshot {
	if result := tree.take([]string{root}); result != nil {
		if snapshot, err := result(); err == nil {
			return snapshot
		}
	}
	return kept.NewSnapshot(os.DirFS(root))
}
