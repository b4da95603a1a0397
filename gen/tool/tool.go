// Package tool knows what decides the output of gen beside its input: gen's own
// code and the libraries that it links.
//
// Their versions stand in a lock, [LockFile], which is committed beside what they
// produced. So a merge request that brings a new version of one of them says so in
// a file that people review, even where no object changes with it, and a gen of
// other versions than the lock's finds the committed files stale.
package tool

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// LockFile is the file that holds the versions, relative to the repository's root.
const LockFile = "envs/tool.lock"

// Output is the version of what gen's own code produces. Whoever makes gen produce
// something else from the same input raises it.
//
// The version that a release of gen has would not do: gen mostly runs from the
// sources beside the environments, where it has none. Nor would a hash of those,
// which differs with every comment.
const Output = "1"

// Libraries are the modules whose version decides what gen produces.
//
// Go itself is not among them, though text/template is Go's: the files would be
// stale for everybody whose toolchain is a patch ahead.
var Libraries = []struct{ Name, Module string }{
	{"cue", "cuelang.org/go"},
	{"helm", "helm.sh/helm/v3"},
	{"sprig", "github.com/Masterminds/sprig/v3"}, // functions of templates
	{"toml", "github.com/BurntSushi/toml"},       // toToml
	{"yaml", "sigs.k8s.io/yaml"},
}

// Version is the version of one tool.
type Version struct{ Name, Version string }

// List is the versions of all tools, ordered by name.
type List []Version

// Linked returns the versions that this program was built with. It returns nil if
// they are not known, as in tests, whose programs Go builds without.
func Linked() List {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	versions := map[string]string{}
	for _, dep := range build.Deps {
		for _, l := range Libraries {
			switch {
			case dep.Path != l.Module:
			case dep.Replace == nil:
				versions[l.Name] = dep.Version
			case dep.Replace.Version != "":
				versions[l.Name] = dep.Replace.Path + "@" + dep.Replace.Version
			default:
				versions[l.Name] = "a local copy of " + dep.Version
			}
		}
	}
	if len(versions) == 0 {
		return nil
	}
	return NewList(Output, versions)
}

// NewList returns the list of gen's output version and those of its libraries, by
// name.
func NewList(output string, libraries map[string]string) List {
	var l List
	if output != "" {
		l = append(l, Version{"gen", output})
	}
	for _, name := range slices.Sorted(maps.Keys(libraries)) {
		l = append(l, Version{name, libraries[name]})
	}
	slices.SortFunc(l, func(a, b Version) int { return strings.Compare(a.Name, b.Name) })
	return l
}

// Get returns the version of one tool, or "".
func (l List) Get(name string) string {
	for _, v := range l {
		if v.Name == name {
			return v.Version
		}
	}
	return ""
}

// Lock returns the list as a lock.
func (l List) Lock() []byte {
	var file bytes.Buffer
	file.WriteString("# What produced the files of this repository. Written by gen render; do not edit.\n")
	for _, v := range l {
		fmt.Fprintf(&file, "%s: %q\n", v.Name, v.Version)
	}
	return file.Bytes()
}

// Parse reads a lock.
func Parse(lock []byte) (List, error) {
	versions := map[string]string{}
	if err := yaml.UnmarshalStrict(lock, &versions); err != nil {
		return nil, errors.New("the file is no list of versions; run gen render")
	}
	return NewList("", versions), nil
}

// Read returns the versions in the lock of a repository, nil if it has none.
func Read(repo fs.FS) (List, error) {
	lock, err := fs.ReadFile(repo, LockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	l, err := Parse(lock)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", LockFile, err)
	}
	return l, nil
}

// Change is one tool whose version is another in two states.
type Change struct {
	Name string `json:"name"`
	// Before and After are "" where the list does not have the tool.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// String says what changes: helm v3.18.6 → v3.19.5.
func (c Change) String() string {
	switch {
	case c.Before == "":
		return c.Name + " " + c.After + " is new"
	case c.After == "":
		return c.Name + " " + c.Before + " is gone"
	default:
		return c.Name + " " + c.Before + " → " + c.After
	}
}

// Changes returns the tools whose version differs, ordered by name: none if a list
// is empty, as nothing is known then.
func Changes(before, after List) []Change {
	if len(before) == 0 || len(after) == 0 {
		return nil
	}
	var changes []Change
	for _, v := range before {
		if now := after.Get(v.Name); now != v.Version {
			changes = append(changes, Change{v.Name, v.Version, now})
		}
	}
	for _, v := range after {
		if before.Get(v.Name) == "" {
			changes = append(changes, Change{v.Name, "", v.Version})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Name, b.Name) })
	return changes
}
