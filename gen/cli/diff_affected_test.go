package cli_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gitlab.com/towpath/towpath/gen/affected"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/render"
)

// TestAffectedIsNeverTooSmall changes each file of the repository: a release whose
// objects come out different has to be among those that the change can touch.
func TestAffectedIsNeverTooSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("it renders everything for each file of the repository")
	}
	t.Parallel()
	files, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	repo := fstest.MapFS{}
	for name, data := range files {
		repo[name] = &fstest.MapFile{Data: data, Mode: 0o644}
	}
	// A package that only one environment imports, and one that is only there.
	repo["envs/shared/shared.cue"] = &fstest.MapFile{Data: []byte("package shared\n\nlevel: \"debug\"\n")}
	repo["envs/unused/unused.txt"] = &fstest.MapFile{Data: []byte("nothing\n")}
	repo["envs/dev/shared.cue"] = &fstest.MapFile{Data: []byte(`package dev

import (
	"gitlab.com/towpath/towpath/envs/contract"
	"gitlab.com/towpath/towpath/envs/shared"
)

contract.#Environment & {
	releases: service: values: config: logLevel: shared.level
}
`)}
	before := renderAll(t, repo)
	if len(before.objects) == 0 {
		t.Fatal("nothing is rendered")
	}
	altered := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(repo)) {
		if strings.HasPrefix(name, "argocd/") || strings.HasSuffix(name, "values.schema.json") && strings.Contains(name, "postgres") {
			continue // Neither is read to render.
		}
		was := repo[name]
		for _, content := range [][]byte{nil, changedFile(name, was.Data)} {
			delete(repo, name)
			if content != nil {
				repo[name] = &fstest.MapFile{Data: content, Mode: 0o644}
			}
			var after rendered
			if strings.HasPrefix(name, "charts/") {
				after = rendered{before.state, renderEach(t, repo, before.state.Environments)}
			} else {
				after = renderAll(t, repo)
			}
			touched := map[string]bool{}
			for _, env := range affected.By([]string{name}, before.state, after.state) {
				for _, release := range env.Releases {
					touched[env.Name+"/"+release] = true
				}
			}
			for release, text := range before.objects {
				if after.objects[release] == text {
					continue
				}
				altered[name] = true
				if !touched[release] {
					t.Errorf("%s alters %s, which is not among %v", name, release, slices.Sorted(maps.Keys(touched)))
				}
			}
			repo[name] = was
		}
	}
	for _, name := range []string{
		"envs/contract/service.cue", "envs/prod/env.cue", "envs/stage/release.cue", "charts/service/templates/deployment.yaml",
		"charts/service/Chart.yaml", "envs/cue.mod/module.cue", "envs/shared/shared.cue",
	} {
		if !altered[name] {
			t.Errorf("no change of %s altered anything", name)
		}
	}
	for _, name := range []string{"envs/policy/logging.cue", "envs/prod/values/service.yaml", "envs/unused/unused.txt"} {
		if touched := affected.By([]string{name}, before.state); len(touched) > 0 {
			t.Errorf("%s touches %v", name, touched)
		}
	}
	if touched := affected.By([]string{"envs/shared/shared.cue"}, before.state); fmt.Sprint(touched) != "[{dev [service]}]" {
		t.Errorf("what dev imports touches %v", touched)
	}
}

// changedFile returns a file with something else in it that still parses, mostly.
func changedFile(name string, data []byte) []byte {
	switch {
	case strings.HasSuffix(name, ".cue"):
		for _, swap := range [][2]string{{`"info"`, `"warn"`}, {`"debug"`, `"info"`}, {"5", "6"}, {"0", "1"}} {
			if bytes.Contains(data, []byte(swap[0])) {
				return bytes.Replace(data, []byte(swap[0]), []byte(swap[1]), 1)
			}
		}
		return append(bytes.Clone(data), "\n_changed: true\n"...)
	case strings.HasSuffix(name, "values.yaml"):
		return append(bytes.Clone(data), "\nchanged: true\n"...)
	}
	return append(bytes.Clone(data), "\n# changed {{ .Release.Name }}\n"...)
}

// rendered is one state with the text of each release's objects, or of what is
// wrong with it.
type rendered struct {
	state   affected.State
	objects map[string]string
}

func renderAll(t *testing.T, repo fs.FS) rendered {
	t.Helper()
	out := rendered{}
	names, err := environment.Names(repo)
	if err != nil {
		t.Fatal(err)
	}
	set, _ := environment.Load(repo, names) // An environment that is invalid is one less.
	if set == nil {
		return out
	}
	if out.state, err = affected.Load(repo, set.Environments); err != nil {
		t.Fatal(err)
	}
	out.objects = renderEach(t, repo, set.Environments)
	return out
}

func renderEach(t *testing.T, repo fs.FS, envs []*environment.Environment) map[string]string {
	t.Helper()
	objects := map[string]string{}
	renderer := render.New(repo)
	for _, env := range envs {
		for _, release := range env.Releases {
			list, err := renderer.Release(env, release)
			text, marshalErr := manifest.Marshal(list)
			if marshalErr != nil {
				t.Fatal(marshalErr)
			}
			objects[env.Name+"/"+release.Name] = fmt.Sprint(string(text), err)
		}
	}
	return objects
}
