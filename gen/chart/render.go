package chart

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	helm "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"gitlab.com/towpath/towpath/gen/document"
	"gitlab.com/towpath/towpath/gen/finding"
)

// Release is what Argo CD tells Helm about a release.
type Release struct {
	// Name is the Helm release's name.
	Name      string
	Namespace string
	// KubernetesVersion is a version such as 1.33 or 1.33.2.
	KubernetesVersion string
	// APIVersions are known besides Helm's own list.
	APIVersions []string
	// Values are the contents of value files, later ones winning.
	Values [][]byte
	// First, if not nil, is what Helm reads from the first of Values, for who has it
	// at hand: numbers are float64. It goes with that text and is not written to.
	First map[string]any
}

// Digest returns a hash of all that Argo CD tells Helm: two releases of a chart with the same
// one render to the same.
func (r Release) Digest() ([sha256.Size]byte, error) {
	r.First = nil // It is the first text once more.
	text, err := json.Marshal(r)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("hashing release %s: %w", r.Name, err)
	}
	return sha256.Sum256(text), nil
}

// Source is a template of a chart, or of one that it depends on, and the text
// that it rendered to.
type Source struct {
	// Template is the file, relative to the repository's root.
	Template string
	// CRD tells that the text comes from the folder crds, which is not rendered.
	CRD  bool
	Text string
}

// Render renders the chart for a release. The sources are ordered by template,
// those without text are left out, and so are NOTES.txt and partials.
//
// If the values or a template are wrong, the error is a [finding.List]; a
// finding from a template has the key of the values in its Object field, for
// the caller to find the line that set it.
func (c *Chart) Render(r Release) ([]Source, error) {
	chrt, top, err := c.Inputs(r)
	if err != nil {
		return nil, err
	}
	rendered, err := c.execute(r, chrt, top)
	if err != nil {
		return nil, finding.List{c.templateFinding(err)}
	}
	var sources []Source
	for name, text := range rendered {
		if strings.TrimSpace(text) == "" || strings.HasSuffix(name, "NOTES.txt") {
			continue
		}
		sources = append(sources, Source{Template: c.templatePath(name), Text: text})
	}
	for _, crd := range chrt.CRDObjects() {
		sources = append(sources, Source{Template: c.templatePath(crd.Filename), CRD: true, Text: string(crd.File.Data)})
	}
	slices.SortFunc(sources, func(a, b Source) int { return strings.Compare(a.Template, b.Template) })
	return sources, nil
}

// Inputs returns what Helm's engine renders for a release: a copy of the chart, with
// the dependencies that the release switches on, and the data of its templates.
func (c *Chart) Inputs(r Release) (*helm.Chart, chartutil.Values, error) {
	chrt, values, err := c.prepare(r)
	if err != nil {
		return nil, nil, err
	}
	capabilities, err := c.capabilities(r)
	if err != nil {
		return nil, nil, err
	}
	// Helm copies values and defaults on its way to what coalesce does in place.
	alone := len(c.helm.Dependencies()) == 0
	forHelm, given := chrt, values
	if alone {
		bare := *chrt
		bare.Values = nil
		forHelm, given = &bare, nil
	}
	// The schema is left to ValidateValues: it would be compiled here each time.
	top, err := chartutil.ToRenderValuesWithSchemaValidation(forHelm, given, chartutil.ReleaseOptions{
		Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: true,
	}, capabilities, true)
	if err != nil {
		return nil, nil, c.broken(path.Join(c.Path(), "values.yaml"), err)
	}
	if alone {
		coalesce(values, c.helm.Values)
		top["Values"] = chartutil.Values(values)
	}
	return chrt, top, nil
}

// coalesce adds to values the defaults that they lack, table by table, and takes out
// those that are null where there is a default: for a chart without dependencies, that
// is [chartutil.CoalesceValues].
func coalesce(values, defaults map[string]any) {
	for key, byDefault := range defaults {
		value, given := values[key]
		table, isTable := value.(map[string]any)
		below, isDefaultTable := byDefault.(map[string]any)
		switch {
		case !given:
			values[key] = clone(byDefault)
		case value == nil:
			delete(values, key)
		case isTable && isDefaultTable:
			coalesce(table, below)
		}
	}
}

// ValidateValues holds the values of a release against the values.schema.json of
// the chart and of its dependencies, as Helm does before it renders.
func (c *Chart) ValidateValues(r Release) error {
	chrt, values, err := c.prepare(r)
	if err != nil {
		return err
	}
	coalesced := chartutil.Values(values)
	if len(c.helm.Dependencies()) == 0 {
		coalesce(values, c.helm.Values)
	} else if coalesced, err = chartutil.CoalesceValues(chrt, values); err != nil {
		return c.broken(path.Join(c.Path(), "values.yaml"), err)
	}
	if err := c.schemas.validate(chrt, coalesced); err != nil {
		return finding.List{{
			Rule:     "values-schema",
			Severity: finding.Error,
			Position: finding.Position{File: path.Join(c.Path(), "values.schema.json")},
			Message:  inOrder(strings.TrimSpace(err.Error())),
			Help:     "run gen render, which produces the schema from the contract",
		}}
	}
	return nil
}

// prepare returns a copy of the chart for one rendering, which writes into values
// and dependencies, and the release's values.
func (c *Chart) prepare(r Release) (*helm.Chart, map[string]any, error) {
	values, err := readValues(r)
	if err != nil {
		return nil, nil, err
	}
	chrt := shallowCopy(c.helm)
	if err := chartutil.ProcessDependenciesWithMerge(chrt, values); err != nil {
		return nil, nil, c.broken(path.Join(c.Path(), "Chart.yaml"), err)
	}
	return chrt, values, nil
}

func (c *Chart) capabilities(r Release) (*chartutil.Capabilities, error) {
	version, err := c.kubernetes.version(c, r.KubernetesVersion)
	if err != nil {
		return nil, err
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *version
	capabilities.APIVersions = append(slices.Clone(capabilities.APIVersions), r.APIVersions...)
	return capabilities, nil
}

// kubernetes remembers the versions of Kubernetes that a chart was rendered for: releases
// have few of them, and to read one takes Helm longer than a small template.
type kubernetes struct {
	mu    sync.Mutex
	known map[string]chartutil.KubeVersion // those that the chart supports
}

// version returns a version of Kubernetes as templates see it.
func (k *kubernetes) version(c *Chart, text string) (*chartutil.KubeVersion, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if version, ok := k.known[text]; ok {
		return &version, nil
	}
	version, err := chartutil.ParseKubeVersion(text)
	if err != nil {
		return nil, fmt.Errorf("version %q of Kubernetes: %w", text, err)
	}
	if wanted := c.helm.Metadata.KubeVersion; wanted != "" && !chartutil.IsCompatibleRange(wanted, version.String()) {
		return nil, finding.List{{
			Rule:     "template-error",
			Severity: finding.Error,
			Position: c.find("Chart.yaml", "kubeVersion:"),
			Message:  fmt.Sprintf("chart %s wants Kubernetes %s, the environment has %s", c.Name, wanted, version),
		}}
	}
	if k.known == nil {
		k.known = map[string]chartutil.KubeVersion{}
	}
	k.known[text] = *version
	return version, nil
}

// readValues reads value files as helm template --values does.
func readValues(r Release) (map[string]any, error) {
	merged := map[string]any{}
	for i, file := range r.Values {
		values := r.First
		if i > 0 || values == nil {
			var err error
			if values, err = document.Unmarshal(file, document.Floats, false); err != nil {
				return nil, fmt.Errorf("parsing values: %w", err)
			}
		} else {
			values = copyTree(values)
		}
		merge(merged, values)
	}
	return merged, nil
}

// merge writes the values over base, table by table. A null stays: it is to
// delete a default of the chart, which is only merged in later.
func merge(base, values map[string]any) {
	for key, value := range values {
		table, isTable := value.(map[string]any)
		under, overTable := base[key].(map[string]any)
		if isTable && overTable {
			merge(under, table)
			continue
		}
		base[key] = value
	}
}

// shallowCopy copies what rendering writes to: the metadata of a chart, whose
// dependencies get switched on and off, its values and its dependencies.
func shallowCopy(c *helm.Chart) *helm.Chart {
	copied := *c
	metadata := *c.Metadata
	metadata.Dependencies = nil
	for _, dep := range c.Metadata.Dependencies {
		d := *dep
		metadata.Dependencies = append(metadata.Dependencies, &d)
	}
	copied.Metadata = &metadata
	if len(c.Dependencies()) > 0 || !c.IsRoot() { // Else nobody writes to them.
		copied.Values = copyTree(c.Values)
	}
	copied.SetDependencies()
	for _, sub := range c.Dependencies() {
		copied.AddDependency(shallowCopy(sub))
	}
	return &copied
}

func copyTree(tree map[string]any) map[string]any {
	copied := make(map[string]any, len(tree))
	for key, value := range tree {
		copied[key] = clone(value)
	}
	return copied
}

// clone copies a value with all that is below it, as templates may write to it.
func clone(value any) any {
	switch value := value.(type) {
	case map[string]any:
		return copyTree(value)
	case []any:
		list := make([]any, len(value))
		for i, elem := range value {
			list[i] = clone(elem)
		}
		return list
	}
	return value
}

// templatePath turns Helm's name of a template (service/templates/x.yaml,
// service/charts/redis/templates/x.yaml) into its path in the repository.
func (c *Chart) templatePath(name string) string {
	_, rel, _ := strings.Cut(name, "/")
	return path.Join(c.Path(), rel)
}

var (
	// The forms in which text/template, and Helm's engine around it, name the
	// place of an error.
	errorPlace = regexp.MustCompile(`^(?:template: |parse error at \(|execution error at \(|error calling include: template: )?([^\s:()]+):(\d+)(?::(\d+))?\)?: `)
	errorKey   = regexp.MustCompile(`<[^<>]*?\.Values\.([A-Za-z0-9_.]+)[^<>]*>`)
	errorNoise = regexp.MustCompile(`(?:error calling [a-z]+|executing "[^"]*" at <[^>]*>|template: [^\s:]+:\d+(?::\d+)?): `)
)

// templateFinding turns an error of Helm's engine into a finding at the
// innermost template that it names.
func (c *Chart) templateFinding(err error) finding.Finding {
	text := err.Error()
	f := finding.Finding{Rule: "template-error", Severity: finding.Error, Position: finding.Position{File: c.Path()}}
	// An error in a partial is wrapped by one frame for each include; the last
	// place that is named is the innermost.
	rest := text
	for rest != "" {
		if m := errorPlace.FindStringSubmatch(rest); m != nil {
			f.File = c.templatePath(m[1])
			f.Line, _ = strconv.Atoi(m[2])
			f.Column = 0
			if m[3] != "" {
				column, _ := strconv.Atoi(m[3])
				f.Column = column + 1 // text/template counts from 0.
			}
		}
		if m := errorKey.FindStringSubmatch(rest); m != nil {
			f.Object = m[1]
		}
		_, after, found := strings.Cut(rest, ": ")
		if !found {
			break
		}
		rest = after
	}
	f.Message = errorPlace.ReplaceAllString(text, "")
	f.Message = strings.TrimSpace(errorNoise.ReplaceAllString(f.Message, ""))
	f.Message = strings.TrimPrefix(f.Message, "template: ")
	return f
}
