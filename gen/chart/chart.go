// Package chart loads Helm charts from the repository and renders them as Argo
// CD does: with Helm's own engine, the release's name and namespace, the
// Kubernetes version and API list of the environment, CRDs included, and
// nothing read from outside.
package chart

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/Masterminds/semver/v3"
	helm "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/ignore"

	"gitlab.com/towpath/towpath/gen/finding"
)

// Dir is the folder of the charts, relative to the repository's root.
const Dir = "charts"

// Chart is a chart of the repository. It can be rendered from many goroutines.
type Chart struct {
	// Name is the name of the chart's folder.
	Name string

	files map[string][]byte // by path relative to the chart's folder
	helm  *helm.Chart
	// calls are those in its templates that are not hermetic; they are looked for
	// once.
	calls      func() templateCalls
	engine     parsedTemplates
	schemas    schemas
	kubernetes kubernetes
}

// Load reads the chart in the folder charts/NAME. If the chart can't be used,
// the error is a [finding.List].
func Load(repo fs.FS, name string) (*Chart, error) {
	dir := path.Join(Dir, name)
	c := &Chart{Name: name, files: map[string][]byte{}}
	c.calls = sync.OnceValue(c.findAllCalls)
	ignored, err := readIgnore(repo, dir)
	if err != nil {
		return nil, c.broken(path.Join(dir, ignore.HelmIgnore), err)
	}
	if info, err := fs.Lstat(repo, dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, c.broken(dir, linkError(dir))
	}
	var buffered []*loader.BufferedFile
	err = fs.WalkDir(repo, dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || file == dir {
			return err
		}
		rel := strings.TrimPrefix(file, dir+"/")
		info, err := d.Info()
		if err != nil {
			return err
		}
		if ignored.Ignore(rel, info) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		if d.Type()&fs.ModeSymlink != 0 {
			return linkError(file)
		}
		data, err := fs.ReadFile(repo, file)
		if err != nil {
			return err
		}
		data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
		c.files[rel] = data
		buffered = append(buffered, &loader.BufferedFile{Name: rel, Data: data})
		return nil
	})
	if err != nil {
		return nil, c.broken(dir, fmt.Errorf("reading the chart: %w", err))
	}
	c.helm, err = loader.LoadFiles(buffered)
	if err != nil {
		file := "Chart.yaml"
		if m := unreadable.FindStringSubmatch(err.Error()); m != nil {
			file = m[1]
		}
		return nil, c.broken(path.Join(dir, file), err)
	}
	if missing := c.missingDependencies(); len(missing) > 0 {
		return nil, missing
	}
	return c, nil
}

// linkError refuses a symbolic link: Argo CD renders a release again when files
// below the chart's folder change, as delivery tells it to.
func linkError(name string) error {
	return fmt.Errorf("%s is a symbolic link, and a change of what it leads to would go unseen; put that itself there", name)
}

// readIgnore returns the patterns of files that are no part of the chart.
func readIgnore(repo fs.FS, dir string) (*ignore.Rules, error) {
	rules := ignore.Empty()
	data, err := fs.ReadFile(repo, path.Join(dir, ignore.HelmIgnore))
	if err == nil {
		rules, err = ignore.Parse(bytes.NewReader(data))
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	rules.AddDefaults()
	return rules, err
}

// Path returns the chart's folder, relative to the repository's root.
func (c *Chart) Path() string { return path.Join(Dir, c.Name) }

// Metadata returns the chart's Chart.yaml.
func (c *Chart) Metadata() *helm.Metadata { return c.helm.Metadata }

// unreadable finds the file that Helm could not read in its message.
var unreadable = regexp.MustCompile(`^cannot load ([A-Za-z]+\.(?:yaml|lock))`)

var yamlLine = regexp.MustCompile(`line (\d+)`)

// broken reports that the chart can't be loaded.
func (c *Chart) broken(file string, err error) finding.List {
	f := finding.Finding{
		Rule:     "chart-broken",
		Severity: finding.Error,
		Position: finding.Position{File: file},
		Message:  fmt.Sprintf("chart %s can't be loaded: %v", c.Name, err),
		Help:     "see helm lint " + path.Join(Dir, c.Name),
	}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		f.Line, _ = strconv.Atoi(m[1])
	}
	return finding.List{f}
}

// missingDependencies reports dependencies that are declared and not vendored,
// or vendored in another version.
func (c *Chart) missingDependencies() finding.List {
	var findings finding.List
	for _, dep := range c.helm.Metadata.Dependencies {
		vendored := slices.IndexFunc(c.helm.Dependencies(), func(sub *helm.Chart) bool { return sub.Name() == dep.Name })
		f := finding.Finding{
			Rule:     "chart-dependency",
			Severity: finding.Error,
			Position: c.find("Chart.yaml", "name: "+dep.Name),
			Help:     fmt.Sprintf("run helm dependency update %s and commit %s/charts", c.Path(), c.Path()),
		}
		if vendored < 0 {
			f.Message = fmt.Sprintf("the dependency %s %s is not vendored", dep.Name, dep.Version)
			findings = append(findings, f)
			continue
		}
		found := c.helm.Dependencies()[vendored].Metadata.Version
		if ok, err := satisfies(found, dep.Version); err != nil || !ok {
			f.Message = fmt.Sprintf("the dependency %s is vendored in version %s, not %s", dep.Name, found, dep.Version)
			findings = append(findings, f)
		}
	}
	return findings
}

// find returns the place of the first line of one of the chart's files that
// holds text, or the file itself.
func (c *Chart) find(file, text string) finding.Position {
	p := finding.Position{File: path.Join(c.Path(), file)}
	for i, line := range strings.Split(string(c.files[file]), "\n") {
		if col := strings.Index(line, text); col >= 0 {
			p.Line, p.Column = i+1, col+1
			return p
		}
	}
	return p
}

// satisfies reports whether a version lies in a range of versions, as Chart.yaml
// writes both.
func satisfies(version, wanted string) (bool, error) {
	constraint, err := semver.NewConstraint(wanted)
	if err != nil {
		return false, err
	}
	v, err := semver.NewVersion(version)
	if err != nil {
		return false, err
	}
	return constraint.Check(v), nil
}
