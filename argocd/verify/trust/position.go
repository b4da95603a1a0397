package trust

import (
	"io/fs"
	"path"
	"strings"

	"gitlab.com/towpath/towpath/argocd/verify/bootstrap"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/finding"
)

// whole is the position of a file as a whole.
func whole(file string) finding.Position { return finding.Position{File: file} }

// position returns the place of a key in an AppProject, or of the file that
// should hold it.
func (c *check) position(project string, way ...any) finding.Position {
	if d := c.project(project); d != nil {
		return d.at(way...)
	}
	return whole(delivery.ProjectsDir + "/" + project + ".yaml")
}

// setting returns the place in bootstrap's own files where text is written.
// Settings of Argo CD are put together from several files, of which kustomize
// tells no positions.
func (c *check) setting(text string) finding.Position {
	at := whole(bootstrap.Kustomization)
	if text == "" {
		return at
	}
	// An error leaves the position at bootstrap itself: read has reported it.
	_ = fs.WalkDir(c.Repo, bootstrap.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if ext := path.Ext(name); ext != ".yaml" && ext != ".csv" {
			return nil
		}
		data, err := fs.ReadFile(c.Repo, name)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(data), "\n") {
			if column := strings.Index(line, text); column >= 0 && !strings.HasPrefix(strings.TrimSpace(line), "#") {
				at = finding.Position{File: name, Line: i + 1, Column: column + 1}
				return fs.SkipAll
			}
		}
		return nil
	})
	return at
}
