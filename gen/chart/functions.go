package chart

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"path"
	"regexp"
	"strings"
	"text/template"

	"github.com/BurntSushi/toml"
	"github.com/Masterminds/sprig/v3"
	"github.com/gobwas/glob"
	lru "github.com/hashicorp/golang-lru/v2"
	helm "helm.sh/helm/v3/pkg/chart"
	"sigs.k8s.io/yaml"
	goyaml "sigs.k8s.io/yaml/goyaml.v3"

	"gitlab.com/towpath/towpath/gen/document"
)

// Functions returns those of Helm's engine, which does not export them, but for
// include and tpl, which depend on the templates that run. A test holds the two
// against each other, on every chart of the repository.
func Functions() template.FuncMap {
	all := sprig.TxtFuncMap()
	delete(all, "env")
	delete(all, "expandenv")
	for name, function := range (template.FuncMap{
		"regexMatch":      func(pattern, text string) bool { return compiled(pattern).MatchString(text) },
		"regexFind":       func(pattern, text string) string { return compiled(pattern).FindString(text) },
		"regexReplaceAll": func(pattern, text, by string) string { return compiled(pattern).ReplaceAllString(text, by) },
		"toToml":          toTOML,
		"fromToml":        decoder(toml.Unmarshal),
		"toYaml":          toYAML,
		"toYamlPretty":    toYAMLPretty,
		"fromYaml":        fromYAML,
		"fromYamlArray":   arrayDecoder(unmarshalYAML),
		"toJson":          toJSON,
		"fromJson":        decoder(json.Unmarshal),
		"fromJsonArray":   arrayDecoder(json.Unmarshal),
		"getHostByName":   func(string) string { return "" },
		"lookup": func(string, string, string, string) (map[string]any, error) {
			return map[string]any{}, nil
		},
		"required": func(warning string, v any) (any, error) {
			if v == nil || v == "" {
				return v, errors.New(warning)
			}
			return v, nil
		},
		"fail": func(message string) (string, error) { return "", errors.New(message) },
	}) {
		all[name] = function
	}
	return all
}

// expressions are regular expressions that templates have used; Helm compiles them each time.
var expressions = func() *lru.Cache[string, *regexp.Regexp] {
	const mostExpressions = 256
	c, err := lru.New[string, *regexp.Regexp](mostExpressions)
	if err != nil {
		panic(err) // The size is positive.
	}
	return c
}()

// compiled returns a regular expression. It panics if that is wrong, as Helm's functions do:
// text/template makes an error of it.
func compiled(pattern string) *regexp.Regexp {
	if r, ok := expressions.Get(pattern); ok {
		return r
	}
	r := regexp.MustCompile(pattern)
	expressions.Add(pattern, r)
	return r
}

func unmarshalYAML(data []byte, into any) error { return yaml.Unmarshal(data, into) }

// What can't be encoded is empty: Helm's functions have no errors.

func toYAML(v any) string {
	data, err := document.Marshal(v)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(data), "\n")
}

func toYAMLPretty(v any) string {
	var data bytes.Buffer
	encoder := goyaml.NewEncoder(&data)
	encoder.SetIndent(2)
	if err := encoder.Encode(v); err != nil {
		return ""
	}
	return strings.TrimSuffix(data.String(), "\n")
}

func toJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}

func toTOML(v any) string {
	var data bytes.Buffer
	if err := toml.NewEncoder(&data).Encode(v); err != nil {
		return err.Error()
	}
	return data.String()
}

func decoder(decode func([]byte, any) error) func(string) map[string]any {
	return func(text string) map[string]any {
		m := map[string]any{}
		if err := decode([]byte(text), &m); err != nil {
			m["Error"] = err.Error()
		}
		return m
	}
}

// fromYAML is decoder(unmarshalYAML), which reads by way of JSON.
func fromYAML(text string) map[string]any {
	m, err := document.Unmarshal([]byte(text), document.Floats, false)
	if m == nil {
		m = map[string]any{}
	}
	if err != nil {
		m["Error"] = err.Error()
	}
	return m
}

func arrayDecoder(decode func([]byte, any) error) func(string) []any {
	return func(text string) []any {
		a := []any{}
		if err := decode([]byte(text), &a); err != nil {
			a = []any{err.Error()}
		}
		return a
	}
}

// files is what templates see as .Files.
type files map[string][]byte

func newFiles(from []*helm.File) files {
	f := files{}
	for _, file := range from {
		f[file.Name] = file.Data
	}
	return f
}

// GetBytes returns the content of a file, empty if there is none.
func (f files) GetBytes(name string) []byte {
	if data, ok := f[name]; ok {
		return data
	}
	return []byte{}
}

// Get is GetBytes as text.
func (f files) Get(name string) string { return string(f.GetBytes(name)) }

// Glob returns the files whose paths match a pattern.
func (f files) Glob(pattern string) files {
	g, err := glob.Compile(pattern, '/')
	if err != nil {
		g = glob.MustCompile("**")
	}
	matching := files{}
	for name, data := range f {
		if g.Match(name) {
			matching[name] = data
		}
	}
	return matching
}

// AsConfig returns the files as the data of a ConfigMap.
func (f files) AsConfig() string {
	return f.encode(func(data []byte) string { return string(data) })
}

// AsSecrets returns the files as the data of a Secret.
func (f files) AsSecrets() string {
	return f.encode(base64.StdEncoding.EncodeToString)
}

func (f files) encode(encode func([]byte) string) string {
	if f == nil {
		return ""
	}
	m := map[string]string{}
	for name, data := range f {
		m[path.Base(name)] = encode(data)
	}
	return toYAML(m)
}

// Lines returns the lines of a file.
func (f files) Lines(name string) []string {
	if len(f[name]) == 0 {
		return []string{}
	}
	return strings.Split(strings.TrimSuffix(string(f[name]), "\n"), "\n")
}
