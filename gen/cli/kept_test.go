package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// damageCommand flips a bit in the middle of every result that is kept: damage
func damageCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: damage")
	}
	damaged := 0
	ts.Check(filepath.WalkDir(ts.Getenv("GEN_CACHE"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil || len(data) == 0 {
			return err
		}
		data[len(data)/2] ^= 1
		damaged++
		return os.WriteFile(name, data, 0o600)
	}))
	if damaged == 0 {
		ts.Fatalf("nothing is kept in %s", ts.Getenv("GEN_CACHE"))
	}
}
