package environment

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"runtime"
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/parser"
	"golang.org/x/sync/errgroup"
)

// Files returns the files that decide what each of the folders is, ordered: those that CUE
// reads to load it, of every package that it imports and of the environment that a team's
// takes from, and the module's own. It needs nothing to be valid, and reads no further
// into a file than its imports.
func Files(repo fs.FS, folders []Folder) (map[Folder][]string, error) {
	contract, parts, err := partsOf(repo, folders, importsOnly)
	if err != nil {
		return nil, err
	}
	files := map[Folder][]string{}
	for _, p := range parts {
		files[Folder{p.env, p.team}] = filesOf(contract, p)
	}
	return files, nil
}

// Imports returns what the files of CUE below the folder of environments import: paths,
// without the names of their packages.
func Imports(repo fs.FS) ([]string, error) {
	var files []string
	err := fs.WalkDir(repo, Dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(name) == ".cue" {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	workers := runtime.GOMAXPROCS(0)
	parts := make([][]string, workers)
	var group errgroup.Group
	for i := range workers {
		group.Go(func() (err error) {
			parts[i], err = ImportsOf(repo, files[len(files)*i/workers:len(files)*(i+1)/workers])
			return err
		})
	}
	err = group.Wait()
	imports := slices.Concat(parts...)
	slices.Sort(imports)
	return slices.Compact(imports), err
}

// ImportsOf is [Imports] of some files, ordered. Those that are not there, or not of CUE,
// import nothing.
func ImportsOf(repo fs.FS, files []string) ([]string, error) {
	imports := map[string]bool{}
	for _, name := range files {
		if path.Ext(name) != ".cue" {
			continue
		}
		data, err := fs.ReadFile(repo, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(name, data, parser.ImportsOnly)
		if err != nil {
			return nil, err
		}
		for spec := range file.ImportSpecs() {
			imported, err := literal.Unquote(spec.Path.Value)
			if err != nil {
				return nil, err
			}
			imports[ast.ParseImportPath(imported).Path] = true
		}
	}
	return slices.Sorted(maps.Keys(imports)), nil
}

// importsOnly parses what decides which files there are.
func importsOnly(name string, src any, cfg parser.Config) (*ast.File, error) {
	return parser.ParseFile(name, src, cfg.Apply(parser.ImportsOnly))
}

// filesOf returns the files that decide what a part is, ordered.
func filesOf(contract *build.Instance, p part) []string {
	// Every environment is joined with the contract, whether or not it imports it.
	read := map[string]bool{path.Join(Dir, "cue.mod", "module.cue"): true}
	seen := map[*build.Instance]bool{}
	addFiles(read, seen, p.inst)
	addFiles(read, seen, contract)
	return slices.Sorted(maps.Keys(read))
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
