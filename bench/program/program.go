// Package program builds the programs that measurements compare, runs them, and
// says what they used and on which machine.
//
// What a process used is what the kernel counts for the parent that waits for it:
// user and system time of the process and of all that it has waited for itself, and
// the greatest resident size of any one of them.
package program

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"gitlab.com/towpath/towpath/bench/toolcache"
)

// Root returns the root of the repository that this runs in.
func Root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "gitlab.com/towpath/towpath").Output()
	if err != nil {
		return "", fmt.Errorf("run this in the repository: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Set is gen and the programs that it takes the place of, by their files.
type Set struct{ Gen, CUE, Helm string }

// Build builds gen from the repository into a folder, and CUE and the Helm that gen
// links where they aren't installed yet.
func Build(ctx context.Context, root, to string) (Set, error) {
	var set Set
	fmt.Fprintln(os.Stderr, "building gen,", toolcache.CUE, "and", toolcache.Helm318)
	var err error
	if set.Gen, err = Package(ctx, root, "./gen", to); err != nil {
		return set, err
	}
	if set.CUE, err = toolcache.CUE.Install(ctx); err != nil {
		return set, err
	}
	set.Helm, err = toolcache.Helm318.Install(ctx)
	return set, err
}

// Package builds a main package of the repository into a folder and returns the
// program's file.
func Package(ctx context.Context, root, pkg, to string) (string, error) {
	file := filepath.Join(to, filepath.Base(pkg))
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", file, pkg)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // As CUE and Helm are.
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return file, nil
}
