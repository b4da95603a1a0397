package environment

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"gitlab.com/towpath/towpath/gen/finding"
)

// Folder is one of the folders that an environment is made of: its own, or a team's.
// Each is evaluated by itself.
type Folder struct {
	Environment string
	// Team is "" for the environment's own folder.
	Team string
}

// Path returns the folder's path, relative to the repository's root.
func (f Folder) Path() string { return path.Join(Dir, f.Environment, f.Team) }

// ApprovalFile is [Environment.ApprovalFile] of the folder's environment, whether or not
// that follows an approval branch.
func (f Folder) ApprovalFile() string { return path.Join(Dir, f.Environment, "approval.yaml") }

// Written returns how much CUE is written in the folder, in bytes, and when some of it was,
// last.
func (f Folder) Written(repo fs.FS) (size int64, at time.Time, err error) {
	dir := f.Path()
	entries, err := fs.ReadDir(repo, dir)
	if err != nil {
		return 0, at, fmt.Errorf("listing %s: %w", dir, err)
	}
	for _, entry := range entries {
		if path.Ext(entry.Name()) != ".cue" {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return 0, at, fmt.Errorf("listing %s: %w", dir, err)
		}
		size += info.Size()
		if info.ModTime().After(at) {
			at = info.ModTime()
		}
	}
	return size, at, nil
}

// NewestFirst puts folders in the order in which they were written last. What can't be read
// comes at the end.
func NewestFirst(repo fs.FS, folders []Folder) {
	written := map[Folder]time.Time{}
	for _, f := range folders {
		_, written[f], _ = f.Written(repo)
	}
	slices.SortStableFunc(folders, func(a, b Folder) int { return written[b].Compare(written[a]) })
}

// Folders returns the folders of the named environments, each environment's own before
// those of its teams. It only looks at which files there are.
func Folders(repo fs.FS, names []string) ([]Folder, error) {
	folders, _, err := foldersOf(repo, names)
	return folders, err
}

// foldersOf is Folders with what is wrong with folders that can't be a team's.
func foldersOf(repo fs.FS, names []string) ([]Folder, finding.List, error) {
	var folders []Folder
	var findings finding.List
	for _, name := range names {
		folders = append(folders, Folder{Environment: name})
		teams, found, err := teamFolders(repo, name)
		if err != nil {
			return nil, nil, err
		}
		findings = append(findings, found...)
		for _, team := range teams {
			folders = append(folders, Folder{name, team})
		}
	}
	return folders, findings, nil
}

// LoadSome is [Load] of some folders: the environments have the releases of those alone.
// It does not see what is wrong between a folder and those that are not among them, such
// as a release that both have.
//
// The folders of an environment follow one another.
func LoadSome(repo fs.FS, folders []Folder) (*Set, error) {
	set, _, err := NewLoader(repo).some(folders)
	return set, err
}

// Folders is [LoadSome] with an environment for each folder, which has the releases of
// that folder alone. Beside them it returns the files that decide what each is, ordered,
// as [Files] has them.
func (l *Loader) Folders(folders []Folder) (map[Folder]*Environment, map[Folder][]string, error) {
	set, files, err := l.some(folders)
	if err != nil {
		return nil, nil, err
	}
	loaded := map[Folder]*Environment{}
	for _, env := range set.Environments {
		for _, f := range folders {
			if f.Environment != env.Name {
				continue
			}
			loaded[f] = env.ofFolder(f)
		}
	}
	return loaded, files, nil
}

// ofFolder returns the environment with what one of its folders says of its own.
func (e *Environment) ofFolder(f Folder) *Environment {
	part := *e
	part.Teams = slices.DeleteFunc(slices.Clone(e.Teams), func(t Team) bool { return t.Name != f.Team })
	part.Releases = slices.DeleteFunc(slices.Clone(e.Releases), func(r Release) bool { return r.Team != f.Team })
	part.Waivers = slices.DeleteFunc(slices.Clone(e.Waivers), func(w Waiver) bool { return w.Team != f.Team })
	slices.SortFunc(part.Releases, byName)
	return &part
}

func (l *Loader) some(folders []Folder) (*Set, map[Folder][]string, error) {
	contract, parts, err := l.parts(withOwn(folders))
	if err != nil {
		return nil, nil, err
	}
	files := map[Folder][]string{}
	for _, p := range parts {
		if f := (Folder{p.env, p.team}); slices.Contains(folders, f) {
			files[f] = filesOf(contract, p)
		}
	}
	set, err := l.loadAll(contract, parts, nil)
	return set, files, err
}

// withOwn returns the folders, each environment's own before those of its teams, which
// take from it and are held against it.
func withOwn(folders []Folder) []Folder {
	var whole []Folder
	for _, f := range folders {
		own := Folder{Environment: f.Environment}
		if !slices.Contains(whole, own) {
			whole = append(whole, own)
		}
		if f != own {
			whole = append(whole, f)
		}
	}
	return whole
}
