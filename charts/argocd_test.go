package charts_test

import (
	"cmp"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/manifest"
)

// compared are the objects by which Argo CD tells whether there is anything to sync. Hooks are not among them.
func compared(t *testing.T, objects []manifest.Object) string {
	t.Helper()
	var text strings.Builder
	for _, o := range objects {
		if o.Annotation("argocd.argoproj.io/hook") != "" {
			continue
		}
		data, err := yaml.Marshal(o.Data)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(data)
	}
	return text.String()
}

// TestRestoreStartsSync asks that each request to restore changes more than the Job, which is a hook: Argo CD syncs by
// itself only what differs, and then the request would stay unheard.
func TestRestoreStartsSync(t *testing.T) {
	for name, file := range map[string]string{"postgres": "towpath-20250102T030405Z.dump", "redis": "redis-20250102T030405Z.rdb"} {
		before := ""
		for _, values := range []string{
			"restore: {file: " + file + "}",
			"restore: {file: " + strings.Replace(file, "2025", "2026", 1) + "}",
			"restore: {file: " + file + ", overwrite: true}",
			"restore: {file: " + file + ", overwrite: true, attempt: 2}",
			"restore: {}",
		} {
			now := compared(t, render(t, name, "backup: {enabled: true}\n"+values))
			if now == before {
				t.Errorf("%s: Argo CD sees nothing new in %s", name, values)
			}
			before = now
		}
	}
}

// TestSecretsPrecedeTheirReaders asks that Argo CD waits twice between an ExternalSecret and what reads its Secret:
// argocd/bootstrap has it wait half as long as it does by default.
func TestSecretsPrecedeTheirReaders(t *testing.T) {
	values, err := os.ReadFile("../envs/prod/values/service.yaml")
	if err != nil {
		t.Fatal(err)
	}
	objects := render(t, "service", string(values))
	wave := func(o manifest.Object) int {
		number, err := strconv.Atoi(cmp.Or(o.Annotation("argocd.argoproj.io/sync-wave"), "0"))
		if err != nil {
			t.Fatalf("%s: %v", o, err)
		}
		return number
	}
	secrets := 0
	for _, secret := range objects {
		if secret.Kind != "ExternalSecret" {
			continue
		}
		secrets++
		readers := 0
		for _, o := range objects {
			if o.Kind != "Job" && o.Kind != "Deployment" {
				continue
			}
			if volumes := pod(t, objects, o.Kind+"/"+o.Name).Spec.Volumes; !slices.ContainsFunc(volumes, func(v corev1.Volume) bool {
				return v.Secret != nil && v.Secret.SecretName == secret.Name
			}) {
				continue
			}
			readers++
			waits := map[int]bool{}
			for _, other := range objects {
				if wave(secret) <= wave(other) && wave(other) < wave(o) {
					waits[wave(other)] = true
				}
			}
			if len(waits) < 2 {
				t.Errorf("%s is in wave %d, and %s in wave %d: Argo CD waits %d times between them", secret, wave(secret), o, wave(o), len(waits))
			}
		}
		if readers == 0 {
			t.Errorf("nothing reads the Secret of %s", secret)
		}
	}
	if secrets == 0 {
		t.Error("prod has no ExternalSecrets to try it with")
	}
}

// TestKeptClaimIsNoDifference asks that a claim which is not pruned does not keep its Application from being Synced, which
// an approval waits for.
func TestKeptClaimIsNoDifference(t *testing.T) {
	for name, values := range map[string]string{"postgres": "", "redis": "backup: {enabled: true}", "service": "config: {workloads: {portal: true}}"} {
		found := false
		for _, o := range render(t, name, values) {
			if o.Kind != "PersistentVolumeClaim" {
				continue
			}
			found = true
			if options := o.Annotation("argocd.argoproj.io/compare-options"); options != "IgnoreExtraneous" {
				t.Errorf("%s: %s has the compare-options %q", name, o, options)
			}
		}
		if !found {
			t.Errorf("%s has no claim", name)
		}
	}
}
