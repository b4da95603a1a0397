// Package manifest holds the Kubernetes objects of a release: it takes them from
// the texts that a chart rendered to, orders them as Argo CD applies them, and
// writes them as YAML.
package manifest

import (
	"bytes"
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"helm.sh/helm/v3/pkg/releaseutil"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/document"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/parallel"
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

// hooks are the points of a release's life at which Helm, and Argo CD after it,
// apply an object that is annotated as a hook.
var hooks = []string{
	"pre-install", "post-install", "pre-delete", "post-delete",
	"pre-upgrade", "post-upgrade", "pre-rollback", "post-rollback",
}

// isLeftOut reports whether the object is a hook that Argo CD never applies: a
// test, which only helm test runs, or one of a kind that Helm does not know and
// therefore drops.
func (o Object) isLeftOut() bool {
	annotation := o.Annotation("helm.sh/hook")
	return annotation != "" && slices.ContainsFunc(strings.Split(annotation, ","), func(hook string) bool {
		return !slices.Contains(hooks, strings.ToLower(strings.TrimSpace(hook)))
	})
}

// Parse returns the objects in the texts that a chart rendered to, in the order
// in which Argo CD applies them, without test hooks. If a text holds anything
// but objects, the error is a [finding.List].
func Parse(sources []chart.Source) ([]Object, error) {
	type document struct {
		template, text string
		objects        []Object
		err            error
	}
	var documents []*document
	for _, source := range sources {
		for _, text := range split(source.Text) {
			documents = append(documents, &document{template: source.Template, text: text})
		}
	}
	// YAML is slow enough for it to pay within one release.
	parallel.Each(runtime.GOMAXPROCS(0), len(documents), func(i int) {
		documents[i].objects, documents[i].err = parse(documents[i].text)
	})
	var objects []Object
	var findings finding.List
	for _, doc := range documents {
		if doc.err != nil {
			findings = append(findings, finding.Finding{
				Rule:     "unparsable-manifest",
				Severity: finding.Error,
				Position: finding.Position{File: doc.template},
				Message:  doc.err.Error(),
				Help:     "check the indents and the dashes of the template",
			})
		}
		for _, object := range doc.objects {
			if !object.isLeftOut() {
				object.Template = doc.template
				objects = append(objects, object)
			}
		}
	}
	if len(findings) > 0 {
		return nil, findings
	}
	Sort(objects)
	return objects, nil
}

// split returns the YAML documents in a text. A line that begins with --- or ... ends one,
// and what follows on that line belongs to the next.
func split(text string) []string {
	var docs []string
	begin := 0
	for at := 0; at < len(text); {
		if isSeparator(text[at:]) {
			docs = append(docs, text[begin:at])
			begin = min(at+len("---\n"), len(text))
			at += len("---")
		}
		line := strings.IndexByte(text[at:], '\n')
		if line < 0 {
			break
		}
		at += line + 1
	}
	return append(docs, text[begin:])
}

// isSeparator reports whether a text begins with what separates documents.
func isSeparator(text string) bool {
	if !strings.HasPrefix(text, "---") && !strings.HasPrefix(text, "...") {
		return false
	}
	return len(text) == len("---") || strings.IndexByte(" \t\n\f\r", text[len("---")]) >= 0
}

// parse returns the object in a document, none if the document is empty, and the
// items if it is a List, which Argo CD applies one by one.
func parse(doc string) ([]Object, error) {
	data, err := decode(doc)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, nil
	}
	if items, ok := data["items"].([]any); ok && data["kind"] == "List" {
		var objects []Object
		for i, item := range items {
			data, _ := item.(map[string]any)
			object, err := newObject(data)
			if err != nil {
				return nil, fmt.Errorf("item %d of a List: %w", i, err)
			}
			objects = append(objects, object)
		}
		return objects, nil
	}
	object, err := newObject(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, summary(doc))
	}
	return []Object{object}, nil
}

// decode reads a document. Numbers stay as they are written, beyond what a
// float64 holds. A key that is there twice is an error, where Argo CD would take
// the last one without a word.
func decode(doc string) (map[string]any, error) {
	data, err := document.Unmarshal([]byte(doc), document.AsWritten, true)
	if err != nil && strings.Contains(err.Error(), "already set in map") && strings.Contains(doc, "<<:") {
		// A merge key may be overridden, which the strict reader takes for a
		// repetition.
		data, err = document.Unmarshal([]byte(doc), document.AsWritten, false)
	}
	if err != nil {
		return nil, fmt.Errorf("the text is no YAML object: %s", strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "))
	}
	return data, nil
}

// newObject returns the object with the given data.
func newObject(data map[string]any) (Object, error) {
	metadata, _ := data["metadata"].(map[string]any)
	text := func(from map[string]any, key string) string {
		value, _ := from[key].(string)
		return value
	}
	o := Object{
		APIVersion: text(data, "apiVersion"),
		Kind:       text(data, "kind"),
		Namespace:  text(metadata, "namespace"),
		Name:       text(metadata, "name"),
		Data:       data,
	}
	for _, required := range []struct{ key, value string }{
		{"apiVersion", o.APIVersion}, {"kind", o.Kind}, {"metadata.name", o.Name},
	} {
		if required.value == "" {
			return Object{}, fmt.Errorf("the object has no %s", required.key)
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
	bodies, errs := make([][]byte, len(objects)), make([]error, len(objects))
	parallel.Each(runtime.GOMAXPROCS(0), len(objects), func(i int) { bodies[i], errs[i] = document.Marshal(objects[i].Data) })
	var text bytes.Buffer
	for i, o := range objects {
		if errs[i] != nil {
			return nil, fmt.Errorf("writing %s: %w", o, errs[i])
		}
		fmt.Fprintf(&text, "---\n# Source: %s\n", o.Template)
		text.Write(bodies[i])
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
