package graders_test

import (
	"os"
	"path/filepath"
	"testing"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/render"
)

const root = "../../.."

// graded is one environment to grade.
type graded struct {
	// name tells environments of the same name apart: live/prod is the one in envs/prod, fixture/prod that of the
	// command line's tests.
	name string
	*environment.Environment
	renderer *render.Renderer
}

// environments returns all that are graded. A fixture stays as it is when somebody changes a value of prod, so that
// each way of the charts is always among them.
func environments(t *testing.T) []graded {
	t.Helper()
	fixtures := t.TempDir()
	for to, from := range map[string]string{
		"charts":          filepath.Join(root, "charts"),
		"envs/contract":   filepath.Join(root, "envs/contract"),
		"envs/cue.mod":    filepath.Join(root, "envs/cue.mod"),
		"envs/dev":        filepath.Join(root, "gen/cli/testdata/envs/dev"),
		"envs/stage":      filepath.Join(root, "gen/cli/testdata/envs/stage"),
		"envs/prod":       filepath.Join(root, "gen/cli/testdata/envs/prod"),
		"envs/everything": "testdata/everything",
	} {
		if err := os.CopyFS(filepath.Join(fixtures, to), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	return append(load(t, "live", root), load(t, "fixture", fixtures)...)
}

// load returns the environments of a repository.
func load(t *testing.T, kind, dir string) (all []graded) {
	t.Helper()
	repo := os.DirFS(dir)
	names, err := environment.Names(repo)
	if err != nil {
		t.Fatal(err)
	}
	set, err := environment.Load(repo, names)
	if err != nil {
		t.Fatal(err)
	}
	renderer := render.New(repo)
	for _, env := range set.Environments {
		all = append(all, graded{kind + "/" + env.Name, env, renderer})
	}
	if len(all) == 0 {
		t.Fatalf("no %s environments", kind)
	}
	return all
}

// request returns what Argo CD tells Helm about a release.
func (g graded) request(t *testing.T, release environment.Release) chart.Release {
	t.Helper()
	request, err := g.renderer.Request(g.Environment, release)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

// objects returns the objects of every release, as gen render prints them.
func (g graded) objects(t *testing.T) []manifest.Object {
	t.Helper()
	var all []manifest.Object
	for _, release := range g.Releases {
		objects, err := g.renderer.Release(g.Environment, release)
		if err != nil {
			t.Fatalf("%s: %s: %v", g.name, release.Name, err)
		}
		all = append(all, objects...)
	}
	return all
}

// text returns objects as YAML.
func text(t *testing.T, objects []manifest.Object) []byte {
	t.Helper()
	yaml, err := manifest.Marshal(objects)
	if err != nil {
		t.Fatal(err)
	}
	return yaml
}
