package graders_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"github.com/yannh/kubeconform/pkg/validator"

	"gitlab.com/towpath/towpath/gen/environment"
)

// validators returns kubeconform, strict and offline, for each version of Kubernetes that there are schemas of.
func validators(t *testing.T) map[string]validator.Validator {
	t.Helper()
	dir := t.TempDir()
	versions := map[string]validator.Validator{}
	for name, data := range readArchive(t) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		folder, _, _ := strings.Cut(name, "/")
		if full, builtin := strings.CutSuffix(folder, ".0-standalone-strict"); builtin {
			versions[strings.TrimPrefix(full, "v")] = nil
		}
	}
	for version := range versions {
		one, err := validator.New(
			[]string{dir, dir + "/{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json"},
			validator.Opts{KubernetesVersion: version + ".0", Strict: true},
		)
		if err != nil {
			t.Fatal(err)
		}
		versions[version] = one
	}
	return versions
}

// invalid returns what kubeconform says against manifests. It finds a kind without a schema wrong as well.
func invalid(v validator.Validator, manifests []byte) (problems []string, valid int) {
	for _, result := range v.Validate("manifests", io.NopCloser(bytes.NewReader(manifests))) {
		switch result.Status {
		case validator.Valid:
			valid++
		case validator.Empty:
		default:
			object := "an object"
			if signature, err := result.Resource.Signature(); err == nil {
				object = signature.QualifiedName()
			}
			problems = append(problems, object+": "+result.Err.Error())
		}
	}
	return problems, valid
}

// TestKubeconform holds every environment against every version of Kubernetes that it could name.
func TestKubeconform(t *testing.T) {
	if testing.Short() {
		t.Skip("it judges every environment")
	}
	versions := validators(t)
	for _, version := range contractVersions(t) {
		if versions[version] == nil {
			t.Errorf("%s has no schemas of Kubernetes %s: add it to kubernetesModules", archive, version)
		}
	}
	for _, env := range environments(t) {
		objects := env.objects(t)
		manifests := text(t, objects)
		for version, v := range versions {
			problems, valid := invalid(v, manifests)
			for _, problem := range problems {
				t.Errorf("%s, Kubernetes %s: %s", env.name, version, problem)
			}
			if valid+len(problems) != len(objects) {
				t.Errorf("%s: kubeconform saw %d objects of %d", env.name, valid+len(problems), len(objects))
			}
		}
	}
}

// contractVersions are the versions of Kubernetes that the contract lets an environment name.
func contractVersions(t *testing.T) (versions []string) {
	t.Helper()
	instance, err := environment.LoadContract(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	field := cuecontext.New().BuildInstance(instance).LookupPath(cue.ParsePath("#Cluster.kubernetesVersion"))
	op, alternatives := field.Expr()
	if op != cue.OrOp {
		t.Fatalf("the contract has no alternatives for kubernetesVersion: %v", field)
	}
	for _, alternative := range alternatives {
		version, err := alternative.String()
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, version)
	}
	return versions
}
