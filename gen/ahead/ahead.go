// Package ahead loads environments, looks for what is kept of them, or reads their files,
// while the rest of the program still initialises.
//
// Before main, Go initialises the packages that gen links, one after the other: about
// 13 ms, of which Kubernetes' and Helm's are the last 5. They need one processor;
// loading environments needs none of them, and takes 10 ms on another one. As Go
// takes packages in the order of their paths where they do not depend on each
// other (https://go.dev/ref/spec#Package_initialization leaves it to the
// toolchain, which sorts), this one's turn comes before helm.sh and k8s.io.
//
// It is a guess at what the command line is about to ask for. A wrong guess costs
// what it computed, and nothing else: Load then loads what is really wanted.
package ahead

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/kept"
)

// environments are those that the command line seems to name.
var environments guess[*environment.Set]

func init() {
	if len(os.Args) < 2 {
		return
	}
	dir, err := os.Getwd()
	if err != nil {
		return
	}
	root, err := environment.FindRoot(dir)
	if err != nil {
		return
	}
	repo := os.DirFS(root)
	if keep := kept.Dir(os.Getenv); keep != "" {
		if names := wantedKept(repo, os.Args[1:]); len(names) > 0 {
			startKept(root, keep, names)
			return
		}
	}
	names := wanted(repo, os.Args[1:])
	if len(names) == 0 {
		if readsTree(os.Args[1:]) {
			startTree(root)
		}
		return
	}
	environments.begin(about(root, names), func() (*environment.Set, error) { return environment.Load(repo, names) })
}

// wanted returns the environments that a command with these arguments is going
// to load, as far as a glance can tell.
func wanted(repo fs.FS, args []string) []string {
	all, err := environment.Names(repo)
	if err != nil {
		return nil
	}
	if slices.ContainsFunc(args, isElsewhere) {
		return nil
	}
	switch {
	case args[0] == "explain" && len(args) > 1:
		return named(all, args[1:2])
	case args[0] == "render" && slices.Contains(args, "--manifests"):
		return withoutTeams(repo, namedOrAll(all, args[1:]))
	case args[0] == "diff" && !slices.ContainsFunc(args, isTo):
		// What follows --from is a revision, whatever its name.
		if i := slices.Index(args, "--from"); i >= 0 {
			args = slices.Delete(slices.Clone(args), i, min(i+2, len(args)))
		}
		return withoutTeams(repo, namedOrAll(all, args[1:]))
	case args[0] == "check" && !slices.Contains(args, "--rules"), args[0] == "render":
		return withoutTeams(repo, all)
	}
	return nil
}

// readsTree reports whether a command with these arguments reads all files of the working
// tree: gen diff looks for those that differ from a commit's.
func readsTree(args []string) bool {
	return args[0] == "diff" && !slices.ContainsFunc(args, isTo) && !slices.ContainsFunc(args, isElsewhere)
}

// isElsewhere reports whether an argument makes gen say how it is used, or look elsewhere.
func isElsewhere(arg string) bool {
	return arg == "-h" || arg == "--help" || strings.HasPrefix(arg, "-C")
}

// named returns those of all environments that the arguments name, ordered.
func named(all, args []string) []string {
	var names []string
	for _, arg := range args {
		if name := path.Base(filepath.ToSlash(arg)); slices.Contains(all, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// namedOrAll is named, or all if the arguments name none.
func namedOrAll(all, args []string) []string {
	if names := named(all, args); len(names) > 0 {
		return names
	}
	return all
}

// withoutTeams returns the names, or nil if there are folders of teams: those are loaded
// some at a time, or only those that changed.
func withoutTeams(repo fs.FS, names []string) []string {
	if folders, err := environment.Folders(repo, names); err != nil || len(folders) > len(names) {
		return nil
	}
	return names
}

// isTo reports whether an argument makes gen diff compare with a commit.
func isTo(arg string) bool { return arg == "--to" || strings.HasPrefix(arg, "--to=") }

// Load is [environment.Load] of the repository in the folder root.
func Load(root string, names []string) (*environment.Set, error) {
	if result := environments.take(about(root, names)); result != nil {
		return result()
	}
	return environment.Load(os.DirFS(root), names)
}

func about(root string, names []string) []string { return append([]string{root}, names...) }
