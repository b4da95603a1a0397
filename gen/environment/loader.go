package environment

import (
	"io/fs"
	"path"
	"slices"
	"sync"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/parser"
)

// Loader loads folders of a repository that stays as it is. What all of them have in
// common, the contract, is parsed once. It can be used from many goroutines.
type Loader struct {
	repo     fs.FS
	contract func() *build.Instance
	same     *untouched
}

// NewLoader returns a loader of the repository's root file system.
func NewLoader(repo fs.FS) *Loader {
	return &Loader{
		repo:     repo,
		contract: sync.OnceValue(func() *build.Instance { return instances(repo, nil, "contract")[0] }),
		same:     &untouched{},
	}
}

// parts is [partsOf] with copies of the contract as it was parsed for others.
func (l *Loader) parts(folders []Folder) (contract *build.Instance, parts []part, err error) {
	contract = l.contract()
	if contract.Err != nil {
		return partsOf(l.repo, folders, nil) // What is wrong is CUE's to tell.
	}
	_, parts, err = partsOf(l.repo, folders, withoutContract)
	if err != nil {
		return nil, nil, err
	}
	own := copied(contract, map[*build.Instance]*build.Instance{})
	own.ImportPath = contractPackage
	for _, p := range parts {
		if !takeContract(p.inst, own) {
			return partsOf(l.repo, folders, nil)
		}
	}
	return copied(contract, map[*build.Instance]*build.Instance{}), parts, nil
}

// copied returns a copy of a package with those that it imports. To evaluate it leaves what
// is wrong in it, for as many evaluations as there are at once.
func copied(inst *build.Instance, known map[*build.Instance]*build.Instance) *build.Instance {
	if known[inst] == nil {
		own := *inst
		known[inst] = &own
		own.Imports = slices.Clone(inst.Imports)
		for i, imported := range own.Imports {
			own.Imports[i] = copied(imported, known)
		}
	}
	return known[inst]
}

// takeContract has a package, and those that it imports, import the contract in place of
// what was parsed without its text. It reports whether nothing else is left of that: a
// package in a folder below the contract's has its files too.
func takeContract(inst, contract *build.Instance) bool {
	if slices.ContainsFunc(inst.Files, func(file *ast.File) bool { return isOfContract(file.Filename) }) {
		return false
	}
	for i, imported := range inst.Imports {
		if imported.ImportPath == contractPackage {
			inst.Imports[i] = contract
		} else if !takeContract(imported, contract) {
			return false
		}
	}
	return true
}

// contractDir is the folder of the contract, relative to the repository's root.
const contractDir = Dir + "/contract"

// isOfContract reports whether a file, as CUE names it, stands in the contract's folder.
func isOfContract(name string) bool { return path.Dir(repoPath(name)) == contractDir }

// withoutContract parses files of CUE, but of the contract's no more than the package that
// they belong to.
func withoutContract(name string, src any, cfg parser.Config) (*ast.File, error) {
	if isOfContract(name) {
		cfg = cfg.Apply(parser.PackageClauseOnly)
	}
	return parser.ParseFile(name, src, cfg)
}
