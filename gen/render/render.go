// Package render takes a release from its values to its Kubernetes objects, as
// Argo CD would: it joins the steps chart and manifest, and leads errors of a
// template back to the line of CUE that set the value.
package render

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"sync"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/document"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/values"
)

// Renderer renders releases of one state of the repository. It loads each chart
// once, and can be used from many goroutines.
type Renderer struct {
	repo   fs.FS
	mu     sync.Mutex
	charts map[string]func() (*chart.Chart, error)
}

// New returns a renderer of the repository in the given file system.
func New(repo fs.FS) *Renderer {
	return &Renderer{repo: repo, charts: map[string]func() (*chart.Chart, error){}}
}

// Chart returns the chart of the given name.
func (r *Renderer) Chart(name string) (*chart.Chart, error) {
	r.mu.Lock()
	load, ok := r.charts[name]
	if !ok {
		load = sync.OnceValues(func() (*chart.Chart, error) { return chart.Load(r.repo, name) })
		r.charts[name] = load
	}
	r.mu.Unlock()
	return load()
}

// Prefetch loads every chart of the repository in the background, for a caller
// that has something else to do before it needs one.
func (r *Renderer) Prefetch() {
	entries, err := fs.ReadDir(r.repo, chart.Dir)
	if err != nil {
		return // Chart reports it, if a chart is needed at all.
	}
	for _, entry := range entries {
		if entry.IsDir() {
			go func() { _, _ = r.Chart(entry.Name()) }()
		}
	}
}

// Request returns what Argo CD tells Helm about a release: the values that
// the environment has now, and the approval record where there is one.
func (r *Renderer) Request(env *environment.Environment, release environment.Release) (chart.Release, error) {
	request, err := r.withoutText(env, release)
	if err != nil || request.Values[0] != nil {
		return request, err
	}
	request.Values[0], err = values.Encode(env, release)
	return request, err
}

// withoutText is Request without the text of the values, unless Helm has to read it.
func (r *Renderer) withoutText(env *environment.Environment, release environment.Release) (chart.Release, error) {
	cluster := env.ClusterOf(release)
	request := chart.Release{
		Name:              release.Helm,
		Namespace:         env.Namespace,
		KubernetesVersion: cluster.HelmVersion(),
		APIVersions:       cluster.APIVersions,
		Values:            [][]byte{nil},
	}
	plain := false
	if tree, err := release.Tree(); err == nil {
		request.First, plain = document.With(document.Floats, tree)
	}
	if !plain {
		var err error
		if request.Values[0], err = values.Encode(env, release); err != nil {
			return chart.Release{}, err
		}
	}
	if _, follows := env.ApprovalBranch(); follows {
		// On main there is none: gen approve adds it to the approved commit.
		approval, err := fs.ReadFile(r.repo, env.ApprovalFile())
		if err == nil {
			request.Values = append(request.Values, approval)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return chart.Release{}, err
		}
	}
	return request, nil
}

// Release returns the objects of a release in the order in which Argo CD applies
// them. If the chart can't be rendered, the error is a [finding.List].
func (r *Renderer) Release(env *environment.Environment, release environment.Release) ([]manifest.Object, error) {
	request, err := r.withoutText(env, release)
	if err != nil {
		return nil, err
	}
	return r.Objects(env, release, request)
}

// Objects is Release for a caller that has made the request already.
func (r *Renderer) Objects(env *environment.Environment, release environment.Release, request chart.Release) ([]manifest.Object, error) {
	c, err := r.Chart(release.Chart)
	if err != nil {
		return nil, err
	}
	sources, err := c.Render(request)
	if err != nil {
		return nil, r.explain(err, env, release)
	}
	objects, err := manifest.Parse(sources)
	if err != nil {
		return nil, r.explain(err, env, release)
	}
	return objects, nil
}

var valuesKey = regexp.MustCompile(`\.Values\.([A-Za-z0-9_.]+)`)

// explain adds to findings from a template what they are about, and where the
// value comes from that led there.
func (r *Renderer) explain(err error, env *environment.Environment, release environment.Release) error {
	findings, rest := finding.From(err)
	if rest != nil {
		return err
	}
	for i := range findings {
		f := &findings[i]
		f.Environment, f.Release = env.Name, release.Name
		key := f.Object
		f.Object = ""
		if key == "" && f.Line > 0 {
			key = r.keyOnLine(f.Position)
		}
		if key == "" {
			continue
		}
		f.Notes = append(f.Notes, Origin(release, key)...)
	}
	return findings
}

// keyOnLine returns the first key of the values that a template's line names.
func (r *Renderer) keyOnLine(p finding.Position) string {
	data, err := fs.ReadFile(r.repo, p.File)
	if err != nil {
		return ""
	}
	lines := strings.Split(string(data), "\n")
	if p.Line > len(lines) {
		return ""
	}
	m := valuesKey.FindStringSubmatch(lines[p.Line-1])
	if m == nil {
		return ""
	}
	return m[1]
}

// Origin returns notes that name the places which give a key of a release's
// values its value, the environment's own first. A key that the contract does
// not have is led back to the nearest that it has.
func Origin(release environment.Release, key string) []finding.Note {
	path := environment.SplitPath(key)
	for n := len(path); n > 0; n-- {
		v, at := environment.Find(release.Values, path[:n])
		if len(at) < n {
			continue
		}
		if origins := environment.Origins(v); len(origins) > 0 {
			return []finding.Note{{Position: origins[0].Label, Message: "the value " + environment.JoinPath(at)}}
		}
	}
	return nil
}
