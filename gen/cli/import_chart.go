package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/edit"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/intake"
	"gitlab.com/towpath/towpath/gen/output"
)

// validRelease is the contract's #ReleaseName.
var validRelease = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,51}[a-z0-9])?$`)

// chartFolders returns the charts of the repository, as charts/NAME.
func chartFolders(repo fs.FS) []string {
	files, err := fs.Glob(repo, path.Join(chart.Dir, "*", "Chart.yaml"))
	if err != nil {
		return nil
	}
	var folders []string
	for _, file := range files {
		folders = append(folders, path.Dir(file))
	}
	return folders
}

// path returns where a file is that an argument names, which is relative to the
// folder that the command runs in.
func (in *taking) path(arg string) string {
	if filepath.IsAbs(arg) {
		return filepath.Clean(arg)
	}
	dir := in.Dir
	if in.directory != "" {
		dir = in.directory
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(in.Dir, dir)
		}
	}
	return filepath.Join(dir, filepath.FromSlash(arg))
}

// inRepository returns a path relative to the repository's root, if it is in there.
func (in *taking) inRepository(name string) (string, bool) {
	rel, err := filepath.Rel(in.root, name)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// findChart loads the chart. One that is not under charts/ will be copied there, and
// is there already in in.repo.
func (in *taking) findChart(arg string) error {
	name, files, err := in.chartAt(arg)
	if err != nil {
		return err
	}
	in.chartFiles = files
	in.repo = edit.Overlay{Base: in.base, Files: map[string][]byte{}}
	for _, f := range files {
		in.repo.Files[f.Path] = f.Content
	}
	if files != nil {
		if err := in.dropOld(name); err != nil {
			return err
		}
	}
	if in.chart, err = chart.Load(in.repo, name); err != nil {
		if findings, rest := finding.From(err); rest == nil && files != nil {
			for i := range findings {
				findings[i].Help = strings.ReplaceAll(findings[i].Help, path.Join(chart.Dir, name), arg)
			}
			err = findings
		}
		return stateError{in.repo, err}.print(in.app)
	}
	in.release = in.options.release
	if in.release == "" {
		in.release = strings.ToLower(name)
	}
	if !validRelease.MatchString(in.release) {
		return fmt.Errorf("a release can't be called %q: it can have small letters, digits and dashes, starts with a letter, and has at most 53 characters; name another with --release", in.release)
	}
	return nil
}

// dropOld takes out of in.repo what charts/NAME has from before, and the chart that is
// copied there has no more. The template that an import added stays.
func (in *taking) dropOld(name string) error {
	dir := path.Join(chart.Dir, name)
	added, _ := intake.ApprovalTemplate(name, nil)
	err := fs.WalkDir(in.base, dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || in.repo.Files[file] != nil || output.IsRemains(file) {
			return err
		}
		text, err := fs.ReadFile(in.base, file)
		if err == nil && !bytes.Equal(text, added.Content) {
			in.repo.Files[file] = nil
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // The chart is new.
	}
	return err
}

// chartAt returns the name of a chart, and its files if it is to be copied.
func (in *taking) chartAt(arg string) (name string, files []environment.File, err error) {
	at := in.path(arg)
	in.chartDir = at
	info, err := os.Stat(at)
	if err != nil {
		// A name of one under charts/.
		inside := filepath.Join(in.root, chart.Dir, filepath.FromSlash(arg))
		if _, inner := os.Stat(filepath.Join(inside, "Chart.yaml")); inner == nil && filepath.Dir(inside) == filepath.Join(in.root, chart.Dir) {
			in.chartDir = inside
			return arg, nil, nil
		}
		return "", nil, fmt.Errorf("the chart %s: there is no such folder or packed chart; those here are %s", arg, strings.Join(chartFolders(in.base), ", "))
	}
	if rel, ok := in.inRepository(at); ok && info.IsDir() && path.Dir(rel) == chart.Dir {
		return path.Base(rel), nil, nil
	}
	var found map[string][]byte
	if info.IsDir() {
		found, err = chartFolder(at)
	} else {
		found, err = packedChart(at)
	}
	if err != nil {
		return "", nil, fmt.Errorf("the chart %s: %w", arg, err)
	}
	var metadata struct{ Name string }
	if err := yaml.Unmarshal(found["Chart.yaml"], &metadata); err != nil {
		return "", nil, fmt.Errorf("the chart %s: its Chart.yaml is no YAML: %s; see helm lint %s", arg, strings.TrimPrefix(err.Error(), "error converting YAML to JSON: yaml: "), arg)
	}
	if !validChart.MatchString(metadata.Name) {
		return "", nil, fmt.Errorf("the chart %s: its Chart.yaml names it %q, which no folder of charts can be called: letters, digits, dots, dashes, and a letter or digit first", arg, metadata.Name)
	}
	var names []string
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		files = append(files, environment.File{Path: path.Join(chart.Dir, metadata.Name, name), Content: found[name]})
	}
	return metadata.Name, files, nil
}

var validChart = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// chartFolder returns the files of a folder with a chart, by their path in it.
func chartFolder(dir string) (map[string][]byte, error) {
	if _, err := os.Stat(filepath.Join(dir, "Chart.yaml")); err != nil {
		below, _ := filepath.Glob(filepath.Join(dir, "*", "Chart.yaml")) // The pattern is a good one.
		if len(below) > 0 {
			return nil, fmt.Errorf("the folder has no Chart.yaml; %s below it has one: name that", filepath.Base(filepath.Dir(below[0])))
		}
		return nil, errors.New("the folder has no Chart.yaml; name the one that has")
	}
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == ".git" {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is no plain file; put there what it leads to", name)
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(rel)], err = os.ReadFile(name)
		return err
	})
	return files, err
}

// packedChart returns the files of a chart that helm package has made.
func packedChart(name string) (map[string][]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	buffered, err := loader.LoadArchiveFiles(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("it is no packed chart: %w; pack it with helm package, or name its folder", err)
	}
	files := map[string][]byte{}
	for _, f := range buffered {
		files[f.Name] = f.Data
	}
	if files["Chart.yaml"] == nil {
		return nil, errors.New("the archive has no Chart.yaml in its folder; pack the chart with helm package, or name its folder")
	}
	return files, nil
}
