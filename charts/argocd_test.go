package charts_test

import (
	"strings"
	"testing"

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
