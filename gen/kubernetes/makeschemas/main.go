// Command makeschemas makes the files in ../schemas. Run it through `go generate ./gen/kubernetes`.
//
// Everything comes from Go modules, so it needs Go and a module proxy, nothing else:
//
//   - the built-in kinds from k8s.io/kubernetes, one file per minor version. The shapes, the required
//     fields, the kinds that can be kept and whether they are namespaced are in
//     api/openapi-spec/swagger.json. That file carries no enums; those are read from
//     pkg/generated/openapi/zz_generated.openapi.go of the same module, where Kubernetes' own generator
//     wrote the constants of every type marked +enum.
//   - the custom kinds from the CRDs that their projects publish in their modules, one file per kind.
//
// To follow a new Kubernetes or to know another project's kinds, add a line to a table below and
// generate. A keyword or format that the validator would not enforce stops the program: a schema is
// either honoured in full or not taken.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"gitlab.com/towpath/towpath/gen/kubernetes/internal/schema"
)

// kubernetesModules lists the versions to know, the newest patch of each minor.
var kubernetesModules = []string{
	"k8s.io/kubernetes@v1.31.14",
	"k8s.io/kubernetes@v1.32.13",
	"k8s.io/kubernetes@v1.33.13",
	"k8s.io/kubernetes@v1.34.4",
	"k8s.io/kubernetes@v1.35.4",
	"k8s.io/kubernetes@v1.36.3",
}

// crdModules lists the custom kinds to know: a module and the files in it that hold CRDs. Of a project whose kinds
// are many and large, those are named that belong to an application; the rest is its cluster's business.
var crdModules = []struct {
	module string
	files  []string
}{
	{"github.com/argoproj/argo-cd/v2@v2.14.21", []string{"manifests/crds/*-crd.yaml"}},
	{"github.com/external-secrets/external-secrets@v1.3.2", []string{
		"config/crds/bases/external-secrets.io_externalsecrets.yaml",
		"config/crds/bases/external-secrets.io_*secretstores.yaml",
	}},
	{"github.com/prometheus-operator/prometheus-operator@v0.85.0", []string{
		"example/prometheus-operator-crd/*_podmonitors.yaml",
		"example/prometheus-operator-crd/*_prometheusrules.yaml",
		"example/prometheus-operator-crd/*_servicemonitors.yaml",
	}},
	{"sigs.k8s.io/gateway-api@v1.6.3", []string{"config/crd/standard/gateway.networking.k8s.io_*.yaml"}},
}

func main() {
	if err := run("schemas"); err != nil {
		fmt.Fprintln(os.Stderr, "makeschemas:", err)
		os.Exit(1)
	}
}

// run makes every file before it touches the folder, and then removes what no table asks for any more.
func run(folder string) error {
	files, err := makeAll()
	if err != nil {
		return err
	}
	stale, err := filepath.Glob(filepath.Join(folder, "*.gz"))
	if err != nil {
		return err
	}
	for _, name := range stale {
		if _, wanted := files[filepath.Base(name)]; !wanted {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	for name, lines := range files {
		compressed, err := schema.Compress(lines)
		if err != nil {
			return fmt.Errorf("compress %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), compressed, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// makeAll returns the lines of every file by its name.
func makeAll() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, module := range kubernetesModules {
		folder, err := download(module)
		if err != nil {
			return nil, err
		}
		if err := makeKubernetes(module, folder, files); err != nil {
			return nil, fmt.Errorf("%s: %w", module, err)
		}
	}
	for _, row := range crdModules {
		folder, err := download(row.module)
		if err != nil {
			return nil, err
		}
		for _, pattern := range row.files {
			if err := makeCRDs(row.module, filepath.Join(folder, pattern), files); err != nil {
				return nil, fmt.Errorf("%s: %w", row.module, err)
			}
		}
	}
	return files, nil
}

// download returns the folder of a module in the module cache. It runs outside of this module because
// `go mod download` would otherwise record the module in go.sum, and none of them is a dependency of the
// program; the checksum database vouches for them all the same.
func download(module string) (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, runErr := cmd.Output()
	var result struct{ Dir, Error string }
	if err := json.Unmarshal(out, &result); err != nil {
		return "", fmt.Errorf("go mod download %s: %w: %s", module, errors.Join(runErr, err), stderr.String())
	}
	if result.Error != "" || result.Dir == "" {
		return "", fmt.Errorf("go mod download %s: %s", module, result.Error)
	}
	return result.Dir, nil
}
