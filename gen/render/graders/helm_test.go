package graders_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/bench/toolcache"
	"gitlab.com/towpath/towpath/gen/chart"
)

// helms are the versions of Helm that somebody may check a chart with: Argo CD's, gen's, and the next.
var helms = []toolcache.Tool{toolcache.Helm316, toolcache.Helm318, toolcache.Helm319, toolcache.Helm4}

// TestHelm lints the chart of every release with its values, warnings counted as errors, and renders it with the schema
// of the values in force. That the objects are gen's too is a matter of package render.
func TestHelm(t *testing.T) {
	if testing.Short() {
		t.Skip("it judges every environment")
	}
	all := environments(t)
	for _, helm := range helms {
		t.Run(helm.Version, func(t *testing.T) {
			t.Parallel()
			program := helm.Require(t)
			for _, env := range all {
				for _, release := range env.Releases {
					for _, problem := range helmProblems(t, program, filepath.Join(root, "charts", release.Chart), env.request(t, release)) {
						t.Errorf("%s/%s: %s", env.name, release.Name, problem)
					}
				}
			}
		})
	}
}

// helmProblems returns what helm lint and helm template say against a chart in a folder and the values of a release.
func helmProblems(t *testing.T, program, dir string, request chart.Release) (problems []string) {
	t.Helper()
	home := t.TempDir()
	values := []string{"--kube-version", request.KubernetesVersion, "--namespace", request.Namespace}
	for i, text := range request.Values {
		file := filepath.Join(home, string(rune('a'+i))+".yaml")
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		values = append(values, "--values", file)
	}
	template := []string{"template", request.Name, dir}
	for _, version := range request.APIVersions {
		template = append(template, "--api-versions", version)
	}
	for _, args := range [][]string{{"lint", "--strict", dir}, template} {
		cmd := exec.Command(program, append(args, values...)...)
		// Away from the user's own settings, plugins and cluster.
		cmd.Env = []string{
			"HOME=" + home, "HELM_CONFIG_HOME=" + home, "HELM_CACHE_HOME=" + home, "HELM_DATA_HOME=" + home,
			"KUBECONFIG=" + filepath.Join(home, "none"),
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			problems = append(problems, "helm "+args[0]+": "+err.Error()+"\n"+strings.TrimSpace(string(out)))
		}
	}
	return problems
}
