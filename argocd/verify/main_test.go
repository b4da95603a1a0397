package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"gitlab.com/towpath/towpath/argocd/verify/internal/testrepo"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
)

func verifyDir(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(context.Background(), args, &out, &err)
	return code, out.String(), err.String()
}

// repository writes a copy of this repository, with what gen produces, and
// returns its folder.
func repository(t *testing.T) string {
	t.Helper()
	root, err := testrepo.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"envs", "charts", "argocd/bootstrap"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	// The module of Argo CD is found from here.
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, content)
	}
	repo := os.DirFS(dir)
	names, err := environment.Names(repo)
	if err != nil {
		t.Fatal(err)
	}
	set, err := environment.Load(repo, names)
	if err != nil {
		t.Fatal(err)
	}
	files := delivery.Shared(set.Environments)
	for _, env := range set.Environments {
		files = append(files, delivery.Environment(env)...)
	}
	for _, f := range files {
		write(t, dir, f.Path, f.Content)
	}
	return dir
}

func write(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	name = filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestThisRepository(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := verifyDir(t, repository(t))
	if code != exitFine || stdout != "" || stderr != "" {
		t.Errorf("exit code %d, want %d\n%s%s", code, exitFine, stdout, stderr)
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	dir := repository(t)
	name := "argocd/prod/service.yaml"
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, name, bytes.ReplaceAll(content, []byte("refs/heads/env/prod"), []byte("main")))
	code, stdout, stderr := verifyDir(t, dir)
	if code != exitPolicy || stderr != "" {
		t.Errorf("exit code %d, want %d\n%s", code, exitPolicy, stderr)
	}
	for _, want := range []string{name + ":", "targetRevision: main", "wrong-revision", "gen render prod"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	_, stdout, _ = verifyDir(t, "-o", "json", dir)
	var findings []struct{ Rule, File string }
	if err := json.Unmarshal([]byte(stdout), &findings); err != nil || len(findings) != 1 || findings[0].Rule != "wrong-revision" || findings[0].File != name {
		t.Errorf("findings %v, error %v, want one of rule wrong-revision in %s:\n%s", findings, err, name, stdout)
	}
}

func TestInput(t *testing.T) {
	t.Parallel()
	dir := repository(t)
	write(t, dir, "envs/prod/extra.cue", []byte("package prod\n\nreleases: service: values: replcas: 3\n"))
	code, stdout, stderr := verifyDir(t, dir)
	if code != exitInput || !strings.Contains(stdout, "envs/prod/extra.cue:3") {
		t.Errorf("exit code %d, want %d\n%s%s", code, exitInput, stdout, stderr)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-x"}, {"-o", "xml"}, {"a", "b"}, {t.TempDir()}} {
		if code, _, stderr := verifyDir(t, args...); code != exitError || stderr == "" {
			t.Errorf("verify %s: exit code %d, want %d, and a message", strings.Join(args, " "), code, exitError)
		}
	}
	if code, _, stderr := verifyDir(t, "-h"); code != exitFine || !strings.Contains(stderr, "Usage:") {
		t.Errorf("verify -h: exit code %d\n%s", code, stderr)
	}
}

// The approval record is on no branch but the approval branch, and what it makes
// of a chart has to be permitted all the same.
func TestKindsOfApprovals(t *testing.T) {
	t.Parallel()
	repo := fstest.MapFS{
		"charts/c/Chart.yaml":            {Data: []byte("apiVersion: v2\nname: c\nversion: 0.1.0\n")},
		"charts/c/templates/a.yaml":      {Data: []byte("{{ with .Values.approval }}apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n{{ end }}")},
		"charts/c/templates/b.yaml":      {Data: []byte("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: {{ .Values.name }}}\n")},
		"charts/c/values.yaml":           {Data: []byte("{}\n")},
		"envs/prod/values/service.yaml":  {Data: []byte("name: b\n")},
		"envs/prod/values/unrelated.txt": {Data: []byte("")},
	}
	app := &v1alpha1.Application{}
	app.Spec.Source = &v1alpha1.ApplicationSource{Path: "charts/c", Helm: &v1alpha1.ApplicationSourceHelm{
		ReleaseName: "c", KubeVersion: "1.33",
		ValueFiles: []string{"/envs/prod/values/service.yaml", "/envs/prod/approval.yaml"},
	}}
	got, err := kinds(repo)(app)
	if err != nil {
		t.Fatal(err)
	}
	want := []schema.GroupKind{{Kind: "ConfigMap"}, {Group: "apps", Kind: "Deployment"}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("kinds %v, want %v", got, want)
	}
	app.Spec.Source.Helm.ValueFiles = []string{"/envs/prod/values/missing.yaml"}
	if _, err := kinds(repo)(app); err == nil {
		t.Error("a missing value file is no error, want one: Argo CD refuses it")
	}
}
