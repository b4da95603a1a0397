package cli

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/edit"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/output"
	"gitlab.com/towpath/towpath/gen/produce"
)

// The files of an environment that values are added to: images to one, so that
// what pipelines write stands apart from what people do, and all others to the
// other.
const (
	releaseFile = "release.cue"
	valuesFile  = "env.cue"
)

// setting is a value of a release that is to be set.
type setting struct {
	release string
	// team is the one whose folder has the release, or "".
	team string
	// path is below the release's values.
	path  []string
	value any
	// file is the one that a value which is nowhere yet is added to, if it is there.
	file string
}

// full returns the path in the environment.
func (s setting) full() []string { return append([]string{"releases", s.release, "values"}, s.path...) }

// drafted is an environment as an edit would leave it, in memory.
type drafted struct {
	env *environment.Environment
	// repo is the whole state of the repository.
	repo edit.Overlay
	// changes are the files that differ from the base, ordered by path.
	changes []output.Change
}

// paths returns the paths of the files that change.
func (d *drafted) paths() []string {
	var paths []string
	for _, c := range d.changes {
		paths = append(paths, c.Path)
	}
	return paths
}

// draft edits an environment and renders it. What the contract says against the
// result is printed, and nothing has been written.
func (a *app) draft(base fs.FS, env string, settings []setting) (*drafted, error) {
	edited, err := editEnvironment(base, env, settings)
	if err != nil {
		return nil, a.printFindings(base, err)
	}
	d := &drafted{repo: edit.Overlay{Base: base, Files: edited}}
	set, err := environment.Load(d.repo, []string{env})
	if err != nil {
		return nil, a.printFindings(d.repo, err)
	}
	d.env = set.Environments[0]
	files, err := produce.Environment(d.env)
	if err != nil {
		return nil, a.printFindings(d.repo, err)
	}
	for name, content := range edited {
		files = append(files, produce.File{Path: name, Content: content, Environment: env})
	}
	leftovers, err := produce.Leftovers(base, files, []string{env}, false)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		change, err := output.Compare(base, file.Path, file.Content)
		if err != nil {
			return nil, err
		}
		if change.State != output.Unchanged {
			change.Whole = isWhole(file.Path, env)
			d.changes = append(d.changes, change)
		}
		d.repo.Files[file.Path] = file.Content
	}
	for _, name := range leftovers {
		d.changes = append(d.changes, output.Change{Path: name, State: output.Removed, Whole: isWhole(name, env)})
		d.repo.Files[name] = nil
	}
	slices.SortFunc(d.changes, func(x, y output.Change) int { return strings.Compare(x.Path, y.Path) })
	return d, nil
}

// editEnvironment returns the CUE files of an environment that the settings change.
func editEnvironment(repo fs.FS, env string, settings []setting) (map[string][]byte, error) {
	texts, edited := map[string][]byte{}, map[string][]byte{}
	var findings finding.List
	for _, s := range settings {
		names, err := fs.Glob(repo, path.Join(environment.Dir, env, s.team, "*.cue"))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if _, read := texts[name]; read {
				continue
			}
			if texts[name], err = fs.ReadFile(repo, name); err != nil {
				return nil, err
			}
		}
		files, err := s.files(names, texts)
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			text, err := edit.Set(name, texts[name], s.full(), s.value)
			found, rest := finding.From(err)
			if rest != nil {
				return nil, rest
			}
			findings = append(findings, found...)
			if len(found) == 0 {
				texts[name], edited[name] = text, text
			}
		}
	}
	for i := range findings {
		findings[i].Environment = env
	}
	return edited, findings.Sort().Err()
}

// files returns the files to set a value in: those that have it, or else the one
// that says most about what is around it.
func (s setting) files(names []string, texts map[string][]byte) ([]string, error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("the environment has no CUE files")
	}
	full := s.full()
	for n := len(full); n > 0; n-- {
		var have []string
		for _, name := range names {
			has, err := edit.Has(name, texts[name], full[:n])
			if err != nil {
				return nil, err
			}
			if has {
				have = append(have, name)
			}
		}
		if n == len(full) && len(have) > 0 {
			return have, nil
		}
		if i := slices.IndexFunc(have, func(name string) bool { return path.Base(name) == s.file }); i >= 0 {
			return have[i : i+1], nil
		}
		if len(have) > 0 {
			return have[:1], nil
		}
	}
	if i := slices.IndexFunc(names, func(name string) bool { return path.Base(name) == s.file }); i >= 0 {
		return names[i : i+1], nil
	}
	return names[:1], nil
}

// printFindings prints the findings in an error with lines of the state that they
// were found in.
func (a *app) printFindings(repo fs.FS, err error) error {
	findings, rest := finding.From(err)
	if rest != nil {
		return rest
	}
	findings = findings.Sort()
	if err := finding.Text(a.Err, repo, findings, a.colour(a.ErrTerminal)); err != nil {
		return err
	}
	return errReported{codeOf(findings)}
}

// refuse says why a command is against the rules of delivery.
func (a *app) refuse(format string, args ...any) error {
	fmt.Fprintf(a.Err, "gen: "+format+"\n", args...)
	return errReported{exitPolicy}
}

// forced are the two options that override a rule of delivery.
type forced struct {
	force  bool
	reason string
}

// check reports options that do not go together. The reason becomes one line.
func (f *forced) check() error {
	f.reason = strings.Join(strings.Fields(f.reason), " ")
	switch {
	case f.force && f.reason == "":
		return fmt.Errorf("--force needs a reason, which the commit keeps: add --reason TEXT")
	case !f.force && f.reason != "":
		return fmt.Errorf("--reason is for --force")
	}
	return nil
}
