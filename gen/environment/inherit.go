package environment

import (
	"fmt"
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
)

// CUE takes the files of an environment's own folder into the package of each
// team's. With them would come the environment's own releases, evaluated once more
// for each team, and its waivers, a list that a team's can't be joined with. So the
// team's package gets those files without what is theirs alone: the releases and
// waivers that are written plainly, one field each, and that nothing refers to.
// Without a reference to it a release has no say in any other, so that what is left
// means the same. Patterns over all releases, conditions and loops stay, and so does
// everything in a file that names what it would lose.

// inherited is what a team's folder takes from the environment's own.
type inherited struct {
	// files are those of the environment without what is theirs alone, parsed anew:
	// the syntax trees that were loaded belong to the environment.
	files []*ast.File
	// left are the names of what was left out.
	left map[string]bool
	// releases are the names of all releases that the environment writes plainly.
	releases map[string]bool
}

// inherit returns what the teams of an environment take from it.
func inherit(env *build.Instance) (*inherited, error) {
	in := &inherited{left: map[string]bool{}, releases: map[string]bool{}}
	for name := range readTeam(env.Files).releases {
		in.releases[name] = true
	}
	for _, file := range env.BuildFiles {
		if file.Source == nil {
			return nil, fmt.Errorf("%s was loaded without its text", file.Filename)
		}
		options := []parser.Option{parser.ParseComments}
		if env.ModuleFile != nil && env.ModuleFile.Language != nil {
			options = append(options, parser.Version(env.ModuleFile.Language.Version))
		}
		parsed, err := parser.ParseFile(file.Filename, file.Source, options...)
		if err != nil {
			return nil, err
		}
		in.files = append(in.files, parsed)
	}
	named := namesIn(in.files)
	for _, file := range in.files {
		file.Decls = withoutUnused(env, file, in.leaveOut(file.Decls, named))
	}
	return in, nil
}

// withoutUnused leaves out the imports that nothing needs any more, which CUE would
// take for a mistake.
func withoutUnused(env *build.Instance, file *ast.File, decls []ast.Decl) []ast.Decl {
	file.Decls = decls
	used := namesIn([]*ast.File{file})
	return slices.DeleteFunc(decls, func(decl ast.Decl) bool {
		imports, ok := decl.(*ast.ImportDecl)
		if !ok {
			return false
		}
		imports.Specs = slices.DeleteFunc(imports.Specs, func(spec *ast.ImportSpec) bool {
			id, err := literal.Unquote(spec.Path.Value)
			if err != nil {
				return false
			}
			name := ast.ParseImportPath(id).Qualifier
			if imported := env.LookupImport(id); imported != nil {
				name = imported.PkgName
			}
			if spec.Name != nil {
				name = spec.Name.Name
			}
			return !used[name]
		})
		return len(imports.Specs) == 0
	})
}

// leaveOut returns the declarations of an environment without its releases and
// waivers.
func (in *inherited) leaveOut(decls []ast.Decl, named map[string]bool) []ast.Decl {
	if named["releases"] || named["waivers"] || named["self"] {
		return decls
	}
	return slices.DeleteFunc(decls, func(decl ast.Decl) bool {
		switch d := decl.(type) {
		case *ast.EmbedDecl:
			and, ok := d.Expr.(*ast.BinaryExpr)
			for ok && and.Op == token.AND {
				if lit, isStruct := and.Y.(*ast.StructLit); isStruct {
					lit.Elts = in.leaveOut(lit.Elts, named)
				}
				and, ok = and.X.(*ast.BinaryExpr)
			}
		case *ast.Field:
			name, plain := plainField(d)
			if !plain {
				return false
			}
			if name == "waivers" {
				in.left[name] = true
				return true
			}
			lit, isStruct := d.Value.(*ast.StructLit)
			if name != "releases" || !isStruct {
				return false
			}
			lit.Elts = slices.DeleteFunc(lit.Elts, func(elt ast.Decl) bool {
				field, ok := elt.(*ast.Field)
				if !ok {
					return false
				}
				release, plain := plainField(field)
				if !plain || named[release] {
					return false
				}
				in.left[release] = true
				return true
			})
			return len(lit.Elts) == 0
		}
		return false
	})
}

// plainField returns the name of a field that has one, and nothing more: no alias,
// no condition, no other name to refer to it by.
func plainField(field *ast.Field) (name string, plain bool) {
	switch field.Label.(type) {
	case *ast.Ident, *ast.BasicLit:
	default:
		return "", false
	}
	if field.Alias != nil || field.Constraint != token.ILLEGAL {
		return "", false
	}
	if _, aliased := field.Value.(*ast.Alias); aliased {
		return "", false
	}
	name, _, err := ast.LabelName(field.Label)
	return name, err == nil
}

// namesIn returns every name that the files refer to something by.
func namesIn(files []*ast.File) map[string]bool {
	names := map[string]bool{}
	for _, file := range files {
		var walk func(n ast.Node) bool
		walk = func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field:
				// The label of a field is no reference, unless it is computed.
				if _, ok := n.Label.(*ast.Ident); !ok {
					ast.Walk(n.Label, walk, nil)
				}
				ast.Walk(n.Value, walk, nil)
				return false
			case *ast.SelectorExpr:
				ast.Walk(n.X, walk, nil)
				return false
			case *ast.Package, *ast.ImportDecl:
				return false
			case *ast.Ident:
				names[n.Name] = true
			}
			return true
		}
		ast.Walk(file, walk, nil)
	}
	return names
}

// inheriting returns the package of a team's folder with what it takes from the
// environment in place of the environment's files, or the package itself if its
// files name something that would be missing.
func (in *inherited) inheriting(team *build.Instance, own []*ast.File) *build.Instance {
	for name := range namesIn(own) {
		if in.left[name] || name == "releases" || name == "waivers" || name == "self" {
			return team
		}
	}
	inst := build.NewContext().NewInstance(team.Dir, func(_ token.Pos, path string) *build.Instance {
		return team.LookupImport(path)
	})
	inst.ImportPath, inst.PkgName, inst.Root, inst.Module = team.ImportPath, team.PkgName, team.Root, team.Module
	inst.ModuleFile, inst.CanonicalImportPath = team.ModuleFile, team.CanonicalImportPath
	for _, file := range slices.Concat(in.files, own) {
		_ = inst.AddSyntax(file) // What is wrong stays with the instance.
	}
	_ = inst.Complete()
	return inst
}
