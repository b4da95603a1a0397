// Package testrepo is a repository to test against: three environments, what
// gen produces for them, and this repository's own bootstrap.
package testrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"gitlab.com/towpath/towpath/argocd/verify/bootstrap"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
)

// Key is the id of the approval key in argocd/bootstrap/keys.
const Key = "170C6F1ADB1B1613"

const repository = "https://gitlab.com/towpath/towpath.git"

// Environments returns dev and stage, which follow main, and prod, which
// follows its approvals.
func Environments() []*environment.Environment {
	following := func(name, tier string) *environment.Environment {
		return &environment.Environment{
			Name: name, Tier: tier, Namespace: "towpath-" + name,
			Cluster: environment.Cluster{Server: delivery.InCluster, KubernetesVersion: "1.33"},
			Delivery: environment.Delivery{
				Repository: repository, Revision: "main", Sync: "automated", Prune: true, SelfHeal: true,
				Kinds: []string{"ConfigMap", "Deployment.apps", "Service"},
			},
			Releases: []environment.Release{{Name: "service", Helm: "service", Chart: "service"}},
		}
	}
	prod := following("prod", "production")
	prod.Delivery.Revision = "refs/heads/env/prod"
	prod.Delivery.SignatureKeys = []string{Key}
	stage := following("stage", "staging")
	stage.Delivery.SkipUnchanged = true
	return []*environment.Environment{following("dev", "development"), prod, stage}
}

// Files returns what is produced for envs, and bootstrap as it stands in this
// repository, without the produced part of it.
func Files(t testing.TB, envs []*environment.Environment) fstest.MapFS {
	t.Helper()
	files, err := own()
	if err != nil {
		t.Fatal(err)
	}
	files = maps.Clone(files)
	add := func(produced []delivery.File) {
		for _, f := range produced {
			files[f.Path] = &fstest.MapFile{Data: f.Content}
		}
	}
	for _, env := range envs {
		add(delivery.Environment(env))
	}
	add(delivery.Shared(envs))
	return files
}

// Install returns the manifests of Argo CD's own module.
func Install(t testing.TB) []byte {
	t.Helper()
	install, err := install()
	if err != nil {
		t.Fatal(err)
	}
	return install
}

// SmallInstall returns Install without the CRDs, nine tenths of it, for tests
// that build bootstrap many times.
func SmallInstall(t testing.TB) []byte {
	t.Helper()
	small, err := smallInstall()
	if err != nil {
		t.Fatal(err)
	}
	return small
}

// Root returns the root of this repository.
var Root = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the test")
		}
		dir = parent
	}
})

var install = sync.OnceValues(func() ([]byte, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	return bootstrap.ModuleInstall(context.Background(), root)
})

var smallInstall = sync.OnceValues(func() ([]byte, error) {
	all, err := install()
	if err != nil {
		return nil, err
	}
	var small []byte
	for _, document := range bytes.Split(all, []byte("\n---\n")) {
		if !bytes.Contains(document, []byte("\nkind: CustomResourceDefinition\n")) {
			small = append(append(small, "\n---\n"...), document...)
		}
	}
	return small, nil
})

var own = sync.OnceValues(func() (fstest.MapFS, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	files := fstest.MapFS{}
	repo := os.DirFS(root)
	err = fs.WalkDir(repo, bootstrap.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == delivery.EnvironmentsDir {
			return fs.SkipDir
		}
		if d.IsDir() {
			return nil
		}
		content, err := fs.ReadFile(repo, name)
		files[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", bootstrap.Dir, err)
	}
	return files, nil
})
