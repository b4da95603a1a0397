// Package bootstrap builds argocd/bootstrap as kubectl apply -k does, from a
// file system and without the network: Argo CD's own manifests come from its Go
// module instead of the address that the kustomization names.
package bootstrap

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const (
	// Dir is the folder that kubectl apply -k is given.
	Dir = "argocd/bootstrap"
	// Kustomization is the file that brings all of bootstrap together.
	Kustomization = Dir + "/kustomization.yaml"
	// InstallKustomization is the file that names Argo CD's manifests.
	InstallKustomization = Dir + "/install/kustomization.yaml"
	// Version is the release of Argo CD, and of the module that judges with
	// Argo CD's code.
	Version = "v2.14.21"
	// Commit is what the tag Version points to.
	Commit = "206a6eeca509bbf7f239301f3d3fa498c23251a4"
	// Install is the address of Argo CD's manifests at Commit.
	Install = "https://raw.githubusercontent.com/argoproj/argo-cd/" + Commit + "/manifests/install.yaml"
)

// ErrOutside is the error of a kustomization that takes in what is neither in
// the repository nor Argo CD's manifests at [Install].
var ErrOutside = errors.New("comes from outside the repository")

// Build returns every object of bootstrap. Install is the content of Argo CD's
// manifests/install.yaml.
func Build(repo fs.FS, install []byte) ([]*unstructured.Unstructured, error) {
	memory := filesys.MakeFsInMemory()
	// Outside Dir, kustomizations live in argocd/projects only.
	for _, dir := range []string{Dir, "argocd/projects"} {
		if err := copyTree(memory, repo, dir); err != nil {
			return nil, fmt.Errorf("reading %s: %w", dir, err)
		}
	}
	remote, err := memory.ReadFile("/" + InstallKustomization)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", InstallKustomization, err)
	}
	const local = "install.yaml"
	if err := memory.WriteFile("/"+path.Dir(InstallKustomization)+"/"+local, install); err != nil {
		return nil, fmt.Errorf("keeping Argo CD's manifests in memory: %w", err)
	}
	if err := memory.WriteFile("/"+InstallKustomization, bytes.ReplaceAll(remote, []byte(Install), []byte(local))); err != nil {
		return nil, fmt.Errorf("keeping %s in memory: %w", InstallKustomization, err)
	}
	if err := onlyLocal(memory); err != nil {
		return nil, err
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(memory, "/"+Dir)
	if err != nil {
		return nil, fmt.Errorf("building %s: %w", Dir, err)
	}
	var objects []*unstructured.Unstructured
	for _, res := range built.Resources() {
		object, err := res.Map()
		if err != nil {
			return nil, fmt.Errorf("reading %s of %s: %w", res.CurId(), Dir, err)
		}
		objects = append(objects, &unstructured.Unstructured{Object: object})
	}
	return objects, nil
}

func copyTree(to filesys.FileSystem, from fs.FS, dir string) error {
	return fs.WalkDir(from, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		return to.WriteFile("/"+name, content)
	})
}

var kustomizationName = regexp.MustCompile(`(^|/)(kustomization\.ya?ml|Kustomization)$`)

// onlyLocal refuses kustomizations that name what is not in the file system,
// which kustomize would take for an address, and ask the network.
func onlyLocal(memory filesys.FileSystem) error {
	return memory.Walk("/", func(name string, info fs.FileInfo, err error) error {
		if err != nil || info.IsDir() || !kustomizationName.MatchString(name) {
			return err
		}
		content, err := memory.ReadFile(name)
		if err != nil {
			return err
		}
		var kustomization struct {
			Resources  []string `yaml:"resources"`
			Components []string `yaml:"components"`
			Bases      []string `yaml:"bases"`
			CRDs       []string `yaml:"crds"`
			Generators []string `yaml:"generators"`
			// Each of these can run a program or fetch a chart.
			Transformers []string `yaml:"transformers"`
			Validators   []string `yaml:"validators"`
			HelmCharts   []any    `yaml:"helmCharts"`
		}
		if err := yaml.Unmarshal(content, &kustomization); err != nil {
			return fmt.Errorf("reading %s: %w", strings.TrimPrefix(name, "/"), err)
		}
		if len(kustomization.HelmCharts) > 0 {
			return fmt.Errorf("a Helm chart in %s %w", strings.TrimPrefix(name, "/"), ErrOutside)
		}
		for _, list := range [][]string{
			kustomization.Resources, kustomization.Components, kustomization.Bases, kustomization.CRDs,
			kustomization.Generators, kustomization.Transformers, kustomization.Validators,
		} {
			for _, entry := range list {
				if !memory.Exists(path.Join(path.Dir(name), entry)) {
					return fmt.Errorf("%s in %s %w", entry, strings.TrimPrefix(name, "/"), ErrOutside)
				}
			}
		}
		return nil
	})
}
