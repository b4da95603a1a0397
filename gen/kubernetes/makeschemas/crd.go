package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	apiyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/kubernetes/internal/schema"
)

// crd is the part of a CustomResourceDefinition that is read here.
type crd struct {
	Kind string
	Spec struct {
		Group string
		Names struct{ Kind string }
		Scope string
		// Versions that are not served cannot be applied.
		Versions []struct {
			Name   string
			Served bool
			Schema struct{ OpenAPIV3Schema map[string]any }
		}
	}
}

// makeCRDs adds a file per custom kind that the files of a module define, named GROUP_KIND so that the reader
// knows without opening anything which kinds there are.
func makeCRDs(module, pattern string, files map[string][]byte) error {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	found := 0
	for _, path := range paths {
		documents, err := readDocuments(path)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		for _, document := range documents {
			if document.Kind != "CustomResourceDefinition" {
				continue
			}
			lines, err := packCRD(module, document)
			if err != nil {
				return err
			}
			files[document.Spec.Group+"_"+document.Spec.Names.Kind+".gz"] = lines
			found++
		}
	}
	if found == 0 {
		return fmt.Errorf("no CustomResourceDefinition in %s", pattern)
	}
	return nil
}

func readDocuments(path string) ([]crd, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var documents []crd
	reader := apiyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		var one crd
		if err := yaml.Unmarshal(document, &one); err != nil {
			return nil, err
		}
		documents = append(documents, one)
	}
}

func packCRD(module string, source crd) ([]byte, error) {
	index := schema.Index{Source: module}
	definitions := map[string]*schema.Schema{}
	for _, version := range source.Spec.Versions {
		if !version.Served {
			continue
		}
		apiVersion := source.Spec.Group + "/" + version.Name
		name := apiVersion + "." + source.Spec.Names.Kind
		root, err := convert(name, version.Schema.OpenAPIV3Schema)
		if err != nil {
			return nil, err
		}
		// CRDs leave these three to the API server, which treats them alike for every kind.
		if root.Properties == nil {
			root.Properties = map[string]*schema.Schema{}
		}
		root.Type = "object"
		root.Properties["apiVersion"] = &schema.Schema{Type: "string"}
		root.Properties["kind"] = &schema.Schema{Type: "string"}
		root.Properties["metadata"] = &schema.Schema{Ref: schema.ObjectMeta}
		// Every object needs a metadata.name; a CRD that asks for metadata would only say it twice.
		root.Required = slices.DeleteFunc(root.Required, func(name string) bool { return name == "metadata" })
		definitions[name] = root
		index.Kinds = append(index.Kinds, schema.Kind{
			APIVersion: apiVersion,
			Kind:       source.Spec.Names.Kind,
			Namespaced: source.Spec.Scope == "Namespaced",
			Definition: name,
		})
	}
	return schema.Pack(index, definitions)
}
