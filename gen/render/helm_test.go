package render_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/bench/objects"
	"gitlab.com/towpath/towpath/bench/toolcache"
	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/render"
)

// helms are the versions of Helm that somebody may render a chart with: Argo CD's,
// gen's, and the next.
var helms = []toolcache.Tool{toolcache.Helm316, toolcache.Helm318, toolcache.Helm319, toolcache.Helm4}

const repository = "../.."

// TestEnvironmentsAsHelm holds the objects of every release against those of
// helm template with the same arguments.
func TestEnvironmentsAsHelm(t *testing.T) {
	repo := os.DirFS(repository)
	names, err := environment.Names(repo)
	if err != nil {
		t.Fatal(err)
	}
	set, err := environment.Load(repo, names)
	if err != nil {
		t.Fatal(err)
	}
	renderer := render.New(repo)
	approval := []byte("approval:\n  number: 1234567\n  commit: " + strings.Repeat("0a", 20) +
		"\n  approvedBy: Someone <someone@towpath.example>\n  approvedAt: \"2024-01-02T03:04:05Z\"\n")
	for _, env := range set.Environments {
		for _, release := range env.Releases {
			request, err := renderer.Request(env, release)
			if err != nil {
				t.Fatal(err)
			}
			// Not by way of the approval branch, so that the test sees one on
			// every branch.
			approved := request
			approved.Values = append(approved.Values[:1:1], approval)
			for name, request := range map[string]chart.Release{"as committed": request, "approved": approved} {
				t.Run(env.Name+"/"+release.Name+"/"+name, func(t *testing.T) {
					c, err := renderer.Chart(release.Chart)
					if err != nil {
						t.Fatal(err)
					}
					got := rendered(t, c, request)
					if len(got) == 0 {
						t.Fatal("no objects")
					}
					for _, helm := range helms {
						t.Run(helm.Version, func(t *testing.T) {
							t.Parallel()
							want := templated(t, helm, filepath.Join(repository, c.Path()), request)
							report(t, objects.Differences(got, want))
						})
					}
				})
			}
		}
	}
}

// rendered returns the objects of a chart as gen has them. What gen prints of
// them must say the same.
func rendered(t *testing.T, c *chart.Chart, request chart.Release) []objects.Object {
	t.Helper()
	parsed, err := parsed(c, request)
	if err != nil {
		t.Fatal(err)
	}
	var all []objects.Object
	for _, o := range parsed {
		text, err := json.Marshal(o.Data)
		if err != nil {
			t.Fatal(err)
		}
		object, err := objects.FromJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, object)
	}
	text, err := manifest.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	printed, err := objects.Parse(text)
	if err != nil {
		t.Fatalf("gen prints what can't be read: %v", err)
	}
	for _, line := range objects.Differences(printed, all) {
		t.Errorf("printed as something else: %s", line)
	}
	return all
}

func parsed(c *chart.Chart, request chart.Release) ([]manifest.Object, error) {
	sources, err := c.Render(request)
	if err != nil {
		return nil, err
	}
	return manifest.Parse(sources)
}

// templated returns the objects that helm template prints for the chart in a
// folder.
func templated(t *testing.T, helm toolcache.Tool, dir string, request chart.Release) []objects.Object {
	t.Helper()
	args := []string{
		"template", request.Name, dir, "--namespace", request.Namespace,
		"--kube-version", request.KubernetesVersion, "--include-crds", "--skip-tests",
	}
	for _, version := range request.APIVersions {
		args = append(args, "--api-versions", version)
	}
	for _, file := range valueFiles(t, request.Values...) {
		args = append(args, "-f", file)
	}
	stdout, stderr, err := run(t, helm, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", helm, err, stderr)
	}
	parsed, err := objects.Parse(stdout)
	if err != nil {
		t.Fatalf("reading what %s prints: %v", helm, err)
	}
	return parsed
}

// valueFiles writes values to files of their own.
func valueFiles(t *testing.T, values ...[]byte) []string {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for i, text := range values {
		file := filepath.Join(dir, fmt.Sprintf("values-%d.yaml", i))
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// run runs Helm away from the user's own settings, plugins and cluster.
func run(t *testing.T, helm toolcache.Tool, args ...string) (stdout, stderr []byte, err error) {
	t.Helper()
	home := t.TempDir()
	cmd := exec.Command(helm.Require(t), args...)
	cmd.Env = []string{
		"HOME=" + home, "HELM_CONFIG_HOME=" + home, "HELM_CACHE_HOME=" + home, "HELM_DATA_HOME=" + home,
		"KUBECONFIG=" + filepath.Join(home, "none"),
	}
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	err = cmd.Run()
	return out.Bytes(), messages.Bytes(), err
}

func report(t *testing.T, differences []string) {
	t.Helper()
	for _, line := range differences {
		t.Errorf("gen, held against helm: %s", line)
	}
}

// copyCharts copies a folder of charts, changing the content of each file.
func copyCharts(t *testing.T, to, from string, change func([]byte) []byte) {
	t.Helper()
	err := filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, change(data), 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
