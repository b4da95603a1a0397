package cli_test

import (
	"archive/tar"
	"compress/gzip"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// packCommand packs a folder with a chart as helm package does: pack DIR FILE.tgz
func packCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: pack folder file.tgz")
	}
	dir := ts.MkAbs(args[0])
	f, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	defer f.Close()
	packed := gzip.NewWriter(f)
	archive := tar.NewWriter(packed)
	// All names start with the folder's, and there are no entries of folders.
	var add func(dir string)
	add = func(at string) {
		entries, err := os.ReadDir(at)
		ts.Check(err)
		for _, entry := range entries {
			name := filepath.Join(at, entry.Name())
			if entry.IsDir() {
				add(name)
				continue
			}
			rel, err := filepath.Rel(filepath.Dir(dir), name)
			ts.Check(err)
			data, err := os.ReadFile(name)
			ts.Check(err)
			ts.Check(archive.WriteHeader(&tar.Header{Name: filepath.ToSlash(rel), Mode: 0o644, Size: int64(len(data))}))
			_, err = archive.Write(data)
			ts.Check(err)
		}
	}
	add(dir)
	ts.Check(archive.Close())
	ts.Check(packed.Close())
}
