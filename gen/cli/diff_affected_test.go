package cli_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/affected"
	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/render"
)

// TestAffectedIsNeverTooSmall changes each file of the repository: a release whose
// objects come out different has to be among those that the change can touch.
//
// What can't come out different is not rendered again: a release for which neither a
// file that was read differs, nor a folder that was listed, nor what its chart gets.
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
	before := renderAll(t, repo, nil, nil)
	if len(before.objects) == 0 {
		t.Fatal("nothing is rendered")
	}
	altered := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(repo)) {
		was := repo[name]
		for _, content := range [][]byte{nil, changedFile(name, was.Data)} {
			delete(repo, name)
			if content != nil {
				repo[name] = &fstest.MapFile{Data: content, Mode: 0o644}
			}
			after := renderAll(t, repo, before, &change{name, content == nil})
			touched := map[string]bool{}
			for _, env := range affected.By([]string{name}, before.state, after.state) {
				for _, release := range env.Releases {
					touched[env.Name+"/"+release] = true
				}
			}
			for release, was := range before.objects {
				if after.objects[release].text == was.text {
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

// rendered is one state with what each release renders to.
type rendered struct {
	state   affected.State
	objects map[string]output
	// loaded are the files that were read, and the folders that were listed, to load
	// the environments.
	loaded *seen
}

// output is the text of a release's objects, or of what is wrong with it.
type output struct {
	text    string
	request chart.Release
	// read are the files that were read for it, and the folders that were listed.
	read *seen
}

// renderAll loads and renders a repository. If before is not nil, the two differ in
// one file only, and what does not depend on that is taken from there.
func renderAll(t *testing.T, repo fs.FS, before *rendered, c *change) *rendered {
	t.Helper()
	out := &rendered{objects: map[string]output{}, loaded: &seen{}}
	if before != nil && !c.reaches(before.loaded) {
		out.state, out.loaded = before.state, before.loaded
	} else {
		recorded := recorder{repo, out.loaded}
		names, err := environment.Names(recorded)
		if err != nil {
			t.Fatal(err)
		}
		set, _ := environment.Load(recorded, names) // An environment that is invalid is one less.
		if set == nil {
			return out
		}
		if out.state, err = affected.Load(recorded, set.Environments); err != nil {
			t.Fatal(err)
		}
	}
	for _, env := range out.state.Environments {
		for _, release := range env.Releases {
			name := env.Name + "/" + release.Name
			read := &seen{}
			renderer := render.New(recorder{repo, read})
			request, err := renderer.Request(env, release)
			if err != nil {
				t.Fatal(err)
			}
			if before != nil {
				was, ok := before.objects[name]
				if ok && cmp.Equal(was.request, request) && !c.reaches(was.read) {
					out.objects[name] = was
					continue
				}
			}
			list, err := renderer.Objects(env, release, request)
			text, marshalErr := manifest.Marshal(list)
			if marshalErr != nil {
				t.Fatal(marshalErr)
			}
			out.objects[name] = output{fmt.Sprint(string(text), err), request, read}
		}
	}
	return out
}

// change is a file that has another content, or is gone.
type change struct {
	name string
	gone bool
}

// reaches reports whether a change can make a difference to what has seen these.
func (c *change) reaches(s *seen) bool {
	if s.names[c.name] {
		return true
	}
	// The folder of the last file in it goes as well.
	for dir := path.Dir(c.name); c.gone; dir = path.Dir(dir) {
		if s.names[dir] {
			return true
		}
		if dir == "." {
			break
		}
	}
	return false
}

// seen are names of files and folders.
type seen struct {
	mu    sync.Mutex
	names map[string]bool
}

// recorder notes which files are opened and which folders are listed.
type recorder struct {
	fs.FS
	seen *seen
}

func (r recorder) Open(name string) (fs.File, error) {
	r.seen.mu.Lock()
	defer r.seen.mu.Unlock()
	if r.seen.names == nil {
		r.seen.names = map[string]bool{}
	}
	r.seen.names[path.Clean(name)] = true
	return r.FS.Open(name)
}
