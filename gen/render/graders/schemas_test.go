package graders_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "make testdata/schemas.zip anew from the modules of Kubernetes and of the CRDs")

// archive holds the schemas in kubeconform's own layouts: that of its default location for what Kubernetes has, and that
// of the catalogue of CRDs. It is stored because the modules that it is made from are hundreds of megabytes.
const archive = "testdata/schemas.zip"

// kubernetesModules are the versions of Kubernetes that a cluster may have, the newest patch of each.
var kubernetesModules = []string{
	"k8s.io/kubernetes@v1.31.14",
	"k8s.io/kubernetes@v1.32.13",
	"k8s.io/kubernetes@v1.33.13",
	"k8s.io/kubernetes@v1.34.4",
	"k8s.io/kubernetes@v1.35.4",
	"k8s.io/kubernetes@v1.36.3",
}

// crdFiles are the files of modules that define the custom kinds of the charts.
var crdFiles = map[string]string{
	"github.com/external-secrets/external-secrets@v1.3.2":        "config/crds/bases/external-secrets.io_externalsecrets.yaml",
	"github.com/prometheus-operator/prometheus-operator@v0.85.0": "example/prometheus-operator-crd/*_{prometheusrules,servicemonitors}.yaml",
	"sigs.k8s.io/gateway-api@v1.6.3":                             "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
}

// TestSchemas makes the schemas again from the modules and compares, so that nobody can bend the stored ones.
func TestSchemas(t *testing.T) {
	made := map[string][]byte{}
	kinds := permittedKinds(t)
	for _, module := range kubernetesModules {
		maps.Copy(made, kubernetesSchemas(t, module, download(t, module), kinds))
	}
	for module, pattern := range crdFiles {
		maps.Copy(made, crdSchemas(t, download(t, module), pattern))
	}
	if *update {
		writeArchive(t, made)
	}
	stored := readArchive(t)
	if got, want := slices.Sorted(maps.Keys(stored)), slices.Sorted(maps.Keys(made)); !slices.Equal(got, want) {
		t.Fatalf("%s holds\n%q\nand is to hold\n%q", archive, got, want)
	}
	for name := range made {
		if !bytes.Equal(made[name], stored[name]) {
			t.Errorf("%s: %s is not what the modules say; run this test with -update", archive, name)
		}
	}
}

// permittedKinds are those that an environment may have, by group and kind.
func permittedKinds(t *testing.T) map[string]bool {
	t.Helper()
	kinds := map[string]bool{}
	for _, env := range environments(t) {
		for _, kind := range env.Delivery.Kinds {
			kinds[kind] = true
		}
	}
	return kinds
}

// download returns the folder of a module. The tests themselves work offline, so unless the tools are required, or the
// schemas are to be made, it has to lie in the module cache already.
func download(t *testing.T, module string) string {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", module)
	// Outside of this module, which does not depend on it.
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	required := *update || os.Getenv("TOWPATH_REQUIRE_TOOLS") == "1"
	if !required {
		cmd.Env = append(cmd.Env, "GOPROXY=off")
	}
	out, err := cmd.Output()
	var result struct{ Dir, Error string }
	if decodeErr := json.Unmarshal(out, &result); decodeErr != nil || result.Dir == "" {
		if !required {
			t.Skipf("%s is not in the module cache, so the stored schemas can't be compared with it; set TOWPATH_REQUIRE_TOOLS=1 to download it", module)
		}
		t.Fatalf("go mod download %s: %v: %s", module, err, result.Error)
	}
	return result.Dir
}

// kubernetesSchemas returns a schema for each kind by its file, as kubeconform's default location has them, and one file
// with what they refer to.
func kubernetesSchemas(t *testing.T, module, dir string, kinds map[string]bool) map[string][]byte {
	t.Helper()
	var spec struct {
		Definitions map[string]map[string]any
	}
	text, err := os.ReadFile(filepath.Join(dir, "api/openapi-spec/swagger.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	_, version, _ := strings.Cut(module, "@v")
	folder := "v" + version[:strings.LastIndexByte(version, '.')] + ".0-standalone-strict/"
	files := map[string][]byte{}
	reached := map[string]any{}
	for name, definition := range spec.Definitions {
		for _, gvk := range list(definition["x-kubernetes-group-version-kind"]) {
			group, version, kind := gvk["group"].(string), gvk["version"].(string), gvk["kind"].(string)
			if !kinds[strings.TrimSuffix(kind+"."+group, ".")] {
				continue
			}
			// apps and not apps.k8s.io: kubeconform goes by the first part of the group.
			prefix, _, _ := strings.Cut(group, ".")
			file := strings.ToLower(strings.Join(slices.DeleteFunc([]string{kind, prefix, version}, func(s string) bool { return s == "" }), "-"))
			files[folder+file+".json"] = encode(t, map[string]any{"$ref": "_definitions.json#/definitions/" + name})
			reach(name, spec.Definitions, reached)
		}
	}
	files[folder+"_definitions.json"] = encode(t, map[string]any{"definitions": reached})
	return files
}

func list(value any) (all []map[string]any) {
	items, _ := value.([]any)
	for _, item := range items {
		all = append(all, item.(map[string]any))
	}
	return all
}

// reach copies a definition, made strict, and all that it refers to.
func reach(name string, from map[string]map[string]any, to map[string]any) {
	if to[name] != nil {
		return
	}
	if strings.HasSuffix(name, ".api.resource.Quantity") {
		// swagger.json says that it is a text; the API server takes a number too.
		to[name] = map[string]any{"type": []any{"string", "number"}}
		return
	}
	to[name] = strict(from[name])
	var follow func(any)
	follow = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			if ref, ok := value["$ref"].(string); ok {
				reach(strings.TrimPrefix(ref, "#/definitions/"), from, to)
			}
			for _, child := range value {
				follow(child)
			}
		case []any:
			for _, child := range value {
				follow(child)
			}
		}
	}
	follow(from[name])
}

// crdSchemas returns a schema for each version of the custom kinds in files, as the catalogue of CRDs names them.
func crdSchemas(t *testing.T, dir, pattern string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, file := range glob(t, dir, pattern) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var crd struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Served bool
					Schema struct{ OpenAPIV3Schema map[string]any }
				}
			}
		}
		if err := yaml.Unmarshal(text, &crd); err != nil {
			t.Fatal(err)
		}
		for _, version := range crd.Spec.Versions {
			if version.Served {
				name := fmt.Sprintf("%s/%s_%s.json", crd.Spec.Group, strings.ToLower(crd.Spec.Names.Kind), version.Name)
				files[name] = encode(t, strict(version.Schema.OpenAPIV3Schema))
			}
		}
	}
	return files
}

// glob returns the files of a pattern with one choice in braces at most; there has to be one for each.
func glob(t *testing.T, dir, pattern string) (files []string) {
	t.Helper()
	before, rest, _ := strings.Cut(pattern, "{")
	choices, after, _ := strings.Cut(rest, "}")
	for choice := range strings.SplitSeq(choices, ",") {
		found, err := filepath.Glob(filepath.Join(dir, before+choice+after))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s in %s: %q, %v", before+choice+after, dir, found, err)
		}
		files = append(files, found...)
	}
	return files
}

// strict returns a schema of OpenAPI as one of JSON that refuses fields it does not know, as kubectl and kubeconform's
// own schemas do.
func strict(schema map[string]any) map[string]any {
	out := map[string]any{}
	for keyword, value := range schema {
		switch keyword {
		case "properties":
			properties := map[string]any{}
			for name, property := range value.(map[string]any) {
				properties[name] = strict(property.(map[string]any))
			}
			out[keyword] = properties
		case "items", "additionalProperties", "not":
			if child, ok := value.(map[string]any); ok {
				value = strict(child)
			}
			out[keyword] = value
		case "allOf", "anyOf", "oneOf":
			// Alternatives say more about fields that stand beside them, and know no others.
			out[keyword] = value
		case "$ref", "type", "format", "enum", "pattern", "required", "minimum", "maximum", "exclusiveMinimum",
			"exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "uniqueItems":
			out[keyword] = value
		}
	}
	if out["properties"] != nil && out["additionalProperties"] == nil && schema["x-kubernetes-preserve-unknown-fields"] != true {
		out["additionalProperties"] = false
	}
	if schema["format"] == "int-or-string" || schema["x-kubernetes-int-or-string"] == true {
		delete(out, "format")
		delete(out, "anyOf")
		out["type"] = []any{"integer", "string"}
	}
	return out
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func writeArchive(t *testing.T, files map[string][]byte) {
	t.Helper()
	var out bytes.Buffer
	writer := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file, err := writer.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(archive, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readArchive(t *testing.T) map[string][]byte {
	t.Helper()
	reader, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	files := map[string][]byte{}
	for _, file := range reader.File {
		if files[file.Name], err = fs.ReadFile(reader, file.Name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
