package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/render"
)

// TestCompose holds compose.yaml against envs/dev: the service has its settings,
// and those of the bundled databases in place of SQLite.
func TestCompose(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image       string
			Environment map[string]string
		}
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for name, value := range settings(t, bundledExample(t)) {
		if strings.HasPrefix(name, "DATABASE_") || strings.HasPrefix(name, "REDIS_") {
			want[name] = value
		}
	}
	for name, value := range settings(t, dev(t)) {
		// Accounts with passwords that everyone knows are for SQLite only.
		if name != "SEED_DEMO" {
			want[name] = value
		}
	}
	for _, service := range []string{"service", "migration"} {
		got := file.Services[service].Environment
		for name, value := range want {
			if got[name] != value {
				t.Errorf("compose.yaml: %s has %s=%q, envs/dev says %q", service, name, got[name], value)
			}
		}
		for name := range got {
			if _, ok := want[name]; !ok {
				t.Errorf("compose.yaml: %s has %s, which nothing in envs/dev says", service, name)
			}
		}
	}
	for _, name := range []string{"postgres", "redis"} {
		if image := serverImage(t, name); file.Services[name].Image != image {
			t.Errorf("compose.yaml: %s runs %s, charts/%s installs %s", name, file.Services[name].Image, name, image)
		}
	}
}

// settings returns the environment variables in the service's ConfigMap.
func settings(t *testing.T, objects []any) map[string]string {
	t.Helper()
	for _, object := range objects {
		o := object.(map[string]any)
		data, _ := o["data"].(map[string]any)
		if o["kind"] != "ConfigMap" || data["PORT"] == nil {
			continue
		}
		out := map[string]string{}
		for name, value := range data {
			out[name] = value.(string)
		}
		return out
	}
	t.Fatal("there is no ConfigMap with the service's environment")
	return nil
}

func bundledExample(t *testing.T) []any {
	return renderExample(t, "database: \"bundled\"\nredis: \"bundled\"\n")
}

func dev(t *testing.T) []any {
	t.Helper()
	repo := os.DirFS(root)
	set, err := environment.Load(repo, []string{"dev"})
	if err != nil {
		t.Fatal(err)
	}
	return renderAll(t, render.New(repo), set)
}

// serverImage returns the image that a bundled server's chart installs by default.
func serverImage(t *testing.T, chart string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "charts", chart, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var values struct {
		Image struct{ Repository, Tag string }
	}
	if err := yaml.Unmarshal(data, &values); err != nil {
		t.Fatal(err)
	}
	return values.Image.Repository + ":" + values.Image.Tag
}
