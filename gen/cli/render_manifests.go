package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"gitlab.com/towpath/towpath/gen/ahead"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/fleet"
	"gitlab.com/towpath/towpath/gen/kept"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/output"
)

// renderManifests prints the objects of the environments.
func (a *app) renderManifests(o renderOptions, names []string) error {
	options := fleet.Options{
		Jobs:   o.jobs,
		Format: o.format,
		Encode: func(objects []manifest.Object) ([]byte, error) { return encodeObjects(objects, o.format) },
	}
	var repo fs.FS
	if k := a.openKept(o.noCache); k != nil {
		repo, options.Kept, options.Load = k.Repo, k.Results, k.Load
	} else {
		repo = kept.NewSnapshot(a.repoFS())
		options.Load = a.loadAhead(repo, names)
	}
	progress := a.newProgress()
	options.Progress = progress.folders()
	if o.timings != "" {
		options.Timings = &fleet.Timings{}
	}
	out := bufio.NewWriterSize(a.outBelow(progress), 1<<16)
	write := func(text fleet.Text) error {
		_, err := out.Write(text.Text)
		return err
	}
	if o.outputDir != "" {
		dir := o.outputDir
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(a.Dir, dir)
		}
		write = func(text fleet.Text) error {
			change, err := output.Compare(os.DirFS(dir), path.Join(text.Environment, text.Release+"."+o.format), text.Text)
			if err != nil {
				return err
			}
			if err := output.Apply(dir, []output.Change{change}); err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "%-9s  %s\n", change.State, path.Join(filepath.ToSlash(o.outputDir), change.Path))
			return err
		}
	}
	err := fleet.Render(repo, names, options, write)
	progress.clear()
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return err
	}
	if options.Kept != nil {
		_ = options.Kept.Trim() // What is too old can go the next time.
	}
	return a.printTimings(options.Timings, o.timings)
}

// openKept opens the results of earlier runs, nil if they are not to be used. Without a
// folder for them gen does without.
func (a *app) openKept(noCache bool) *ahead.Kept {
	dir := kept.Dir(a.Getenv)
	if noCache || dir == "" || a.root == "" {
		return nil
	}
	k, err := ahead.OpenKept(a.root, dir)
	if err != nil {
		return nil
	}
	return k
}

// loadAhead returns what package ahead has loaded already, where that is what is asked
// for, and loads folders otherwise.
func (a *app) loadAhead(repo fs.FS, names []string) fleet.Loader {
	every, err := environment.Folders(repo, names)
	if err != nil || len(every) != len(names) {
		return nil // There are folders of teams.
	}
	loader := environment.NewLoader(repo)
	return func(folders []environment.Folder) (map[environment.Folder]*environment.Environment, map[environment.Folder][]string, error) {
		if len(folders) != len(every) {
			return loader.Folders(folders)
		}
		set, err := ahead.Load(a.root, names)
		if err != nil {
			return nil, nil, err
		}
		loaded := map[environment.Folder]*environment.Environment{}
		for _, env := range set.Environments {
			loaded[environment.Folder{Environment: env.Name}] = env
		}
		return loaded, nil, nil
	}
}

// fleetProgress says how far a rendering has got, how fast it goes, and how long it
// may still take.
func fleetProgress(p fleet.Progress, since time.Duration) string {
	text := fmt.Sprintf("%d releases, %d of %d folders", p.Releases, p.Folders, p.Total)
	if since < time.Second || p.Part <= 0 {
		return text
	}
	left := time.Duration(float64(since) * (1 - p.Part) / p.Part)
	return fmt.Sprintf("%s, %.0f a second, %s left", text, float64(p.Releases)/since.Seconds(), left.Round(time.Second))
}

func (a *app) printTimings(timings *fleet.Timings, format string) error {
	if timings == nil {
		return nil
	}
	data, err := json.Marshal(timings)
	if err != nil {
		return err
	}
	if format == "json" {
		_, err = fmt.Fprintf(a.Err, "%s\n", data)
		return err
	}
	_, err = fmt.Fprintf(a.Err, `folders kept      %6d
folders rendered  %6d, %d releases
                  seconds, of all goroutines together
find what is kept %8.3f
load CUE          %8.3f
render            %8.3f
encode            %8.3f
keep              %8.3f
write             %8.3f
in all            %8.3f on the clock
`, timings.Kept, timings.Rendered, timings.Releases, timings.Find, timings.Load, timings.Render, timings.Encode, timings.Keep, timings.Write, timings.Total)
	return err
}

// encodeObjects writes objects as YAML documents, or as one JSON object a line.
func encodeObjects(objects []manifest.Object, format string) ([]byte, error) {
	if format == "yaml" {
		return manifest.Marshal(objects)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	for _, object := range objects {
		if err := encoder.Encode(object.Data); err != nil {
			return nil, fmt.Errorf("writing %s: %w", object, err)
		}
	}
	return text.Bytes(), nil
}
