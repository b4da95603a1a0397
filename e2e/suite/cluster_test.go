package suite

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/e2e/cluster"
	"gitlab.com/towpath/towpath/e2e/image"
)

func TestControlPlane(t *testing.T) {
	happened := tried(t, "etcd, API server, controllers, scheduler, kubelet, kube-proxy and DNS are ready")
	if ready := kubectl(t, "get", "--raw", "/readyz?verbose"); strings.Contains(ready, "[-]") {
		t.Errorf("the API server is not ready:\n%s", ready)
	}
	text := kubectl(t, "get", "nodes", "-o", "jsonpath={range .items[*]}{.metadata.name} {.status.nodeInfo.kubeletVersion} {.status.nodeInfo.containerRuntimeVersion} {.status.conditions[?(@.type=='Ready')].status}{'\\n'}{end}")
	nodes := strings.Split(text, "\n")
	for number, node := range nodes {
		var ready bool
		if nodes[number], ready = strings.CutSuffix(node, " True"); !ready {
			t.Errorf("node: %s", node)
		}
	}
	if here.isOwn() && len(nodes) != 2 {
		t.Errorf("%d nodes instead of 2:\n%s", len(nodes), text)
	}
	for phase := range strings.FieldsSeq(kubectl(t, "-n", "kube-system", "get", "pods", "-o", "jsonpath={.items[*].status.phase}")) {
		if phase != "Running" {
			t.Errorf("a pod of kube-system is %s", phase)
		}
	}
	if !here.isOwn() {
		happened("nodes %s", strings.Join(nodes, ", "))
		return
	}
	happened("nodes %s; Argo CD and its roots %s after the start", strings.Join(nodes, ", "), seconds(time.Duration(state.Seconds*float64(time.Second))))
}

func TestBootstrap(t *testing.T) {
	happened := tried(t, "`kubectl apply -k argocd/bootstrap`, unchanged, brings up Argo CD, AppProjects and roots")
	var names []string
	for name := range strings.FieldsSeq(kubectl(t, "-n", "argocd", "get", "appprojects.argoproj.io", "-o", "jsonpath={.items[*].metadata.name}")) {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"default", "dev", "dev-root", "prod", "prod-root", "projects", "stage", "stage-root", "world", "world-root"}
	if !slices.Equal(names, want) {
		t.Errorf("AppProjects are %q, not %q", names, want)
	}
	for _, root := range []string{"dev-root", "stage-root"} {
		eventually(t, 2*time.Minute, delivered("argocd", root, ""))
	}
	for _, policy := range []string{"approval-number-rises", "approved-revision-only", "rules-from-git"} {
		kubectl(t, "get", "validatingadmissionpolicies", policy)
		// A warning tells of an expression that fits no object.
		if warnings := kubectl(t, "get", "validatingadmissionpolicies", policy, "-o", "jsonpath={.status.typeChecking.expressionWarnings}"); warnings != "" {
			t.Errorf("policy %s: %s", policy, warnings)
		}
	}
	happened("%d AppProjects; dev-root and stage-root Synced and Healthy", len(names))
	if git(t, "fetch", "--quiet", "origin"); git(t, "branch", "--remotes", "--list", "origin/"+approvals) != "" {
		prod, err := readApplication("argocd", "prod-root")
		if err != nil {
			t.Fatal(err)
		}
		happened("prod-root: %s", prod)
		return
	}
	var said string
	refreshedUntil(t, 2*time.Minute, func() { askRefresh(t, "argocd", "prod-root", "normal") }, func() (err error) {
		said, err = condition("argocd", "prod-root")
		if err == nil && !strings.Contains(said, approvals) {
			err = fmt.Errorf("prod-root has no branch to follow and says: %s", said)
		}
		return err
	})
	happened("prod-root waits for its first approval: %s", said)
}

func TestApplicationsBecomeHealthy(t *testing.T) {
	for _, env := range []string{"dev", "stage"} {
		t.Run(env, func(t *testing.T) {
			happened := tried(t, env+" becomes Synced and Healthy, with pods of the service")
			names := strings.Fields(kubectl(t, "-n", "argocd-"+env, "get", "applications.argoproj.io", "-o", "jsonpath={.items[*].metadata.name}"))
			var took time.Duration
			for _, name := range names {
				took += eventually(t, 5*time.Minute, delivered("argocd-"+env, name, ""))
			}
			images := kubectl(t, "-n", "towpath-"+env, "get", "pods", "--field-selector=status.phase=Running", "-o", "jsonpath={range .items[*]}{.spec.containers[0].image}{'\\n'}{end}")
			happened("%s after waiting %s more; pods: %s", strings.Join(names, ", "), seconds(took), strings.ReplaceAll(images, "\n", ", "))
		})
	}
}

func TestServiceImage(t *testing.T) {
	needsOwnCluster(t, "what it runs was built elsewhere")
	happened := tried(t, "the pods of the service run what buildah has made of the `Dockerfile`, and have no shell")
	made, err := image.Read(config.Service[cluster.FirstVersion])
	if err != nil {
		t.Fatal(err)
	}
	digest, err := made.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if want := imageOf(cluster.FirstVersion); !strings.HasSuffix(want, "@"+digest.String()) {
		t.Errorf("the image %s has the digest %s", want, digest)
	}
	found, err := readDeployment("dev")
	if err != nil {
		t.Fatal(err)
	}
	if got := found.Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(got, "@"+digest.String()) {
		t.Errorf("dev runs %s, not %s", got, digest)
	}
	_, err = tryKubectl("-n", "towpath-dev", "exec", "deployment/service", "--", "/bin/sh", "-c", "true")
	if err == nil || !strings.Contains(err.Error(), "no such file or directory") {
		t.Errorf("/bin/sh in a pod: %v", err)
	}
	_, version, err := get("dev", "/version")
	if err != nil || !strings.Contains(version, `"`+cluster.FirstVersion+`"`) {
		t.Errorf("the service says that it is %s, not %s: %v", version, cluster.FirstVersion, err)
	}
	happened("%s, which says that it is %s", digest, version)
}

// get asks the service of an environment for a page, by the name of its Service and so through kube-proxy.
func get(env, path string) (int, string, error) {
	response, err := serviceClient().Get("http://" + serviceAddress(env) + path)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

func serviceAddress(env string) string {
	return "service.towpath-" + env + ".svc.cluster.local"
}

func TestSmoke(t *testing.T) {
	for _, env := range []string{"dev", "stage"} {
		t.Run(env, func(t *testing.T) {
			happened := tried(t, "requests through the Service of "+env+", by its name in DNS and its ClusterIP")
			for _, path := range []string{"/livez", "/readyz", "/", "/openapi.json"} {
				status, body, err := get(env, path)
				if err != nil {
					t.Error(err)
					continue
				}
				if path == "/openapi.json" && env != "dev" {
					if status != http.StatusNotFound {
						t.Errorf("%s: %d, though %s has no API documentation", path, status, env)
					}
					continue
				}
				if status >= 400 {
					t.Errorf("%s: %d %.200s", path, status, body)
				}
			}
			address := kubectl(t, "-n", "towpath-"+env, "get", "service", "service", "-o", "jsonpath={.spec.clusterIP}")
			response, err := serviceClient().Get("http://" + address + "/readyz")
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", address, response.Status)
			}
			happened("answers at %s and %s", serviceAddress(env), address)
		})
	}
}

// deployment is what the tests read of one.
type deployment struct {
	Spec struct {
		Replicas int
		Template struct {
			Spec struct{ Containers []struct{ Image string } }
		}
	}
	Status struct{ ReadyReplicas, UpdatedReplicas, Replicas int }
}

func readDeployment(env string) (deployment, error) {
	var read deployment
	err := askKubernetes(http.MethodGet, "/apis/apps/v1/namespaces/towpath-"+env+"/deployments/service", nil, &read)
	return read, err
}

// runs is nil once all pods of the environment run an image and are ready.
func runs(env, image string) func() error {
	return func() error {
		found, err := readDeployment(env)
		if err != nil {
			return err
		}
		if got := found.Spec.Template.Spec.Containers[0].Image; got != image {
			return fmt.Errorf("%s wants %s, not %s", env, got, image)
		}
		if s := found.Status; s.ReadyReplicas != found.Spec.Replicas || s.UpdatedReplicas != found.Spec.Replicas || s.Replicas != found.Spec.Replicas {
			return fmt.Errorf("%s: of %d pods %d are ready, %d updated", env, s.Replicas, s.ReadyReplicas, s.UpdatedReplicas)
		}
		return nil
	}
}
