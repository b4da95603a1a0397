package kubernetes

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gitlab.com/towpath/towpath/gen/kubernetes/internal/schema"
)

//go:embed schemas/*.gz
var stored embed.FS

// fileReader is embed.FS, or what a test puts around it to count reads.
type fileReader interface {
	fs.ReadDirFS
	fs.ReadFileFS
}

// embedded holds the stored schemas. Making it reads none of them.
var embedded = &store{files: stored}

// store hands out the stored files, each loaded at most once.
type store struct {
	files    fileReader
	loaded   sync.Map // name without .gz -> *file
	patterns sync.Map // expression -> *regexp.Regexp
}

// file is one stored file: a Kubernetes version, or one custom kind.
type file struct {
	once        sync.Once
	kinds       []schema.Kind
	definitions map[string]*definition
}

// definition is parsed when the first object reaches it.
type definition struct {
	once   sync.Once
	text   []byte
	schema *schema.Schema
}

// names lists the stored files from the folder alone. Custom kinds' are named GROUP_KIND.
func (s *store) names() []string {
	entries, err := s.files.ReadDir("schemas")
	if err != nil {
		panic(damaged("schemas", err))
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = strings.TrimSuffix(entry.Name(), ".gz")
	}
	return names
}

func (s *store) versions() []string {
	var versions []string
	for _, name := range s.names() {
		if version, isVersion := strings.CutPrefix(name, "kubernetes-"); isVersion {
			versions = append(versions, version)
		}
	}
	slices.SortFunc(versions, func(a, b string) int { return minor(a) - minor(b) })
	return versions
}

// minor keeps 1.100 behind 1.99.
func minor(version string) int {
	_, digits, _ := strings.Cut(version, ".")
	n, _ := strconv.Atoi(digits)
	return n
}

func (s *store) load(name string) *file {
	entry, _ := s.loaded.LoadOrStore(name, &file{})
	f := entry.(*file)
	f.once.Do(func() {
		compressed, err := s.files.ReadFile("schemas/" + name + ".gz")
		if err != nil {
			panic(damaged(name, err))
		}
		lines, err := schema.Decompress(compressed)
		if err != nil {
			panic(damaged(name, err))
		}
		index, texts, err := schema.Unpack(lines)
		if err != nil {
			panic(damaged(name, err))
		}
		f.kinds = index.Kinds
		f.definitions = make(map[string]*definition, len(texts))
		for definitionName, text := range texts {
			f.definitions[definitionName] = &definition{text: text}
		}
	})
	return f
}

func (f *file) definition(name string) *schema.Schema {
	d := f.definitions[name]
	if d == nil {
		panic(damaged(name, fs.ErrNotExist))
	}
	d.once.Do(func() {
		d.schema = &schema.Schema{}
		if err := json.Unmarshal(d.text, d.schema); err != nil {
			panic(damaged(name, err))
		}
		d.text = nil
	})
	return d.schema
}

// damaged is for a panic: the files are part of the program, so a bad one is a build that should not exist,
// and no caller could do anything about an error.
func damaged(name string, err error) string {
	return fmt.Sprintf("kubernetes: the stored schemas are damaged at %s: %v; run go generate ./gen/kubernetes", name, err)
}

// served is a kind and the file that defines it.
type served struct {
	kind schema.Kind
	file *file
}

func (s *served) schema() *schema.Schema { return s.file.definition(s.kind.Definition) }

func (a *API) builtin() *file { return a.store.load("kubernetes-" + a.version) }

// find looks a kind up, and says what is wrong if the version does not serve it.
func (a *API) find(apiVersion, kind string) (*served, *Problem) {
	for _, f := range a.filesWith(func(group, name string) bool {
		return name == kind && strings.HasPrefix(apiVersion, group+"/")
	}) {
		for _, k := range f.kinds {
			if k.APIVersion == apiVersion && k.Kind == kind {
				return &served{kind: k, file: f}, nil
			}
		}
	}
	return nil, a.unknownKind(apiVersion, kind)
}

// filesWith returns the file of the version and those of the custom kinds that match. Only they are loaded.
func (a *API) filesWith(match func(group, kind string) bool) []*file {
	files := []*file{a.builtin()}
	for _, name := range a.store.names() {
		if group, kind, isCustom := strings.Cut(name, "_"); isCustom && match(group, kind) {
			files = append(files, a.store.load(name))
		}
	}
	return files
}

func (a *API) unknownKind(apiVersion, kind string) *Problem {
	group, _, _ := strings.Cut(apiVersion, "/")
	elsewhere, siblings, ours := map[string]bool{}, map[string]bool{}, isKubernetes(group)
	for _, f := range a.filesWith(func(other, name string) bool { return name == kind || other == group }) {
		for _, k := range f.kinds {
			if k.Kind == kind {
				elsewhere[k.APIVersion] = true
			}
			if k.APIVersion == apiVersion {
				siblings[k.Kind] = true
			}
			ours = ours || strings.HasPrefix(k.APIVersion, group+"/")
		}
	}
	p := &Problem{Kind: UnknownKind, Path: []string{"apiVersion"}, Found: apiVersion, Allowed: slices.Sorted(maps.Keys(elsewhere))}
	switch {
	case len(elsewhere) > 0 && ours:
		p.Message = fmt.Sprintf("%s %s is not served by Kubernetes %s; %s", apiVersion, kind, a.version, areOrIs(p.Allowed))
	case len(siblings) > 0:
		p.Path, p.Found, p.Allowed = []string{"kind"}, kind, slices.Sorted(maps.Keys(siblings))
		p.Message = fmt.Sprintf("%s has no kind %q in Kubernetes %s", apiVersion, kind, a.version)
	default:
		p.Message = fmt.Sprintf("%s %s is neither served by Kubernetes %s nor a custom kind that is known", apiVersion, kind, a.version)
	}
	return p
}

// isKubernetes tells Kubernetes' own groups, former ones such as extensions too, from other projects'. Those
// have kinds of the same name, say a Gateway, that no other version of Kubernetes' or ours stands in for.
func isKubernetes(group string) bool {
	return !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io")
}

func areOrIs(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1] + " are"
}
