package trust

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/finding"
)

// document is one object in one file.
type document struct {
	file string
	node *yaml.Node

	apiVersion, kind, namespace, name string

	// At most one of these is set.
	app     *v1alpha1.Application
	set     *v1alpha1.ApplicationSet
	project *v1alpha1.AppProject

	// unreadable is set if the object could not be decoded, and was reported.
	unreadable bool
	// judged is set once a rule has found the object where it belongs.
	judged bool
}

// at returns the position of a key, or of the nearest part of the way to it
// that there is. Keys are strings for mappings and ints for lists.
func (d *document) at(way ...any) finding.Position {
	node, found := d.node, d.node
	for _, step := range way {
		key, value := child(node, step)
		if value == nil {
			break
		}
		node, found = value, key
	}
	return finding.Position{File: d.file, Line: found.Line, Column: found.Column}
}

func child(node *yaml.Node, step any) (key, value *yaml.Node) {
	switch step := step.(type) {
	case string:
		if node.Kind != yaml.MappingNode {
			return nil, nil
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i], node.Content[i+1]
			}
		}
	case int:
		if node.Kind == yaml.SequenceNode && step < len(node.Content) {
			return node.Content[step], node.Content[step]
		}
	}
	return nil, nil
}

// read decodes every YAML file that Argo CD or kubectl reads from argocd/.
func (c *check) read() ([]*document, error) {
	var documents []*document
	err := fs.WalkDir(c.Repo, delivery.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name == delivery.Dir+"/verify" {
				return fs.SkipDir
			}
			return nil
		}
		if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" {
			return nil
		}
		data, err := fs.ReadFile(c.Repo, name)
		if err != nil {
			return err
		}
		documents = append(documents, c.decodeFile(name, data)...)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", delivery.Dir, err)
	}
	return documents, nil
}

func (c *check) decodeFile(name string, data []byte) []*document {
	var documents []*document
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return documents
		}
		if err != nil {
			c.report(finding.Position{File: name, Line: yamlLine(err)}, "unreadable-object", "the file is not YAML: "+err.Error(), "")
			return documents
		}
		if d := c.decode(name, &node); d != nil {
			documents = append(documents, d)
		}
	}
}

var yamlErrorLine = regexp.MustCompile(`line (\d+)`)

func yamlLine(err error) int {
	if m := yamlErrorLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ := strconv.Atoi(m[1]) // digits
		return line
	}
	return 0
}

// decode returns nil if there is no object to judge: nothing at all, or a
// kustomization, which bootstrap.Build reads.
func (c *check) decode(file string, node *yaml.Node) *document {
	if node.Kind == yaml.DocumentNode {
		node = node.Content[0]
	}
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return nil
	}
	d := &document{file: file, node: node}
	var meta struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Metadata   struct {
			Name      string `yaml:"name"`
			Namespace string `yaml:"namespace"`
		} `yaml:"metadata"`
	}
	var content any
	if err := errors.Join(node.Decode(&meta), node.Decode(&content)); err != nil {
		c.report(d.at(), "unreadable-object", "the file holds no Kubernetes object: "+err.Error(), "")
		return nil
	}
	d.apiVersion, d.kind, d.name, d.namespace = meta.APIVersion, meta.Kind, meta.Metadata.Name, meta.Metadata.Namespace
	if strings.HasPrefix(d.apiVersion, "kustomize.config.k8s.io/") {
		return nil
	}
	var object any
	switch gvk := schema.FromAPIVersionAndKind(d.apiVersion, d.kind); {
	case gvk == v1alpha1.ApplicationSchemaGroupVersionKind:
		d.app = &v1alpha1.Application{}
		object = d.app
	case gvk == v1alpha1.AppProjectSchemaGroupVersionKind:
		d.project = &v1alpha1.AppProject{}
		object = d.project
	case gvk == v1alpha1.ApplicationSetSchemaGroupVersionKind:
		d.set = &v1alpha1.ApplicationSet{}
		object = d.set
	case gvk.Group == "argoproj.io":
		return d // unexpected, whatever is in it
	default:
		native, err := scheme.Scheme.New(gvk)
		if runtime.IsNotRegisteredError(err) {
			c.report(d.at("kind"), "unreadable-object", fmt.Sprintf("neither Kubernetes nor Argo CD has a kind %s in %s", d.kind, d.apiVersion), "")
			return nil
		}
		object = native
	}
	return c.strict(d, content, object)
}

// strict decodes as Argo CD does, but reports what Argo CD would drop.
func (c *check) strict(d *document, content, object any) *document {
	text, err := json.Marshal(content)
	if err != nil {
		c.report(d.at(), "unreadable-object", "the object has no form in JSON: "+err.Error(), "")
		return nil
	}
	unknown, err := kjson.UnmarshalStrict(text, object)
	if err != nil {
		c.report(d.at(way(err.Error())...), "unreadable-object", fmt.Sprintf("%s %s can't be read: %v", d.kind, d.name, err), "")
		// What was decoded of it is not what it says.
		d.app, d.set, d.project, d.unreadable = nil, nil, nil, true
	}
	for _, err := range unknown {
		at := d.at()
		var field kjson.FieldError
		if errors.As(err, &field) {
			at = d.at(steps(field.FieldPath())...)
		}
		c.report(at, "unreadable-object", fmt.Sprintf("%s %s: %v; it would be dropped without a word", d.kind, d.name, err), "")
	}
	return d
}

var goField = regexp.MustCompile(`Go struct field \w+\.(\S+) of type`)

// way finds the path in an error about a value of the wrong type.
func way(message string) []any {
	if m := goField.FindStringSubmatch(message); m != nil {
		return steps(m[1])
	}
	return nil
}

var step = regexp.MustCompile(`[^.\[\]]+`)

// steps splits spec.destinations[0].server.
func steps(fieldPath string) []any {
	var out []any
	for _, s := range step.FindAllString(fieldPath, -1) {
		if n, err := strconv.Atoi(s); err == nil {
			out = append(out, n)
		} else {
			out = append(out, s)
		}
	}
	return out
}
