// Verify judges the files under argocd/ with Argo CD's own code, and says how
// production could be reached past an approval.
//
// Usage:
//
//	go run ./argocd/verify [-o text|json|gitlab] [DIR]
//
// DIR is the root of the repository, by default found above the current folder.
// Exit codes are those of gen: 0 fine, 1 usage or internal error, 2 invalid
// input, 4 policy.
//
// It is a program of its own because Argo CD's code would make gen twice as big
// and slow to start. See package trust for what it asks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fatih/color"
	"github.com/sirupsen/logrus"

	"gitlab.com/towpath/towpath/argocd/verify/bootstrap"
	"gitlab.com/towpath/towpath/argocd/verify/trust"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

const (
	exitFine   = 0
	exitError  = 1
	exitInput  = 2
	exitPolicy = 4
)

func main() {
	// Argo CD's code logs what it reports anyway.
	logrus.SetOutput(io.Discard)
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "Usage: go run ./argocd/verify [-o text|json|gitlab] [DIR]\n\n"+
			"Judges the files under argocd/ with Argo CD's own code.\n\n")
		flags.PrintDefaults()
	}
	output := flags.String("o", "text", "form of the findings: text, json or gitlab (Code Quality)")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitFine
	} else if err != nil {
		return exitError
	}
	printer, ok := printers[*output]
	if !ok || flags.NArg() > 1 {
		flags.Usage()
		return exitError
	}
	dir, err := rootDir(flags.Arg(0))
	if err != nil {
		fmt.Fprintln(stderr, "verify:", err)
		return exitError
	}
	repo := os.DirFS(dir)
	findings, err := verify(ctx, repo, dir)
	if err == nil {
		err = printer(stdout, repo, findings)
	}
	if err != nil {
		fmt.Fprintln(stderr, "verify:", err)
		return exitError
	}
	switch {
	case findings.Has(finding.Input):
		return exitInput
	case findings.Has(finding.Policy):
		return exitPolicy
	case findings.Has(finding.Stale):
		return exitInput
	}
	return exitFine
}

var printers = map[string]func(io.Writer, fs.FS, finding.List) error{
	"text": func(w io.Writer, repo fs.FS, findings finding.List) error {
		return finding.Text(w, repo, findings, !color.NoColor)
	},
	"json":   func(w io.Writer, _ fs.FS, findings finding.List) error { return finding.JSON(w, findings) },
	"gitlab": func(w io.Writer, _ fs.FS, findings finding.List) error { return finding.GitLab(w, findings) },
}

// verify returns what is wrong with the repository. What is wrong with its
// environments comes first, and alone: nothing can be held against an
// environment that can't be read.
func verify(ctx context.Context, repo fs.FS, dir string) (finding.List, error) {
	names, err := environment.Names(repo)
	if err != nil {
		return nil, err
	}
	set, err := environment.Load(repo, names)
	if err != nil {
		return finding.From(err)
	}
	install, err := bootstrap.ModuleInstall(ctx, dir)
	if err != nil {
		return nil, err
	}
	return trust.Check(trust.Input{
		Repo: repo, Environments: set.Environments, Install: install, Kinds: kinds(repo), Now: time.Now(),
	})
}

// rootDir returns the root of the repository: arg, or the nearest folder above
// the current one that holds the CUE module of the environments.
func rootDir(arg string) (string, error) {
	marker := filepath.Join(environment.Dir, "cue.mod")
	if arg != "" {
		if _, err := os.Stat(filepath.Join(arg, marker)); err != nil {
			return "", fmt.Errorf("%s is not the root of the repository: %w", arg, err)
		}
		return filepath.Abs(arg)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, marker)); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no folder above the current one holds %s: name the root of the repository", marker)
		}
		dir = parent
	}
}
