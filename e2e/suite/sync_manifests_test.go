package suite

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// trackingID is the annotation by which Argo CD knows its objects again.
const trackingID = "argocd.argoproj.io/tracking-id"

// manifest is a Kubernetes object, as JSON has it.
type manifest map[string]any

func (m manifest) text(path ...string) string {
	var at any = map[string]any(m)
	for _, name := range path {
		below, _ := at.(map[string]any)
		at = below[name]
	}
	text, _ := at.(string)
	return text
}

func (m manifest) group() string {
	group, _, found := strings.Cut(m.text("apiVersion"), "/")
	if !found {
		return ""
	}
	return group
}

// String is the object's name in a cluster.
func (m manifest) String() string {
	return fmt.Sprintf("%s/%s:%s/%s", m.group(), m.text("kind"), m.text("metadata", "namespace"), m.text("metadata", "name"))
}

// TestManifestsAreArgoCDs compares what gen renders of the commit that an Application runs with what Argo CD has
// computed of it: what its repository server renders, hooks included, and what its controller compares the cluster with.
func TestManifestsAreArgoCDs(t *testing.T) {
	leaveToVariables(t)
	environments, err := filepath.Glob(filepath.Join(clone(), "envs", "*", "env.cue"))
	if err != nil || len(environments) == 0 {
		t.Fatalf("no environments in %s: %v", clone(), err)
	}
	for _, file := range environments {
		env := filepath.Base(filepath.Dir(file))
		names := strings.Fields(kubectl(t, "-n", "argocd-"+env, "get", "applications.argoproj.io", "-o", "jsonpath={.items[*].metadata.name}"))
		if len(names) == 0 {
			t.Errorf("%s has no Applications", env)
		}
		for _, name := range names {
			t.Run(env+" "+name, func(t *testing.T) {
				happened := tried(t, fmt.Sprintf("`gen render %s --manifests` of the commit that Application %s runs is what Argo CD computed", env, name))
				compared(t, "argocd-"+env, name) // What it computed last may be of before the last change.
				var revision string
				eventually(t, 3*time.Minute, func() error {
					found, err := readApplication("argocd-"+env, name)
					revision = found.Status.Sync.Revision
					if err == nil && (revision == "" || found.Status.Sync.Status != "Synced") {
						err = fmt.Errorf("%s", found)
					}
					return err
				})
				want := renderedAt(t, revision, env, name)
				rendered := compareManifests(t, "argocd-"+env+"_"+name, want, manifestsOf(t, env, name, revision))
				hooks := 0
				maps.DeleteFunc(want, func(_ string, m manifest) bool {
					hook := m.text("metadata", "annotations", "argocd.argoproj.io/hook") != ""
					if hook {
						hooks++
					}
					return hook
				})
				compared := compareManifests(t, "argocd-"+env+"_"+name, want, targetsOf(t, env, name))
				happened("commit %.10s: %d objects, %d of them hooks; to each Argo CD adds the annotation %s and nothing else", revision, rendered, hooks, trackingID)
				if compared != rendered-hooks {
					t.Errorf("%d of %d objects were compared with the cluster", compared, rendered-hooks)
				}
			})
		}
	}
}

// renderedAt is what gen renders of one release at a commit.
func renderedAt(t *testing.T, revision, env, release string) map[string]manifest {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "tree")
	git(t, "worktree", "add", "--quiet", "--detach", folder, revision)
	t.Cleanup(func() { git(t, "worktree", "remove", "--force", folder) })
	out := t.TempDir()
	gen(t, "-C", folder, "render", env, "--manifests", "-o", "json", "--output-dir", out)
	data, err := os.ReadFile(filepath.Join(out, env, release+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return manifestsFrom(t, strings.Split(strings.TrimSpace(string(data)), "\n"))
}

// manifestsOf is what Argo CD's repository server renders of a revision.
func manifestsOf(t *testing.T, env, name, revision string) map[string]manifest {
	t.Helper()
	var answer struct{ Manifests []string }
	ask(t, fmt.Sprintf("/api/v1/applications/%s/manifests?appNamespace=argocd-%s&project=%[2]s&revision=%s", name, env, url.QueryEscape(revision)), &answer)
	return manifestsFrom(t, answer.Manifests)
}

// targetsOf is what Argo CD's controller compares the cluster with.
func targetsOf(t *testing.T, env, name string) map[string]manifest {
	t.Helper()
	var answer struct {
		Items []struct{ TargetState string }
	}
	ask(t, fmt.Sprintf("/api/v1/applications/%s/managed-resources?appNamespace=argocd-%s&project=%[2]s", name, env), &answer)
	var texts []string
	for _, item := range answer.Items {
		// What runs and is in Git no more has no target.
		if item.TargetState != "" && item.TargetState != "null" {
			texts = append(texts, item.TargetState)
		}
	}
	return manifestsFrom(t, texts)
}

func ask(t *testing.T, path string, answer any) {
	t.Helper()
	status, data, err := argoCD(adminToken(t), http.MethodGet, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, status, message(data))
	}
	if err := json.Unmarshal(data, answer); err != nil {
		t.Fatal(err)
	}
}

func manifestsFrom(t *testing.T, texts []string) map[string]manifest {
	t.Helper()
	manifests := map[string]manifest{}
	for _, text := range texts {
		var m manifest
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if _, twice := manifests[m.String()]; twice {
			t.Errorf("%s is there twice", m)
		}
		manifests[m.String()] = m
	}
	return manifests
}

// compareManifests reports each object and field in which Argo CD's manifests are not gen's with a tracking annotation,
// and returns how many objects there are.
func compareManifests(t *testing.T, application string, want, got map[string]manifest) int {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		m, ok := got[name]
		if !ok {
			t.Errorf("%s: gen renders it, and Argo CD does not have it", name)
			continue
		}
		if id := m.text("metadata", "annotations", trackingID); id != application+":"+name {
			t.Errorf("%s: annotation %s is %q", name, trackingID, id)
		}
		for _, difference := range differences("", map[string]any(want[name]), untracked(m)) {
			t.Errorf("%s: %s", name, difference)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: Argo CD has it, and gen does not render it", name)
		}
	}
	return len(want)
}

// untracked is a manifest without what Argo CD adds.
func untracked(m manifest) map[string]any {
	m = maps.Clone(m)
	metadata, _ := m["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	annotations, _ := metadata["annotations"].(map[string]any)
	annotations = maps.Clone(annotations)
	delete(annotations, trackingID)
	metadata["annotations"] = annotations
	if len(annotations) == 0 {
		delete(metadata, "annotations")
	}
	m["metadata"] = metadata
	return m
}

// differences lists the paths at which two values of JSON differ.
func differences(path string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			break
		}
		keys := maps.Clone(want)
		maps.Copy(keys, got)
		var all []string
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			w, inWant := want[key]
			g, inGot := got[key]
			switch below := path + "." + key; {
			case !inGot:
				all = append(all, fmt.Sprintf("%s: gen renders %v, Argo CD nothing", below, w))
			case !inWant:
				all = append(all, fmt.Sprintf("%s: Argo CD adds %v", below, g))
			default:
				all = append(all, differences(below, w, g)...)
			}
		}
		return all
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			break
		}
		var all []string
		for i := range want {
			all = append(all, differences(fmt.Sprintf("%s[%d]", path, i), want[i], got[i])...)
		}
		return all
	}
	if reflect.DeepEqual(want, got) {
		return nil
	}
	return []string{fmt.Sprintf("%s: gen renders %v, Argo CD %v", path, want, got)}
}

func TestDifferences(t *testing.T) {
	read := func(text string) any {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		return value
	}
	for _, test := range []struct{ want, got, difference string }{
		{`{"a":{"b":[1,2.0]}}`, `{"a":{"b":[1.0,2]}}`, ""},
		{`{"a":{"b":[1,2]}}`, `{"a":{"b":[1,3]}}`, ".a.b[1]: gen renders 2, Argo CD 3"},
		{`{"a":{"b":[1,2]}}`, `{"a":{"b":[1]}}`, ".a.b: gen renders [1 2], Argo CD [1]"},
		{`{"a":1}`, `{"a":"1"}`, ".a: gen renders 1, Argo CD 1"},
		{`{"a":1}`, `{}`, ".a: gen renders 1, Argo CD nothing"},
		{`{}`, `{"a":null}`, ".a: Argo CD adds <nil>"},
	} {
		if got := strings.Join(differences("", read(test.want), read(test.got)), "; "); got != test.difference {
			t.Errorf("%s and %s: %q instead of %q", test.want, test.got, got, test.difference)
		}
	}
}
