// Package produce lists every file that gen produces and people commit: the
// values of each release, what Argo CD reads about an environment, and what the
// contract says to Helm about a chart.
package produce

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/schema"
	"gitlab.com/towpath/towpath/gen/tool"
	"gitlab.com/towpath/towpath/gen/values"
)

// File is a produced file.
type File struct {
	// Path is relative to the repository's root, with forward slashes.
	Path    string
	Content []byte
	// Environment is the one that the file belongs to, or "" if it belongs to
	// all of them.
	Environment string
}

// Environment returns the files of one environment, ordered by path.
func Environment(env *environment.Environment) ([]File, error) {
	files, err := AllValues(env)
	if err != nil {
		return nil, err
	}
	return sorted(append(files, Delivery(env)...)), nil
}

// AllValues returns the files with the values of an environment's releases.
func AllValues(env *environment.Environment) ([]File, error) {
	var files []File
	for _, release := range env.Releases {
		content, err := values.Encode(env, release)
		if err != nil {
			return nil, err
		}
		files = append(files, Values(env, release, content))
	}
	return files, nil
}

// Values returns the file with the values of a release.
func Values(env *environment.Environment, release environment.Release, content []byte) File {
	return File{env.ValuesFile(release.Name), content, env.Name}
}

// Delivery returns the files of one environment but those with values, ordered by path.
// They depend on no value, so the releases need none.
func Delivery(env *environment.Environment) []File {
	var files []File
	for _, file := range delivery.Environment(env) {
		files = append(files, File{file.Path, file.Content, env.Name})
	}
	return sorted(files)
}

// Shared returns the files that belong to no single environment, ordered by
// path. all must be every environment of the repository; if some of them can't
// be loaded, it is nil, and the files that list environments are left out.
func Shared(repo fs.FS, all []*environment.Environment) ([]File, error) {
	inst, err := environment.LoadContract(repo)
	if err != nil {
		return nil, err
	}
	contract, err := schema.NewContract(inst)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, name := range contract.Charts() {
		dir := path.Join(chart.Dir, name)
		document, err := contract.JSON(name)
		if err != nil {
			return nil, err
		}
		defaults, err := contract.Defaults(name)
		if err != nil {
			return nil, err
		}
		files = append(files,
			File{Path: dir + "/values.schema.json", Content: document},
			File{Path: dir + "/values.yaml", Content: append([]byte(values.Header("envs/contract")), defaults...)})
		readme, err := fs.ReadFile(repo, dir+"/README.md")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		if readme, err = contract.Readme(name, readme); err != nil {
			return nil, err
		}
		files = append(files, File{Path: dir + "/README.md", Content: readme})
	}
	if all != nil {
		for _, file := range delivery.Shared(all) {
			files = append(files, File{Path: file.Path, Content: file.Content})
		}
	}
	return sorted(files), nil
}

// Lock returns the lock of the tools that produce the files.
func Lock(tools tool.List) File { return File{Path: tool.LockFile, Content: tools.Lock()} }

// Leftovers returns the paths of committed files that gen produced once and
// produces no longer, ordered. Only those of the named environments, of
// environments that are gone, and, if shared is true, of all environments
// together are looked at.
func Leftovers(repo fs.FS, produced []File, environments []string, shared bool) ([]string, error) {
	wanted := map[string]bool{}
	for _, file := range produced {
		wanted[file.Path] = true
	}
	existing, err := environment.Names(repo)
	if err != nil {
		return nil, err
	}
	var leftovers []string
	for _, root := range []string{environment.Dir, delivery.Dir} {
		err := fs.WalkDir(repo, root, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			if d.IsDir() || wanted[name] || path.Ext(name) == ".cue" {
				return nil
			}
			data, err := fs.ReadFile(repo, name)
			if err != nil {
				return err
			}
			source, ok := producedFrom(data)
			if !ok {
				return nil
			}
			// The source is the environment's folder, or that of a team in it.
			env, _, _ := strings.Cut(strings.TrimPrefix(source, environment.Dir+"/"), "/")
			switch {
			case source == environment.Dir:
				ok = shared
			case slices.Contains(existing, env):
				ok = slices.Contains(environments, env)
			}
			if ok {
				leftovers = append(leftovers, name)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("looking for files that are no longer produced: %w", err)
		}
	}
	slices.Sort(leftovers)
	return leftovers, nil
}

// producedFrom returns the source in the first line of a produced file.
func producedFrom(data []byte) (source string, ok bool) {
	before, after, _ := strings.Cut(values.Header("\x00"), "\x00")
	line, _, _ := bytes.Cut(data, []byte("\n"))
	text, ok := strings.CutPrefix(string(line)+"\n", before)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(text, after)
}

func sorted(files []File) []File {
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files
}
