package delivery_test

import (
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
)

var update = flag.Bool("update", false, "write the produced files to testdata")

const testdata = "testdata"

// environments are one of each sort: following main, approved, approved for a cluster
// elsewhere, by hand and at certain hours, and approved for region after region.
func environments() []*environment.Environment {
	dev := &environment.Environment{
		Name: "dev", Tier: "development", Namespace: "towpath-dev",
		Cluster: environment.Cluster{Server: delivery.InCluster, KubernetesVersion: "1.33"},
		Delivery: environment.Delivery{
			Repository: "https://gitlab.com/towpath/towpath.git", Revision: "main",
			Sync: "automated", Prune: true, SelfHeal: true, SkipUnchanged: true, Kinds: []string{"ConfigMap", "Deployment.apps"},
		},
		Releases: []environment.Release{{Name: "service", Helm: "service", Chart: "service"}},
	}
	prod := &environment.Environment{
		Name: "prod", Tier: "production", Namespace: "towpath-prod",
		Cluster: environment.Cluster{
			Server: delivery.InCluster, KubernetesVersion: "1.33", APIVersions: []string{"monitoring.coreos.com/v1"},
		},
		Delivery: environment.Delivery{
			Repository: "https://gitlab.com/towpath/towpath.git", Revision: "refs/heads/env/prod",
			Sync: "automated", Prune: true, SelfHeal: true,
			SignatureKeys: []string{"170C6F1ADB1B1613"},
			Kinds:         []string{"ConfigMap", "Deployment.apps", "Ingress.networking.k8s.io"},
		},
		Releases: []environment.Release{{Name: "redis", Helm: "redis", Chart: "redis"}, {Name: "service", Helm: "service", Chart: "service"}},
	}
	west := &environment.Environment{
		Name: "west", Tier: "production", Namespace: "shop",
		Cluster: environment.Cluster{Server: "https://west.example:6443", KubernetesVersion: "1.32"},
		Delivery: environment.Delivery{
			Repository: "https://gitlab.com/towpath/towpath.git", Revision: "refs/heads/env/west",
			Sync: "manual", Prune: true, SelfHeal: true,
			SignatureKeys: []string{"170C6F1ADB1B1613", "8C1D1F5A9B0E4C77"},
			Windows: []environment.SyncWindow{
				{Kind: "allow", Schedule: "0 9 * * 1-4", Duration: "8h", TimeZone: "Europe/Berlin"},
				{Kind: "deny", Schedule: "0 0 24 12 *", Duration: "72h", TimeZone: "UTC", ManualSync: true},
			},
			Kinds: []string{"Deployment.apps"},
		},
		Releases: []environment.Release{{Name: "service", Helm: "service", Chart: "service"}},
	}
	world := &environment.Environment{
		Name: "world", Tier: "production", Namespace: "towpath-world",
		Cluster: environment.Cluster{Server: delivery.InCluster, KubernetesVersion: "1.33"},
		Regions: map[string]environment.Region{
			"asia": {Cluster: environment.Cluster{Server: "https://asia.example:6443", KubernetesVersion: "1.33"}, Sync: "automated"},
			"eu":   {Cluster: environment.Cluster{Server: delivery.InCluster, KubernetesVersion: "1.34", APIVersions: []string{"monitoring.coreos.com/v1"}}, Sync: "automated"},
			"us":   {Cluster: environment.Cluster{Server: "https://us.example:6443", KubernetesVersion: "1.33"}, Sync: "automated"},
		},
		Rollout: [][]string{{"eu"}, {"us", "asia"}},
		Delivery: environment.Delivery{
			Repository: "https://gitlab.com/towpath/towpath.git", Revision: "refs/heads/env/world",
			Sync: "automated", Prune: true, SelfHeal: true,
			SignatureKeys: []string{"170C6F1ADB1B1613"},
			Kinds:         []string{"ConfigMap", "Deployment.apps"},
		},
		Releases: []environment.Release{
			{Name: "web-asia", Helm: "web", Region: "asia", Chart: "service"},
			{Name: "web-eu", Helm: "web", Region: "eu", Chart: "service"},
			{Name: "web-us", Helm: "web", Region: "us", Chart: "service"},
		},
	}
	return []*environment.Environment{dev, prod, west, world}
}

func produce(envs []*environment.Environment) map[string]string {
	files := map[string]string{}
	for _, env := range envs {
		for _, f := range delivery.Environment(env) {
			files[f.Path] = string(f.Content)
		}
	}
	for _, f := range delivery.Shared(envs) {
		files[f.Path] = string(f.Content)
	}
	return files
}

func TestFiles(t *testing.T) {
	t.Parallel()
	got := produce(environments())
	if *update {
		if err := os.RemoveAll(testdata); err != nil {
			t.Fatal(err)
		}
		for name, content := range got {
			name = filepath.Join(testdata, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := map[string]string{}
	repo := os.DirFS(testdata)
	err := fs.WalkDir(repo, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(repo, name)
		want[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: produced, and not in %s; go test -update writes it", name, testdata)
		} else if got[name] != want[name] {
			t.Errorf("%s differs from %s; go test -update writes it\n--- produced\n%s--- %s\n%s",
				name, testdata, got[name], testdata, want[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if _, ok := got[name]; !ok {
			t.Errorf("%s: in %s, and not produced", name, testdata)
		}
	}
}

func TestFilesAreSortedAndAttributed(t *testing.T) {
	t.Parallel()
	envs := environments()
	slices.Reverse(envs)
	check := func(files []delivery.File, source string) {
		t.Helper()
		if !slices.IsSortedFunc(files, func(a, b delivery.File) int { return strings.Compare(a.Path, b.Path) }) {
			t.Errorf("files of %s are not ordered by path", source)
		}
		for _, f := range files {
			want := "# Produced by gen render from " + source + ". Do not edit.\n"
			if !strings.HasPrefix(string(f.Content), want) {
				t.Errorf("%s does not begin with %q", f.Path, want)
			}
		}
	}
	for _, env := range envs {
		check(delivery.Environment(env), "envs/"+env.Name)
	}
	check(delivery.Shared(envs), "envs")
}

// The order in which environments were loaded must not show.
func TestSharedIgnoresOrder(t *testing.T) {
	t.Parallel()
	envs := environments()
	want := produce(envs)
	slices.Reverse(envs)
	if got := produce(envs); !maps.Equal(got, want) {
		t.Error("the files depend on the order of the environments")
	}
}

// Files of different environments never collide, and none is shared in part.
func TestEachPathHasOneSource(t *testing.T) {
	t.Parallel()
	source := map[string]string{}
	add := func(from string, files []delivery.File) {
		for _, f := range files {
			if other, ok := source[f.Path]; ok {
				t.Errorf("%s is produced from %s and from %s", f.Path, other, from)
			}
			source[f.Path] = from
		}
	}
	envs := environments()
	for _, env := range envs {
		add(env.Name, delivery.Environment(env))
	}
	add("all", delivery.Shared(envs))
}

func TestWithoutApprovals(t *testing.T) {
	t.Parallel()
	for name, content := range produce(environments()[:1]) {
		if strings.HasSuffix(name, "/projects.yaml") {
			t.Errorf("%s: without an approval branch, AppProjects come from bootstrap only", name)
		}
		for _, word := range []string{"signatureKeys", "approval", "ValidatingAdmissionPolicyBinding"} {
			if strings.Contains(content, word) {
				t.Errorf("%s: %s in an environment without approvals:\n%s", name, word, content)
			}
		}
	}
}

// Argo CD takes an absent list of kinds, and an empty one, for all kinds.
func TestNoKindsPermitsNone(t *testing.T) {
	t.Parallel()
	env := environments()[0]
	env.Delivery.Kinds = nil
	var project struct {
		Spec struct {
			Whitelist []any               `json:"namespaceResourceWhitelist"`
			Blacklist []map[string]string `json:"namespaceResourceBlacklist"`
		} `json:"spec"`
	}
	content := produce([]*environment.Environment{env})["argocd/projects/dev.yaml"]
	if err := yaml.Unmarshal([]byte(content), &project); err != nil {
		t.Fatal(err)
	}
	if b := project.Spec.Blacklist; len(b) != 1 || b[0]["group"] != "*" || b[0]["kind"] != "*" {
		t.Errorf("the project denies %v, want every kind:\n%s", b, content)
	}
}
