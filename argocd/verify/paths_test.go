package main

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"sigs.k8s.io/yaml"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	argopath "github.com/argoproj/argo-cd/v2/util/app/path"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
)

// inMemory returns the files of a folder.
func inMemory(t *testing.T, dir string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	repo := os.DirFS(dir)
	err := fs.WalkDir(repo, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(repo, name)
		files[name] = &fstest.MapFile{Data: data, Mode: 0o644}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// asArgoCD renders what an Application says, and returns the texts or the error.
func asArgoCD(repo fs.FS, app *v1alpha1.Application) string {
	source := app.Spec.Source
	c, err := chart.Load(repo, strings.TrimPrefix(source.Path, "charts/"))
	if err != nil {
		return err.Error()
	}
	release := chart.Release{
		Name: source.Helm.ReleaseName, Namespace: app.Spec.Destination.Namespace,
		KubernetesVersion: source.Helm.KubeVersion, APIVersions: source.Helm.APIVersions,
	}
	for _, name := range source.Helm.ValueFiles {
		data, err := fs.ReadFile(repo, strings.TrimPrefix(name, "/"))
		if err != nil {
			return err.Error()
		}
		release.Values = append(release.Values, data)
	}
	// Helm holds the values against the chart's schema before it renders.
	if err := c.ValidateValues(release); err != nil {
		return err.Error()
	}
	sources, err := c.Render(release)
	if err != nil {
		return err.Error()
	}
	var text strings.Builder
	for _, s := range sources {
		text.WriteString(s.Template + "\n" + s.Text)
	}
	return text.String()
}

// whole returns this repository, and its environments.
func whole(t *testing.T) (fstest.MapFS, []*environment.Environment) {
	t.Helper()
	files := inMemory(t, repository(t))
	names, err := environment.Names(files)
	if err != nil {
		t.Fatal(err)
	}
	set, err := environment.Load(files, names)
	if err != nil {
		t.Fatal(err)
	}
	return files, set.Environments
}

// TestPathsAreNeverTooFew changes each file of the repository, and adds and
// removes some: whatever alters what an Application renders, Argo CD must see as
// a change, by its own reading of the annotation.
func TestPathsAreNeverTooFew(t *testing.T) {
	t.Parallel()
	files, envs := whole(t)
	for _, env := range envs {
		for _, release := range env.Releases {
			t.Run(env.Name+"/"+release.Name, func(t *testing.T) {
				t.Parallel()
				// Most environments have no annotation; what it would be has to be right
				// all the same.
				free := *env
				free.Delivery.SignatureKeys, free.Delivery.SkipUnchanged = nil, true
				app := application(t, &free, release.Name)
				if app.Annotations[delivery.PathsAnnotation] == "" {
					t.Fatalf("no annotation %s", delivery.PathsAnnotation)
				}
				everyChange(t, files, &free, app)
			})
		}
	}
}

func everyChange(t *testing.T, files fstest.MapFS, env *environment.Environment, app *v1alpha1.Application) {
	repo := maps.Clone(files)
	if _, follows := env.ApprovalBranch(); follows {
		repo[env.ApprovalFile()] = &fstest.MapFile{Data: []byte(approval)}
	}
	opened := opens{repo, map[string]bool{}}
	baseline := asArgoCD(opened, app)
	if !strings.Contains(baseline, "kind:") {
		t.Fatalf("the Application does not render: %s", baseline)
	}
	paths := argopath.GetAppRefreshPaths(app)
	seen := map[string]bool{}
	try := func(name string, content []byte) {
		if !opened.names[name] && !opened.names[path.Dir(name)] {
			return // Nobody looks at it, so that it alters nothing.
		}
		was, existed := repo[name]
		if content == nil {
			delete(repo, name)
		} else {
			repo[name] = &fstest.MapFile{Data: content, Mode: 0o644}
		}
		altered := asArgoCD(repo, app) != baseline
		if existed {
			repo[name] = was
		} else {
			delete(repo, name)
		}
		if !altered {
			return
		}
		seen[name] = true
		if !argopath.AppFilesHaveChanged(paths, []string{name}) {
			t.Errorf("%s alters what is rendered, and is not among %q", name, app.Annotations[delivery.PathsAnnotation])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(repo)) {
		data := repo[name].Data
		try(name, nil)
		try(name, append(bytes.Clone(data), "\n# {{ fail \"changed\" }}\nchanged: true\n"...))
	}
	chartDir := app.Spec.Source.Path
	for _, name := range []string{
		chartDir + "/templates/new.yaml", chartDir + "/templates/deep/new.yaml", chartDir + "/crds/new.yaml", chartDir + "/.helmignore",
		chartDir + "/charts/new/Chart.yaml", env.Dir() + "/new.cue", env.Dir() + "/values/new.yaml", "charts/new/Chart.yaml",
	} {
		try(name, []byte("changed: true\n{{ fail \"new\" }}\ntemplates/*\n"))
	}
	// The test is worth something only if it alters what matters.
	for _, name := range append([]string{chartDir + "/Chart.yaml", chartDir + "/values.schema.json", chartDir + "/templates/_helpers.tpl"},
		app.Spec.Source.Helm.ValueFiles...) {
		if name = strings.TrimPrefix(name, "/"); !seen[name] {
			t.Errorf("a change of %s altered nothing", name)
		}
	}
}

// opens notes which files and folders are opened.
type opens struct {
	repo  fs.FS
	names map[string]bool
}

func (o opens) Open(name string) (fs.File, error) {
	o.names[name] = true
	return o.repo.Open(name)
}

// application returns the Application that gen produces for a release.
func application(t *testing.T, env *environment.Environment, release string) *v1alpha1.Application {
	t.Helper()
	name := delivery.Dir + "/" + env.Name + "/" + release + ".yaml"
	for _, f := range delivery.Environment(env) {
		if f.Path != name {
			continue
		}
		var app v1alpha1.Application
		if err := yaml.Unmarshal(f.Content, &app); err != nil {
			t.Fatal(err)
		}
		return &app
	}
	t.Fatalf("%s is not produced", name)
	return nil
}

// TestPathsOfRoots holds the Applications that read folders against what is in
// them.
func TestPathsOfRoots(t *testing.T) {
	t.Parallel()
	files, envs := whole(t)
	var produced []delivery.File
	for _, env := range envs {
		env.Delivery.SkipUnchanged = true
		produced = append(produced, delivery.Environment(env)...)
	}
	found := 0
	for _, file := range append(produced, delivery.Shared(envs)...) {
		if !strings.HasPrefix(file.Path, delivery.EnvironmentsDir+"/") || !strings.HasSuffix(file.Path, "/root.yaml") {
			continue
		}
		var app v1alpha1.Application
		if err := yaml.Unmarshal(file.Content, &app); err != nil {
			t.Fatal(err)
		}
		paths := argopath.GetAppRefreshPaths(&app)
		if len(paths) == 0 {
			continue
		}
		found++
		for other := range files {
			below := strings.HasPrefix(other, app.Spec.Source.Path+"/")
			if got := argopath.AppFilesHaveChanged(paths, []string{other}); got != below {
				t.Errorf("%s: a change of %s counts: %v, want %v", app.Name, other, got, below)
			}
		}
	}
	if found == 0 {
		t.Error("no root Application has the annotation")
	}
}
