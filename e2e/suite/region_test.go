package suite

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// The environment world is one cluster by two addresses, each a region of its own to Argo CD. A rollout goes from eu to
// us. It stays as the last test here leaves it.
const (
	world      = "argocd-world"
	worldPages = "towpath-world"
	// second is the cluster's other address.
	second = "https://kubernetes.default.svc.cluster.local"
)

// knowSecond tells Argo CD of the cluster by its other address, as `argocd cluster add` does.
func knowSecond(t *testing.T) {
	t.Helper()
	token := kubectl(t, "-n", "argocd", "create", "token", "argocd-application-controller", "--duration=12h")
	authority := kubectl(t, "-n", "argocd", "get", "configmap", "kube-root-ca.crt", "-o", `jsonpath={.data.ca\.crt}`)
	access, err := json.Marshal(object{"bearerToken": token, "tlsClientConfig": object{"caData": base64.StdEncoding.EncodeToString([]byte(authority))}})
	if err != nil {
		t.Fatal(err)
	}
	apply(t, object{
		"apiVersion": "v1", "kind": "Secret",
		"metadata":   object{"name": "cluster-us", "namespace": "argocd", "labels": object{"argocd.argoproj.io/secret-type": "cluster"}},
		"stringData": object{"name": "us", "server": second, "config": string(access)},
	})
}

func apply(t *testing.T, o object) {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/object.json"
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "apply", "-f", file)
}

// approveWorld approves what main is, and returns the approval.
func approveWorld(t *testing.T) string {
	t.Helper()
	approve(t, "approve", "world", "--commit", "main", "--no-evidence", "--reason", "nothing comes before world")
	git(t, "fetch", "--quiet", "origin")
	return git(t, "rev-parse", "origin/env/world")
}

// page is what the Deployment of a region has.
func page(region, field string) (string, error) {
	return tryKubectl("-n", worldPages, "get", "deployment", "page-"+region, "--ignore-not-found", "-o", "jsonpath={"+field+"}")
}

const (
	pageText  = `.spec.template.metadata.annotations.towpath\.example/text`
	pageImage = ".spec.template.spec.containers[0].image"
)

// inOrder waits until us runs an approval, and fails if its sync starts before eu is healthy with it. It returns what
// was seen of the two.
func inOrder(t *testing.T, approval string) string {
	t.Helper()
	start := time.Now()
	var first, then time.Duration
	eventually(t, 4*time.Minute, func() error {
		us, err := readApplication(world, "page-us")
		if err != nil {
			return err
		}
		// Read after us: once eu is healthy it stays so.
		eu := delivered(world, "page-eu", approval)()
		if eu == nil && first == 0 {
			first = time.Since(start)
		}
		if us.Status.OperationState.SyncResult.Revision == approval {
			if eu != nil {
				t.Fatalf("us is synced before eu is healthy: us is %s\n%v", us, eu)
			}
			if then == 0 {
				then = time.Since(start)
			}
		}
		return delivered(world, "page-us", approval)()
	})
	return fmt.Sprintf("eu was healthy after %s, then us was synced after %s and healthy after %s", seconds(first), seconds(then), seconds(time.Since(start)))
}

// rollout is what the ApplicationSet says of its regions.
func rollout() (string, error) {
	return tryKubectl("-n", world, "get", "applicationsets.argoproj.io", "page", "-o",
		`jsonpath={range .status.applicationStatus[*]}{.application} {.status}, step {.step}; {end}{.status.conditions[?(@.type=="ErrorOccurred")].message}`)
}

// refreshWorld has Argo CD look at world's approvals for both regions.
func refreshWorld(t *testing.T) {
	t.Helper()
	refreshSigned(t, "argocd", "world-root")
	for _, region := range []string{"us", "eu"} {
		refreshSigned(t, world, "page-"+region)
	}
}

func TestRegionAfterRegion(t *testing.T) {
	if join(t) {
		return
	}
	needsOwnCluster(t, "it takes an environment of two regions, which only the cluster of go run . up has")
	knowSecond(t)
	t.Run("the first", func(t *testing.T) {
		happened := tried(t, "the first approval of an environment with `rollout: [[\"eu\"], [\"us\"]]`")
		approval := approveWorld(t)
		refreshedUntil(t, 5*time.Minute, func() { refreshWorld(t) }, func() error {
			_, err := readApplication(world, "page-us")
			return err
		})
		happened("%s", inOrder(t, approval))
	})
	t.Run("a change", func(t *testing.T) {
		happened := tried(t, "an approval that Argo CD sees in the last region first")
		tune(t, "world", `releases: page: values: text: "changed"`)
		t.Cleanup(func() { tune(t, "world") })
		compared(t, world, "page-eu") // By itself it looks again in a minute.
		approval := approveWorld(t)
		refresh(t, world, "page-us")
		var said string
		eventually(t, time.Minute, func() error {
			us, err := readApplication(world, "page-us")
			if err != nil {
				return err
			}
			if us.Status.OperationState.SyncResult.Revision == approval {
				t.Fatalf("us was synced before eu: %s", us)
			}
			if said, err = rollout(); err == nil && !strings.Contains(said, "page-us waits") {
				err = fmt.Errorf("us is %s, and the ApplicationSet says: %s", us, said)
			}
			return err
		})
		_, refused, _ := strings.Cut(said, "denied request: ")
		happened("the API server refuses its controller: %s", refused)
		refresh(t, world, "page-eu")
		happened("%s", inOrder(t, approval))
		if text, err := page("us", pageText); err != nil || text != "changed" {
			t.Errorf("us has the text %q: %v", text, err)
		}
	})
	t.Run("a bad image", func(t *testing.T) {
		happened := tried(t, "an approval with an image that can't be pulled, in all regions")
		before, err := page("us", pageImage)
		if err != nil {
			t.Fatal(err)
		}
		name, digest, _ := strings.Cut(before, "@sha256:")
		bad := strings.Repeat("0", len(digest))
		replaceIn(t, "envs/world/env.cue", digest, bad)
		pushMain(t, "world: a bad image")
		approval := approveWorld(t)
		refreshWorld(t)
		var said string
		eventually(t, 5*time.Minute, func() error {
			waiting, err := tryKubectl("-n", worldPages, "get", "pods", "-l", "towpath.example/page=page-eu", "-o", "jsonpath={.items[*].status.containerStatuses[0].state.waiting.reason}")
			if err != nil {
				return err
			}
			us, err := readApplication(world, "page-us")
			if err != nil {
				return err
			}
			if us.Status.OperationState.SyncResult.Revision == approval {
				t.Fatalf("us was synced: %s", us)
			}
			if said, err = rollout(); err != nil {
				return err
			}
			// Pending is a region that waits too: its controller thought that its turn had come, before it saw eu's.
			held := strings.Contains(said, "page-eu Progressing") && (strings.Contains(said, "page-us Waiting") || strings.Contains(said, "page-us Pending"))
			if !strings.Contains(waiting, "ImagePullBackOff") || us.Status.Sync.Revision != approval || !held {
				return fmt.Errorf("eu's pods wait for %q, us is %s, and the ApplicationSet says: %s", waiting, us, said)
			}
			return nil
		})
		if image, err := page("us", pageImage); err != nil || image != before {
			t.Fatalf("us has %s, and had %s: %v", image, before, err)
		}
		if image, err := page("eu", pageImage); err != nil || image != name+"@sha256:"+bad {
			t.Fatalf("eu has %s: %v", image, err)
		}
		happened("eu's new pod can't start and the old one stays; us is not synced: %s", said)
		revertLast(t)
		approval = approveWorld(t)
		refreshWorld(t)
		happened("the approval that takes it back: %s", inOrder(t, approval))
	})
	t.Run("status", func(t *testing.T) {
		happened := tried(t, "`gen status world --wait APPROVAL`, with the pipeline's token")
		env := []string{"ARGOCD_SERVER=" + here.argoCD, "ARGOCD_AUTH_TOKEN=" + pipelineToken(t)}
		said, err := tryRun(env, here.gen, append([]string{"status", "world", "--wait", git(t, "rev-parse", "origin/env/world"), "--timeout", "5m"}, argoCDAuthority()...)...)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(said, "page-eu") || !strings.Contains(said, "page-us") {
			t.Errorf("gen status: %s", said)
		}
		happened("%s", said)
	})
}

// TestApplicationSetsComeFromGit has those who have got hold of a part of Argo CD go by way of an ApplicationSet, whose
// controller may make Applications.
func TestApplicationSetsComeFromGit(t *testing.T) {
	needsOwnCluster(t, "it takes an environment with a rollout, which only the cluster of go run . up has")
	set := func(namespace, name, project string) object {
		application := newApplication(namespace, repositoryURL(t))["spec"].(object)
		application["project"] = project
		application["source"].(object)["helm"] = object{"parameters": []object{{"name": "image.repository", "value": "registry.example/attack"}}}
		return object{
			"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
			"metadata": object{"name": name, "namespace": namespace},
			"spec": object{
				"generators": []object{{"list": object{"elements": []object{{"attack": "yes"}}}}},
				"template":   object{"metadata": object{"name": "attack"}, "spec": application},
			},
		}
	}
	before, err := tryKubectl("-n", world, "get", "applicationsets.argoproj.io,applications.argoproj.io", "-o", "jsonpath={range .items[*]}{.metadata.name} {.spec}{end}")
	if err != nil {
		t.Fatal(err)
	}
	areRefused(t, "Argo CD's admin ", adminToken(t), []attempt{
		{"changes the ApplicationSet of a rollout", http.MethodPost, "/api/v1/applicationsets?upsert=true", set(world, "page", "world"), "cannot"},
		{"deletes the ApplicationSet of a rollout", http.MethodDelete, "/api/v1/applicationsets/page?appsetNamespace=" + world, nil, "cannot"},
		{"makes an ApplicationSet in argocd-prod", http.MethodPost, "/api/v1/applicationsets", set("argocd-prod", "attack", "prod"), "cannot"},
	})
	for _, a := range []struct {
		what, as string
		args     []string
		object   object
		refused  string
	}{
		{"the ApplicationSet controller's token makes an ApplicationSet in argocd-prod", "argocd-applicationset-controller", []string{"create"}, set("argocd-prod", "attack", "prod"), "made, changed and deleted in Git"},
		{"the ApplicationSet controller's token changes the ApplicationSet of a rollout", "argocd-applicationset-controller", []string{"replace"}, set(world, "page", "world"), "made, changed and deleted in Git"},
		{"the ApplicationSet controller's token makes an Application in argocd-prod", "argocd-applicationset-controller", []string{"create"}, named(newApplication("argocd-prod", repositoryURL(t))), "made and deleted in Git"},
		{"the ApplicationSet controller's token makes an Application of main beside a rollout", "argocd-applicationset-controller", []string{"create"}, named(newApplication(world, repositoryURL(t))), "a rollout makes Applications of its own environment"},
	} {
		t.Run(a.what, func(t *testing.T) {
			happened := tried(t, a.what)
			data, err := json.Marshal(a.object)
			if err != nil {
				t.Fatal(err)
			}
			file := t.TempDir() + "/object.json"
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = tryKubectl(append([]string{"--as=system:serviceaccount:argocd:" + a.as}, append(a.args, "-f", file)...)...)
			if err == nil {
				err = errors.New("it was accepted")
			}
			if !strings.Contains(err.Error(), a.refused) {
				t.Fatalf("want %q: %v", a.refused, err)
			}
			_, said, _ := strings.Cut(err.Error(), "denied request: ")
			happened("%s", strings.TrimSpace(said))
		})
	}
	after, err := tryKubectl("-n", world, "get", "applicationsets.argoproj.io,applications.argoproj.io", "-o", "jsonpath={range .items[*]}{.metadata.name} {.spec}{end}")
	if err != nil || after != before {
		t.Errorf("world has changed from\n%s\nto\n%s %v", before, after, err)
	}
}

// named is an Application with its kind, for kubectl.
func named(application object) object {
	application["apiVersion"], application["kind"] = "argoproj.io/v1alpha1", "Application"
	return application
}
