package environment

import (
	"io/fs"
	"maps"
	"path"
	"slices"

	"cuelang.org/go/cue/build"
)

// Files returns the files that decide what each of the named environments is, by
// environment and ordered: those that CUE reads to load it, of every package that
// it imports, and the module's own. It needs no environment to be valid.
func Files(repo fs.FS, names []string) (map[string][]string, error) {
	contract, envs, err := instances(repo, names)
	if err != nil {
		return nil, err
	}
	files := map[string][]string{}
	for i, name := range names {
		// Every environment is joined with the contract, whether or not it
		// imports it.
		read := map[string]bool{path.Join(Dir, "cue.mod", "module.cue"): true}
		seen := map[*build.Instance]bool{}
		addFiles(read, seen, envs[i])
		addFiles(read, seen, contract)
		files[name] = slices.Sorted(maps.Keys(read))
	}
	return files, nil
}

func addFiles(read map[string]bool, seen map[*build.Instance]bool, inst *build.Instance) {
	if seen[inst] {
		return
	}
	seen[inst] = true
	for _, list := range [][]*build.File{inst.BuildFiles, inst.InvalidFiles, inst.UnknownFiles, inst.OrphanedFiles} {
		for _, file := range list {
			read[repoPath(file.Filename)] = true
		}
	}
	for _, file := range inst.Files {
		read[repoPath(file.Filename)] = true
	}
	for _, imported := range inst.Imports {
		addFiles(read, seen, imported)
	}
}
