package cli

import (
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"gitlab.com/towpath/towpath/gen/affected"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/revision"
)

// narrows reports whether folders that can't differ may be left out: not where another
// gen renders them.
func (o diffOptions) narrows() bool { return o.fromTool == "" }

// changedFiles returns the files that differ between the states, of those that
// environments are made from.
func (p *pair) changedFiles() ([]string, error) {
	if p.changed == nil {
		changed, err := revision.Changed(p.from.repo, p.to.repo, affected.Dirs...)
		if err != nil {
			return nil, fmt.Errorf("comparing the files of %s and %s: %w", p.from.describe(), p.to.describe(), err)
		}
		p.changed = append([]string{}, changed...) // Not nil, so that it is known.
	}
	return p.changed, nil
}

// narrow leaves folders of teams out that no changed file can touch on either side, so
// that a change in one folder costs what that folder does, however many there are.
func (p *pair) narrow() error {
	sides := [2]*side{p.from, p.to}
	var folders [2][]environment.Folder
	var group errgroup.Group
	for i, s := range sides {
		group.Go(func() (err error) {
			if folders[i], err = environment.Folders(s.repo, s.names); err != nil {
				return fmt.Errorf("%s: %w", s.describe(), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if len(folders[0])+len(folders[1]) == len(p.from.names)+len(p.to.names) {
		return nil // There are no folders of teams.
	}
	changed, err := p.changedFiles()
	if err != nil {
		return err
	}
	some, err := affected.Folders(changed, affected.Side{Repo: p.from.repo, Folders: folders[0]}, affected.Side{Repo: p.to.repo, Folders: folders[1]})
	if err != nil {
		return fmt.Errorf("reading the imports of %s and %s: %w", p.from.describe(), p.to.describe(), err)
	}
	touched := map[environment.Folder]bool{}
	for _, f := range slices.Concat(some[0], some[1]) {
		touched[f] = true
	}
	for i, s := range sides {
		all := len(folders[i])
		s.folders = slices.DeleteFunc(folders[i], func(f environment.Folder) bool { return f.Team != "" && !touched[f] })
		if p.untouched = all - len(s.folders); p.untouched == 0 {
			s.folders = nil // It is loaded as a whole.
		}
	}
	return nil
}
