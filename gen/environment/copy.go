package environment

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
)

// File is a CUE file of an environment.
type File struct {
	// Path is relative to the repository's root.
	Path    string
	Content []byte
}

var validName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)

// takenName matches the names that the contract refuses: see #EnvironmentName.
var takenName = regexp.MustCompile(`^(bootstrap|default|projects|verify)$|-root$`)

// CheckName reports a name that no environment can have.
func CheckName(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("the name %q: it can have small letters, digits and dashes, starts with a letter, and has at most 40 characters", name)
	}
	if slices.Contains(reserved, name) || takenName.MatchString(name) {
		return fmt.Errorf("the name %q: it is taken by a folder or a project that is no environment's", name)
	}
	return nil
}

// CheckTeam reports a name that no team's folder in an environment can have.
func CheckTeam(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("the name %q: it can have small letters, digits and dashes, starts with a letter, and has at most 40 characters", name)
	}
	if name == valuesDir {
		return fmt.Errorf("the name %q: that folder has what is produced, and no team's CUE", name)
	}
	return nil
}

// CopyAs returns the CUE files of an environment, and of its teams, as those of a
// new one: in its folder, with its package, and with its name wherever a text has the old name
// as a word of its own, as in hosts and branches. Everything else stays as it
// is, comments and formatting included.
func CopyAs(repo fs.FS, like, name string) ([]File, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if _, err := fs.Stat(repo, path.Join(Dir, name)); err == nil {
		return nil, fmt.Errorf("the folder %s/%s exists already", Dir, name)
	}
	names, err := fs.Glob(repo, path.Join(Dir, like, "*.cue"))
	if err != nil {
		return nil, err
	}
	teams, _, err := teamFolders(repo, like)
	if err != nil {
		return nil, err
	}
	for _, team := range teams {
		more, err := fs.Glob(repo, path.Join(Dir, like, team, "*.cue"))
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	word := regexp.MustCompile(`\b` + regexp.QuoteMeta(like) + `\b`)
	var files []File
	for _, old := range names {
		data, err := fs.ReadFile(repo, old)
		if err != nil {
			return nil, err
		}
		parsed, err := parser.ParseFile(old, data, parser.ParseComments)
		if err != nil {
			return nil, CUEFindings(err)
		}
		type edit struct {
			from, to int
			text     string
		}
		var edits []edit
		ast.Walk(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Package:
				edits = append(edits, edit{n.Name.Pos().Offset(), n.Name.End().Offset(), packageName(name)})
				return false
			case *ast.ImportDecl:
				return false
			case *ast.BasicLit:
				if n.Kind == token.STRING && word.MatchString(n.Value) {
					edits = append(edits, edit{n.Pos().Offset(), n.End().Offset(), word.ReplaceAllString(n.Value, name)})
				}
			}
			return true
		}, nil)
		slices.SortFunc(edits, func(a, b edit) int { return cmp.Compare(a.from, b.from) })
		var text strings.Builder
		at := 0
		for _, e := range edits {
			text.Write(data[at:e.from])
			text.WriteString(e.text)
			at = e.to
		}
		text.Write(data[at:])
		files = append(files, File{path.Join(Dir, name, strings.TrimPrefix(old, path.Join(Dir, like)+"/")), []byte(text.String())})
	}
	return files, nil
}

// packageName turns an environment's name into an identifier of CUE.
func packageName(name string) string { return strings.ReplaceAll(name, "-", "_") }
