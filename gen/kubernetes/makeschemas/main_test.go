package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/gen/kubernetes/internal/schema"
)

// TestStoredFilesAreMadeFromTheModules compares what is stored with what the generator makes. It works on the
// module cache alone, unless every tool is required: where the modules are missing there is nothing to compare with.
func TestStoredFilesAreMadeFromTheModules(t *testing.T) {
	if os.Getenv("TOWPATH_REQUIRE_TOOLS") != "1" {
		t.Setenv("GOPROXY", "off")
	}
	t.Setenv("GOFLAGS", "-mod=mod")
	for _, module := range modules() {
		if _, err := download(module); err != nil {
			if os.Getenv("TOWPATH_REQUIRE_TOOLS") == "1" {
				t.Fatal(err)
			}
			t.Skipf("%s is not in the module cache; run once, outside of any Go module: go mod download %s", module, strings.Join(modules(), " "))
		}
	}
	made, err := makeAll()
	if err != nil {
		t.Fatal(err)
	}
	again := map[string][]byte{} // one version suffices to see an order that comes from a map
	folder, err := download(kubernetesModules[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := makeKubernetes(kubernetesModules[0], folder, again); err != nil {
		t.Fatal(err)
	}
	stored := map[string][]byte{}
	paths, err := filepath.Glob("../schemas/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		// The lines are compared and not the files: another Go release may compress them differently.
		compressed, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if stored[filepath.Base(path)], err = schema.Decompress(compressed); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	if got, want := slices.Sorted(maps.Keys(stored)), slices.Sorted(maps.Keys(made)); !slices.Equal(got, want) {
		t.Errorf("schemas/ holds\n%q\nand is to hold\n%q\nrun: go generate ./gen/kubernetes", got, want)
	}
	for name := range made {
		if again[name] != nil && !bytes.Equal(made[name], again[name]) {
			t.Errorf("%s came out differently the second time: %s", name, firstDifference(made[name], again[name]))
		}
		if stored[name] != nil && !bytes.Equal(made[name], stored[name]) {
			t.Errorf("%s is stale: %s\nrun: go generate ./gen/kubernetes", name, firstDifference(made[name], stored[name]))
		}
	}
}

func modules() []string {
	all := slices.Clone(kubernetesModules)
	for _, row := range crdModules {
		all = append(all, row.module)
	}
	return all
}

func firstDifference(want, got []byte) string {
	a, b := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is\n%.300s\nand is to be\n%.300s", i+1, b[i], a[i])
		}
	}
	return fmt.Sprintf("%d lines instead of %d", len(b), len(a))
}

func TestCompressIsDeterministic(t *testing.T) {
	lines := bytes.Repeat([]byte("name\t{}\n"), 1000)
	first, err := schema.Compress(lines)
	if err != nil {
		t.Fatal(err)
	}
	second, err := schema.Compress(lines)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("the same lines were compressed to different bytes")
	}
	if back, err := schema.Decompress(first); err != nil || !bytes.Equal(back, lines) {
		t.Errorf("Decompress did not give the lines back: %v", err)
	}
}

// TestConvertRefuses: what would not be enforced stops the generator.
func TestConvertRefuses(t *testing.T) {
	for want, in := range map[string]map[string]any{
		`a.b: multipleOf: keyword is not understood: teach schema.Schema and walk.go`: {
			"properties": map[string]any{"b": map[string]any{"type": "integer", "multipleOf": 2}}},
		`a[]: format: hostname is not one that is checked: teach format in scalar.go`: {
			"items": map[string]any{"format": "hostname"}},
		`a: enum: [1] ([]interface {}) is neither a string nor a number`:        {"enum": []any{[]any{1}}},
		"a: pattern: error parsing regexp: missing closing ): `(`":              {"pattern": "("},
		`a.*: a schema is an object, not string`:                                {"additionalProperties": "yes"},
		`a: minLength: json: cannot unmarshal string into Go value of type int`: {"minLength": "1"},
	} {
		if _, err := convert("a", in); err == nil || err.Error() != want {
			t.Errorf("convert(%v) = %v, want %s", in, err, want)
		}
	}
}

func TestConvertForgetsWhatIsDefaulted(t *testing.T) {
	got, err := convert("a", map[string]any{
		"required":   []any{"b", "a"},
		"properties": map[string]any{"a": map[string]any{"default": 1}, "b": map[string]any{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Required, []string{"b"}) {
		t.Errorf("Required = %q, want b alone: the API server fills a in", got.Required)
	}
	if got.Properties["a"].Default == nil {
		t.Error("a default is lost that a form may turn on, and that a comparison needs")
	}
}

func TestDefinitionName(t *testing.T) {
	for goType, want := range map[string]string{
		"k8s.io/api/apps/v1.Deployment":                   "io.k8s.api.apps.v1.Deployment",
		"k8s.io/apimachinery/pkg/apis/meta/v1.ObjectMeta": "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
		"k8s.io/apimachinery/pkg/util/intstr.IntOrString": "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
	} {
		if got := definitionName(goType); got != want {
			t.Errorf("definitionName(%s) = %s, want %s", goType, got, want)
		}
	}
}
