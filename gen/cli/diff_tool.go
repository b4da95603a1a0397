package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/revision"
	"gitlab.com/towpath/towpath/gen/tool"
)

// ownTool is what --from-tool takes for the gen of each state before.
const ownTool = "own"

// otherTool is a gen that renders the state before in place of this one.
type otherTool struct {
	// name is what people call it.
	name    string
	program tool.Program
}

// otherTool returns the gen that --from-tool names, to render the state before of a
// pair: a program, or a revision that it is built from.
func (a *app) otherTool(o diffOptions, git *revision.Repository, p *pair, progress *progress) (*otherTool, error) {
	ctx := context.Background()
	if file, ok := a.programFile(o.fromTool); ok {
		return &otherTool{o.fromTool, tool.Program{Path: file}}, nil
	}
	sources, ok := p.from.repo.(*revision.FS)
	name := "gen of " + p.from.describe()
	if o.fromTool != ownTool {
		var err error
		if sources, err = git.Resolve(o.fromTool); err != nil {
			return nil, fmt.Errorf("--from-tool: %w (a program is named with its folder, such as ./%s)", err, filepath.Base(o.fromTool))
		}
		name = "gen of " + (&side{state: diff.State{Name: o.fromTool, Commit: sources.Commit}}).describe()
	} else if !ok {
		return nil, errors.New("--from-tool own is the gen of the commit before, and the state before is no commit; name a revision or a program")
	}
	cache, err := tool.UserCache()
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, source := range tool.Sources {
		id, err := sources.ID(source)
		if err != nil {
			return nil, fmt.Errorf("--from-tool: building %s: %w", name, err)
		}
		ids = append(ids, id)
	}
	program, err := cache.Build(ctx, sources, strings.Join(ids, "\n"), func() { progress.phase("building " + name) })
	if err != nil {
		return nil, fmt.Errorf("--from-tool: building %s: %w", name, err)
	}
	return &otherTool{name, program}, nil
}

// programFile returns the path of a program that a text names, as a shell would take
// it: a name without a folder is none.
func (a *app) programFile(text string) (string, bool) {
	if !strings.ContainsRune(filepath.ToSlash(text), '/') {
		return "", false
	}
	file := text
	if !filepath.IsAbs(file) {
		file = filepath.Join(a.Dir, file)
	}
	info, err := os.Stat(file)
	return file, err == nil && info.Mode().IsRegular()
}

// renderFrom renders the state before with another gen, from a copy of its files.
// What this one rendered of it stays beside that.
func (p *pair) renderFrom(other *otherTool) error {
	if len(p.from.names) == 0 {
		return nil
	}
	dir, err := os.MkdirTemp("", "gen-from-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	repository, out := filepath.Join(dir, "repository"), filepath.Join(dir, "objects")
	if err := p.copyFrom(repository); err != nil {
		return fmt.Errorf("copying %s: %w", p.from.describe(), err)
	}
	if err := other.program.Render(context.Background(), repository, out, p.from.names); err != nil {
		return fmt.Errorf("%s, on %s: %w", other.name, p.from.describe(), err)
	}
	p.from.tool, p.from.again = other.name, p.from.objects
	p.from.objects = map[string]map[string][]manifest.Object{}
	for _, env := range p.from.envs {
		p.from.objects[env.Name] = map[string][]manifest.Object{}
		for _, release := range env.Releases {
			name := filepath.Join(env.Name, release.Name+".yaml")
			text, err := os.ReadFile(filepath.Join(out, name))
			if errors.Is(err, os.ErrNotExist) {
				continue // It knows no such release.
			} else if err != nil {
				return err
			}
			if p.from.objects[env.Name][release.Name], err = manifest.Unmarshal(text); err != nil {
				return fmt.Errorf("reading what %s rendered to %s: %w", other.name, filepath.ToSlash(name), err)
			}
		}
	}
	return nil
}

// copyFrom writes the files that the state before is rendered from to a folder.
func (p *pair) copyFrom(dir string) error {
	for _, name := range []string{environment.Dir, chart.Dir} {
		sub, err := fs.Sub(p.from.repo, name)
		if err != nil {
			return err
		}
		if err := os.CopyFS(filepath.Join(dir, name), sub); err != nil {
			return err
		}
	}
	// The approval record that the other side has; see shareApproval.
	for env, record := range p.approvals {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(env.ApprovalFile())), record, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// tools returns the versions that the two states of a pair were produced with. What
// is in the working tree, this gen is about to produce.
func (a *app) tools(p *pair, other *otherTool) (changes []tool.Change, err error) {
	if p.oneState {
		return nil, nil
	}
	var versions [2]tool.List
	for i, s := range []*side{p.from, p.to} {
		switch {
		case other != nil && s == p.from:
			versions[i], err = other.program.Versions(context.Background())
		case other != nil || s.state.Commit == "":
			versions[i] = a.Tools()
		default:
			versions[i], err = tool.Read(s.repo)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.describe(), err)
		}
	}
	return tool.Changes(versions[0], versions[1]), nil
}
