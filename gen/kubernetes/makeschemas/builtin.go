package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/kubernetes/internal/schema"
)

// swagger is the part of api/openapi-spec/swagger.json that is read here.
type swagger struct {
	Definitions map[string]map[string]any             `json:"definitions"`
	Paths       map[string]map[string]json.RawMessage `json:"paths"`
}

// operation is one verb on one path.
type operation struct {
	GVK        struct{ Group, Version, Kind string } `json:"x-kubernetes-group-version-kind"`
	Parameters []struct {
		In     string
		Schema struct {
			Ref string `json:"$ref"`
		}
	}
}

// Types with an UnmarshalJSON of their own: swagger.json can only approximate what they accept.
var handWritten = map[string]*schema.Schema{
	"io.k8s.apimachinery.pkg.api.resource.Quantity":   {Format: schema.Quantity},
	"io.k8s.apimachinery.pkg.util.intstr.IntOrString": {Format: "int32", IntOrString: true},
	"io.k8s.apimachinery.pkg.apis.meta.v1.Time":       {Type: "string", Format: "date-time"},
	"io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime":  {Type: "string", Format: schema.MicroTime},
	"io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1":   {Type: "object", Open: true},
	"io.k8s.apimachinery.pkg.runtime.RawExtension":    {Type: "object", Open: true},
}

// makeKubernetes adds the file of one Kubernetes version.
func makeKubernetes(module, folder string, files map[string][]byte) error {
	text, err := os.ReadFile(filepath.Join(folder, "api/openapi-spec/swagger.json"))
	if err != nil {
		return err
	}
	var source swagger
	if err := json.Unmarshal(text, &source); err != nil {
		return fmt.Errorf("swagger.json: %w", err)
	}
	all := make(map[string]*schema.Schema, len(source.Definitions))
	for name, definition := range source.Definitions {
		if all[name] = handWritten[name]; all[name] != nil {
			continue
		}
		if all[name], err = convert(name, definition); err != nil {
			return err
		}
	}
	if err := addEnums(filepath.Join(folder, "pkg/generated/openapi/zz_generated.openapi.go"), all); err != nil {
		return err
	}
	index := schema.Index{Source: module}
	if index.Kinds, err = kindsOf(source); err != nil {
		return err
	}
	used := map[string]*schema.Schema{}
	reach(schema.ObjectMeta, all, used)
	for _, kind := range index.Kinds {
		reach(kind.Definition, all, used)
	}
	lines, err := schema.Pack(index, used)
	files["kubernetes-"+minor(module)+".gz"] = lines
	return err
}

// minor is 1.33 for k8s.io/kubernetes@v1.33.13.
func minor(module string) string {
	_, version, _ := strings.Cut(module, "@v")
	return version[:strings.LastIndexByte(version, '.')]
}

// kindsOf finds the kinds that a manifest can hold: those that a client can replace by name. That leaves out
// lists, options, reviews, bindings and scales, which are kinds of messages and not of objects.
func kindsOf(source swagger) ([]schema.Kind, error) {
	var kinds []schema.Kind
	for path, verbs := range source.Paths {
		text, replaceable := verbs["put"]
		if !replaceable || !strings.HasSuffix(path, "/{name}") {
			continue
		}
		var put operation
		if err := json.Unmarshal(text, &put); err != nil {
			return nil, fmt.Errorf("put %s: %w", path, err)
		}
		kind := schema.Kind{
			APIVersion: strings.TrimPrefix(put.GVK.Group+"/"+put.GVK.Version, "/"),
			Kind:       put.GVK.Kind,
			Namespaced: strings.Contains(path, "/namespaces/{namespace}/"),
		}
		for _, parameter := range put.Parameters {
			if parameter.In == "body" {
				kind.Definition = strings.TrimPrefix(parameter.Schema.Ref, "#/definitions/")
			}
		}
		kinds = append(kinds, kind)
	}
	if len(kinds) == 0 {
		return nil, fmt.Errorf("swagger.json has no path with a put on /{name}")
	}
	slices.SortFunc(kinds, func(a, b schema.Kind) int {
		return cmp.Or(cmp.Compare(a.APIVersion, b.APIVersion), cmp.Compare(a.Kind, b.Kind))
	})
	return kinds, nil
}

// reach copies a definition and all that it refers to.
func reach(name string, from, to map[string]*schema.Schema) {
	if to[name] != nil {
		return
	}
	to[name] = from[name]
	var follow func(*schema.Schema)
	follow = func(s *schema.Schema) {
		if s == nil {
			return
		}
		if s.Ref != "" {
			reach(s.Ref, from, to)
		}
		follow(s.Items)
		follow(s.Additional)
		for _, property := range slices.Sorted(maps.Keys(s.Properties)) {
			follow(s.Properties[property])
		}
	}
	follow(from[name])
}
