package environment

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/token"

	"gitlab.com/towpath/towpath/gen/finding"
)

// Set is a number of environments that were loaded together.
type Set struct {
	Environments []*Environment
}

// Load loads the named environments from the repository's root file system.
//
// If an environment is invalid, the error is a [finding.List] with everything
// that is wrong in any of them; the Set then holds those that are valid.
func Load(repo fs.FS, names []string) (*Set, error) {
	contract, instances, err := instances(repo, names)
	if err != nil {
		return nil, err
	}
	if contract.Err != nil {
		return nil, CUEFindings(contract.Err).Sort()
	}
	ctx := cuecontext.New()
	// Most of the time is spent on evaluating the contract, once by itself and
	// once with each environment. By itself it is only needed for environments
	// that are wrong, or do not join it themselves.
	build := sync.OnceValue(func() cue.Value { return ctx.BuildInstance(contract) })
	set := &Set{}
	var findings finding.List
	for i, name := range names {
		env, found := loadOne(ctx, build, instances[i], name)
		if len(found) > 0 {
			findings = append(findings, found...)
			continue
		}
		set.Environments = append(set.Environments, env)
	}
	if len(findings) > 0 {
		if err := build().Err(); err != nil {
			// Every environment repeats the contract's own errors.
			return nil, CUEFindings(err).Sort()
		}
	}
	return set, findings.Sort().Err()
}

// LoadContract loads the contract alone.
func LoadContract(repo fs.FS) (*build.Instance, error) {
	contract, _, err := instances(repo, nil)
	return contract, err
}

// LoadPolicy loads the rules over values, or nil if the repository has none.
func LoadPolicy(repo fs.FS) (*build.Instance, error) {
	files, err := fs.Glob(repo, path.Join(Dir, "policy", "*.cue"))
	if err != nil || len(files) == 0 {
		return nil, err
	}
	return load.Instances([]string{"./policy"}, &load.Config{FS: repo, Dir: "/" + Dir, Registry: noRegistry{}})[0], nil
}

// instances parses the contract and the named environments, files in common
// once. Errors in the CUE itself are left in the instances.
func instances(repo fs.FS, names []string) (contract *build.Instance, envs []*build.Instance, err error) {
	args := []string{"./contract"}
	for _, name := range names {
		args = append(args, "./"+name)
	}
	// The file system holds the files of the repository and nothing else, so
	// that an environment can't read the machine, and no registry is asked.
	loaded := load.Instances(args, &load.Config{FS: repo, Dir: "/" + Dir, Registry: noRegistry{}})
	if len(loaded) != len(args) {
		return nil, nil, fmt.Errorf("loading %s: CUE returned %d packages for %d folders", Dir, len(loaded), len(args))
	}
	return loaded[0], loaded[1:], nil
}

func loadOne(ctx *cue.Context, contract func() cue.Value, inst *build.Instance, name string) (*Environment, finding.List) {
	if inst.Err != nil {
		return nil, withEnvironment(CUEFindings(inst.Err), name)
	}
	v := ctx.BuildInstance(inst)
	if found := unresolved(v.Err()); len(found) > 0 {
		return nil, withEnvironment(found, name)
	}
	d := diagnosis{env: name, files: editedFiles(inst)}
	if err := v.Validate(cue.Concrete(true)); err != nil || !joinsContract(inst) {
		// The files of an environment join the contract themselves, so that
		// CUE's own tools check them too. Joining it here once more makes sure
		// that leaving the line out does not leave the contract.
		d.contract = contract()
		v = v.Unify(d.contract.LookupPath(cue.ParsePath("#Environment")))
		d.diagnose(v)
		if len(d.findings) > 0 {
			return nil, withEnvironment(d.findings, name)
		}
	}
	env := &Environment{Value: v}
	if err := v.Decode(env); err != nil {
		return nil, withEnvironment(CUEFindings(err), name)
	}
	if env.Name != name {
		d.add(v.LookupPath(cue.ParsePath("name")), finding.Finding{
			Rule:    "wrong-folder",
			Message: fmt.Sprintf("the environment in %s/%s is named %q", Dir, name, env.Name),
			Help:    fmt.Sprintf("write name: %q, or rename the folder", name),
		})
		return nil, withEnvironment(d.findings, name)
	}
	releases, err := v.LookupPath(cue.ParsePath("releases")).Fields()
	if err != nil {
		return nil, withEnvironment(CUEFindings(err), name)
	}
	for releases.Next() {
		var release Release
		if err := releases.Value().Decode(&release); err != nil {
			return nil, withEnvironment(CUEFindings(err), name)
		}
		release.Values = releases.Value().LookupPath(cue.ParsePath("values"))
		release.tree = &tree{}
		env.Releases = append(env.Releases, release)
	}
	slices.SortFunc(env.Releases, func(a, b Release) int { return strings.Compare(a.Name, b.Name) })
	return env, nil
}

// joinsContract reports whether every file of the package holds nothing outside of
// contract.#Environment & {...}: it is then closed by itself.
func joinsContract(inst *build.Instance) bool {
	for _, file := range inst.Files {
		joined := false
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.Package, *ast.ImportDecl, *ast.CommentGroup:
			case *ast.EmbedDecl:
				and, ok := decl.Expr.(*ast.BinaryExpr)
				if !ok || and.Op != token.AND || joined {
					return false
				}
				selector, ok := and.X.(*ast.SelectorExpr)
				if !ok || !isContract(selector) {
					return false
				}
				joined = true
			default:
				return false
			}
		}
		if !joined {
			return false
		}
	}
	return true
}

// isContract reports whether the expression is #Environment of the package that
// is imported as the contract.
func isContract(selector *ast.SelectorExpr) bool {
	ident, ok := selector.X.(*ast.Ident)
	if !ok {
		return false
	}
	spec, ok := ident.Node.(*ast.ImportSpec)
	if !ok {
		return false
	}
	path, err := literal.Unquote(spec.Path.Value)
	name, _, nameErr := ast.LabelName(selector.Sel)
	return err == nil && nameErr == nil && path == contractPackage && name == "#Environment"
}

// editedFiles returns the paths of the files that people edit for the package,
// relative to the repository's root: all that is not the contract's.
func editedFiles(inst *build.Instance) map[string]*ast.File {
	files := map[string]*ast.File{}
	for _, file := range inst.Files {
		files[repoPath(file.Filename)] = file
	}
	return files
}

// repoPath makes CUE's file names, rooted in the file system that it was given,
// relative to the repository's root.
func repoPath(name string) string {
	return strings.TrimPrefix(path.Clean(name), "/")
}

func withEnvironment(findings finding.List, name string) finding.List {
	for i := range findings {
		findings[i].Environment = name
	}
	return findings
}
