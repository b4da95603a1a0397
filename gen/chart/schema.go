package chart

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	helm "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

// schemaAddress is what Helm calls a chart's schema, which its messages name.
const schemaAddress = "file:///values.schema.json"

// schemas are the compiled schemas of a chart and of those it depends on. Helm
// compiles a schema for each release, which takes longer than to render one.
type schemas struct {
	mu       sync.Mutex
	compiled map[string]func() (*jsonschema.Schema, error) // by the schema's text
}

// validate is [chartutil.ValidateAgainstSchema].
func (s *schemas) validate(chrt *helm.Chart, values map[string]any) error {
	var text strings.Builder
	if chrt.Schema != nil {
		if err := s.validateOne(values, chrt.Schema); err != nil {
			text.WriteString(chrt.Name() + ":\n" + err.Error())
		}
	}
	for _, sub := range chrt.Dependencies() {
		below, _ := values[sub.Name()].(map[string]any)
		if err := s.validate(sub, below); err != nil {
			text.WriteString(err.Error())
		}
	}
	if text.Len() > 0 {
		return errors.New(text.String())
	}
	return nil
}

// validateOne is [chartutil.ValidateAgainstSingleSchema]. What is wrong is left to that
// to say.
func (s *schemas) validateOne(values chartutil.Values, text []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("unable to validate schema: %v", r)
		}
	}()
	schema, err := s.schema(text)
	if err == nil {
		err = schema.Validate(values.AsMap())
	}
	if err != nil {
		return chartutil.ValidateAgainstSingleSchema(values, text)
	}
	return nil
}

// schema returns a schema, compiled. One that refers to others is not: they would be
// read from the machine, or from the network.
func (s *schemas) schema(text []byte) (*jsonschema.Schema, error) {
	s.mu.Lock()
	compile, ok := s.compiled[string(text)]
	if !ok {
		compile = sync.OnceValues(func() (*jsonschema.Schema, error) {
			document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				return nil, err
			}
			compiler := jsonschema.NewCompiler()
			compiler.UseLoader(jsonschema.SchemeURLLoader{})
			if err := compiler.AddResource(schemaAddress, document); err != nil {
				return nil, err
			}
			return compiler.Compile(schemaAddress)
		})
		if s.compiled == nil {
			s.compiled = map[string]func() (*jsonschema.Schema, error){}
		}
		s.compiled[string(text)] = compile
	}
	s.mu.Unlock()
	return compile()
}

var additional = regexp.MustCompile(`additional properties ('.*') not allowed`)

// inOrder puts what Helm says of values in order, which it says as the maps come in which
// they are.
func inOrder(message string) string {
	message = additional.ReplaceAllStringFunc(message, func(all string) string {
		names := additional.FindStringSubmatch(all)[1]
		sorted := strings.Split(names, ", ")
		slices.Sort(sorted)
		return strings.Replace(all, names, strings.Join(sorted, ", "), 1)
	})
	return strings.Join(itemsInOrder(strings.Split(message, "\n")), "\n")
}

// itemsInOrder orders the items of a list, each with the lines below it that stand
// further in, and those below likewise.
func itemsInOrder(lines []string) []string {
	indent := func(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }
	var ordered []string
	var items [][]string
	flush := func() {
		slices.SortFunc(items, slices.Compare[[]string])
		ordered = append(ordered, slices.Concat(items...)...)
		items = nil
	}
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && indent(lines[n]) > indent(lines[0]) {
			n++
		}
		if strings.HasPrefix(strings.TrimLeft(lines[0], " "), "- ") {
			items = append(items, append(lines[:1:1], itemsInOrder(lines[1:n])...))
		} else {
			flush()
			ordered = append(ordered, lines[:n]...)
		}
		lines = lines[n:]
	}
	flush()
	return ordered
}
