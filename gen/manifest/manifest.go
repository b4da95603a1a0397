// Package manifest holds the Kubernetes objects of a release: it takes them from
// the texts that a chart rendered to, orders them as Argo CD applies them, and
// writes them as YAML.
package manifest

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"helm.sh/helm/v3/pkg/releaseutil"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/finding"
)

// Object is one Kubernetes object.
type Object struct {
	// Template is the file it was rendered from, relative to the repository's root.
	Template string

	APIVersion, Kind, Namespace, Name string

	// Data is the whole object, as encoding/json decodes it.
	Data map[string]any
}

// Group returns the API group of the object, "" for the core group.
func (o Object) Group() string {
	group, _, found := strings.Cut(o.APIVersion, "/")
	if !found {
		return ""
	}
	return group
}

// GroupKind returns Kind or Kind.group, as an environment's delivery lists it.
func (o Object) GroupKind() string {
	if group := o.Group(); group != "" {
		return o.Kind + "." + group
	}
	return o.Kind
}

// String returns Kind.group/namespace/name, which names an object within a
// cluster.
func (o Object) String() string {
	if o.Namespace == "" {
		return o.GroupKind() + "/" + o.Name
	}
	return o.GroupKind() + "/" + o.Namespace + "/" + o.Name
}

// Annotation returns an annotation of the object, or "".
func (o Object) Annotation(key string) string {
	metadata, _ := o.Data["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	value, _ := annotations[key].(string)
	return value
}

// isTest reports whether the object is a test hook, which only helm test runs.
func (o Object) isTest() bool {
	return slices.ContainsFunc(strings.Split(o.Annotation("helm.sh/hook"), ","), func(hook string) bool {
		hook = strings.TrimSpace(hook)
		return hook == "test" || hook == "test-success" || hook == "test-failure"
	})
}

// Parse returns the objects in the texts that a chart rendered to, in the order
// in which Argo CD applies them, without test hooks. If a text holds anything
// but objects, the error is a [finding.List].
func Parse(sources []chart.Source) ([]Object, error) {
	var objects []Object
	var findings finding.List
	for _, source := range sources {
		for _, doc := range split(source.Text) {
			object, err := parse(doc)
			if err != nil {
				findings = append(findings, finding.Finding{
					Rule:     "unparsable-manifest",
					Severity: finding.Error,
					Position: finding.Position{File: source.Template},
					Message:  err.Error(),
					Help:     "check the indents and the dashes of the template",
				})
				continue
			}
			if object == nil || object.isTest() {
				continue
			}
			object.Template = source.Template
			objects = append(objects, *object)
		}
	}
	if len(findings) > 0 {
		return nil, findings
	}
	Sort(objects)
	return objects, nil
}

var separator = regexp.MustCompile(`(?m)^---[ \t]*(#.*)?$`)

// split returns the YAML documents in a text.
func split(text string) []string { return separator.Split(text, -1) }

// parse returns the object in a document, or nil if the document is empty.
func parse(doc string) (*Object, error) {
	var data map[string]any
	if err := yaml.UnmarshalStrict([]byte(doc), &data); err != nil {
		return nil, fmt.Errorf("the text is no YAML object: %s", strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "))
	}
	if len(data) == 0 {
		return nil, nil
	}
	metadata, _ := data["metadata"].(map[string]any)
	o := &Object{Data: data}
	for key, field := range map[string]struct {
		from map[string]any
		to   *string
	}{
		"apiVersion": {data, &o.APIVersion},
		"kind":       {data, &o.Kind},
		"name":       {metadata, &o.Name},
		"namespace":  {metadata, &o.Namespace},
	} {
		value, _ := field.from[key].(string)
		*field.to = value
	}
	for _, required := range []struct{ key, value string }{
		{"apiVersion", o.APIVersion}, {"kind", o.Kind}, {"metadata.name", o.Name},
	} {
		if required.value == "" {
			return nil, fmt.Errorf("the object has no %s: %s", required.key, summary(doc))
		}
	}
	return o, nil
}

// summary returns the first line of a document that says something.
func summary(doc string) string {
	for line := range strings.Lines(doc) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			return strconv.Quote(line)
		}
	}
	return "it is empty"
}

// Sort orders objects as Argo CD applies them: by sync wave, then by kind in
// Helm's order, which Argo CD took over, then by name.
func Sort(objects []Object) {
	slices.SortStableFunc(objects, func(a, b Object) int {
		return cmp.Or(
			cmp.Compare(a.wave(), b.wave()),
			cmp.Compare(kindOrder(a.Kind), kindOrder(b.Kind)),
			cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Name, b.Name),
		)
	})
}

func (o Object) wave() int {
	wave, err := strconv.Atoi(o.Annotation("argocd.argoproj.io/sync-wave"))
	if err != nil {
		return 0
	}
	return wave
}

func kindOrder(kind string) int {
	if i := slices.Index(releaseutil.InstallOrder, kind); i >= 0 {
		return i
	}
	return len(releaseutil.InstallOrder)
}

// Marshal writes objects as YAML documents, each under a comment that names its
// template.
func Marshal(objects []Object) ([]byte, error) {
	var text bytes.Buffer
	for _, o := range objects {
		body, err := yaml.Marshal(o.Data)
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", o, err)
		}
		fmt.Fprintf(&text, "---\n# Source: %s\n", o.Template)
		text.Write(body)
	}
	return text.Bytes(), nil
}

// Duplicates reports objects that more than one of the releases owns. The
// objects are given by release.
func Duplicates(releases map[string][]Object) finding.List {
	owner := map[string]string{}
	var findings finding.List
	names := make([]string, 0, len(releases))
	for name := range releases {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, o := range releases[name] {
			first, taken := owner[o.String()]
			if !taken {
				owner[o.String()] = name
				continue
			}
			message := fmt.Sprintf("%s belongs to release %s already", o, first)
			if first == name {
				message = fmt.Sprintf("%s is rendered twice", o)
			}
			findings = append(findings, finding.Finding{
				Rule:     "duplicate-object",
				Severity: finding.Error,
				Position: finding.Position{File: o.Template},
				Message:  message,
				Help:     "make the release's name part of the object's name",
				Release:  name,
				Object:   o.String(),
			})
		}
	}
	return findings
}
