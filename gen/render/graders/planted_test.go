package graders_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// everything returns the environment with everything switched on.
func everything(t *testing.T) graded {
	t.Helper()
	all := environments(t)
	i := slices.IndexFunc(all, func(g graded) bool { return g.name == "fixture/everything" })
	return all[i]
}

// plant returns manifests in which one line of an object, named Kind/name, is replaced by another.
func plant(t *testing.T, objects []manifest.Object, object, line, by string) []byte {
	t.Helper()
	i := slices.IndexFunc(objects, func(o manifest.Object) bool { return o.Kind+"/"+o.Name == object })
	if i < 0 {
		t.Fatalf("there is no %s", object)
	}
	before, after, found := strings.Cut(string(text(t, objects[i:i+1])), " "+line+"\n")
	if !found {
		t.Fatalf("%s has no line %q to replace", object, line)
	}
	return slices.Concat(text(t, objects[:i]), []byte(before+" "+by+"\n"+after), text(t, objects[i+1:]))
}

// TestKubeScoreFinds plants what some of kube-score's checks are there for.
func TestKubeScoreFinds(t *testing.T) {
	env := everything(t)
	good := env.objects(t)
	for _, test := range []struct{ object, line, by, check string }{
		{"Deployment/service", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "container-security-context-readonlyrootfilesystem"},
		{"Deployment/service", "runAsUser: 65532", "runAsUser: 0", "container-security-context-user-group-id"},
		{"Deployment/service", "memory: 256Mi", "storage: 256Mi", "container-resources"},
		{"Deployment/service", "ephemeral-storage: 256Mi", "storage: 256Mi", "container-ephemeral-storage-request-and-limit"},
		{"Deployment/service", "readinessProbe:", "startupProbe:", "pod-probes"},
		{"NetworkPolicy/service", "- Egress", "- Ingress", "pod-networkpolicy"},
		{"Service/service", "type: ClusterIP", "type: NodePort", "service-type"},
		{"HorizontalPodAutoscaler/service", "minReplicas: 3", "minReplicas: 1", "horizontalpodautoscaler-replicas"},
		{"CronJob/postgres-backup", "startingDeadlineSeconds: 3600", "suspend: false", "cronjob-has-deadline"},
	} {
		t.Run(test.check, func(t *testing.T) {
			found := func(manifests []byte) bool {
				return slices.ContainsFunc(complaints(t, env.Cluster.KubernetesVersion, manifests), func(c complaint) bool { return c.check == test.check })
			}
			if found(text(t, good)) {
				t.Fatal("found without anything planted")
			}
			if !found(plant(t, good, test.object, test.line, test.by)) {
				t.Error("not found")
			}
		})
	}
}

// TestKubeconformFinds plants what a schema is there for.
func TestKubeconformFinds(t *testing.T) {
	good := everything(t).objects(t)
	versions := validators(t)
	for name, test := range map[string]struct{ object, line, by, want string }{
		"type":           {"HorizontalPodAutoscaler/service", "minReplicas: 3", "minReplicas: three", "got string, want integer"},
		"unknown":        {"PodDisruptionBudget/service", "maxUnavailable: 1", "maxUnavailble: 1", "'maxUnavailble' not allowed"},
		"deep unknown":   {"Deployment/service", "path: /livez", "pth: /livez", "'pth' not allowed"},
		"missing":        {"Deployment/service", "mountPath: /tmp", "readOnly: false", "missing property 'mountPath'"},
		"twice":          {"Deployment/service", "enableServiceLinks: false", "enableServiceLinks: false\n      enableServiceLinks: false", "already set"},
		"custom type":    {"ExternalSecret/postgres", "refreshInterval: 1h", "refreshInterval: 1", "got number, want string"},
		"custom unknown": {"ExternalSecret/postgres", "refreshInterval: 1h", "refreshIntervall: 1h", "'refreshIntervall' not allowed"},
		"custom pattern": {"ServiceMonitor/service", "interval: 30s", "interval: 30 seconds", "does not match pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := plant(t, good, test.object, test.line, test.by)
			for version, v := range versions {
				problems, _ := invalid(v, bad)
				if len(problems) != 1 || !strings.Contains(problems[0], test.want) {
					t.Errorf("Kubernetes %s: %q, want one with %q", version, problems, test.want)
				}
			}
		})
	}
	t.Run("unknown kind", func(t *testing.T) {
		for version, v := range versions {
			problems, _ := invalid(v, []byte("apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: old}\n"))
			if len(problems) != 1 || !strings.Contains(problems[0], "could not find schema") {
				t.Errorf("Kubernetes %s: %q", version, problems)
			}
		}
	})
}

// TestHelmFinds plants a template that is no YAML, and values that the schema refuses.
func TestHelmFinds(t *testing.T) {
	env := everything(t)
	i := slices.IndexFunc(env.Releases, func(r environment.Release) bool { return r.Name == "service" })
	request := env.request(t, env.Releases[i])
	dir := filepath.Join(t.TempDir(), "service")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "charts/service"))); err != nil {
		t.Fatal(err)
	}
	broken := dir + "-broken"
	if err := os.CopyFS(broken, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, "templates/planted.yaml"), []byte("kind: ConfigMap\n metadata: {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	misspelt := request
	misspelt.Values = append(slices.Clone(request.Values), []byte("replica: 3\n"))
	for _, helm := range helms {
		t.Run(helm.Version, func(t *testing.T) {
			t.Parallel()
			program := helm.Require(t)
			for name, test := range map[string]struct {
				dir     string
				request chart.Release
				want    string
			}{
				"template": {broken, request, "planted.yaml"},
				"values":   {dir, misspelt, "replica"},
			} {
				problems := helmProblems(t, program, test.dir, test.request)
				if len(problems) != 2 || !strings.Contains(problems[0], test.want) || !strings.Contains(problems[1], test.want) {
					t.Errorf("%s: %q, want lint and template to refuse %s", name, problems, test.want)
				}
			}
		})
	}
}
