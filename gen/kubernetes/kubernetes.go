// Package kubernetes judges objects against the API of one Kubernetes version, offline and strictly:
// unknown fields, wrong types, missing required fields, values outside of an enum, badly formed quantities,
// times and base64, kinds that the version does not serve, and null anywhere.
//
//	api, err := kubernetes.Open("1.33")
//	for _, problem := range api.Validate(object) {
//		fmt.Println(problem)
//	}
//
// What it knows is stored in schemas/: a file per Kubernetes version and one per custom kind, made by
// makeschemas from what Kubernetes and the custom kinds' own projects publish. To know a new version or
// another project's kinds, add a line to a table in makeschemas/main.go and run go generate.
//
// # What is not judged
//
// Validation that the API server writes in Go or CEL: a name's form, a port's range, that a selector matches
// its template, unique list keys. Enums are those that Kubernetes marks as such; a few types, such as that of
// a HorizontalPodAutoscaler's metric, are plain strings there. APIs and fields that stay off until a feature
// gate is set count as served. Fields under status are judged, but none is missing there, since the API server
// drops the status that a client sends when it creates an object.
//
// # Why not a JSON Schema library
//
// The schemas of the API are a small, closed part of OpenAPI ("structural schemas"): no remote references, no
// conditionals, one type per value. Walking value and schema side by side takes a few pages. Around a library
// would be as many: to close the objects, teach it quantities and int-or-string, and turn "additional
// properties 'imagePulPolicy' not allowed" back into a field, the names that are allowed, and a message in the
// words of Kubernetes. It would also be slow to start. github.com/santhosh-tekuri/jsonschema/v6, a good one,
// takes 40 ms to parse and compile a version's definitions before it judges the first Deployment. Here the
// first takes some 2 ms and each further one 0.05 ms (go test -bench .), because only the definitions that an
// object reaches are ever parsed.
package kubernetes

import (
	"fmt"
	"strings"
)

//go:generate go run ./makeschemas

// API is the API of one Kubernetes version together with the custom kinds that are known. It is safe for
// concurrent use and loads what it needs when it is first asked.
type API struct {
	version string
	store   *store
}

// Versions lists the Kubernetes versions that Open knows, the oldest first.
func Versions() []string { return embedded.versions() }

// Open returns the API of a Kubernetes version such as 1.33. A patch and a leading v, as in v1.33.4, are
// accepted, since patches do not change the API. Opening reads nothing: an API that is never asked costs nothing.
func Open(version string) (*API, error) { return embedded.open(version) }

func (s *store) open(version string) (*API, error) {
	versions := s.versions()
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	for _, known := range versions {
		if len(parts) >= 2 && parts[0]+"."+parts[1] == known {
			return &API{version: known, store: s}, nil
		}
	}
	return nil, fmt.Errorf("version %q of Kubernetes is not supported; %s are", version, strings.Join(versions, ", "))
}

// Version is the Kubernetes version, such as 1.33.
func (a *API) Version() string { return a.version }

// Namespaced says whether objects of a kind live in a namespace; ok is false if the kind is not served.
func (a *API) Namespaced(apiVersion, kind string) (namespaced, ok bool) {
	found, _ := a.find(apiVersion, kind)
	if found == nil {
		return false, false
	}
	return found.kind.Namespaced, true
}

// Validate returns everything that is wrong with an object, in the order of its fields' paths, and nil if
// the API server would take it. The object is what JSON or YAML decodes into: maps with string keys, []any,
// strings, booleans, nil, and numbers of any Go type or json.Number. A List is not an object; its items are.
func (a *API) Validate(object map[string]any) []Problem {
	w := walk{api: a}
	apiVersion, hasVersion := w.typeMeta(object, "apiVersion")
	kind, hasKind := w.typeMeta(object, "kind")
	if hasVersion && hasKind {
		found, unknown := a.find(apiVersion, kind)
		if found == nil {
			return []Problem{*unknown}
		}
		w.value(found.schema(), object)
		w.name(object)
	}
	sortByPath(w.problems)
	return w.problems
}
