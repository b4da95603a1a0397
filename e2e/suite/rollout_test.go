package suite

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// otherImage is that of the two versions which an environment does not run.
func otherImage(t *testing.T, env string) string {
	t.Helper()
	found, err := readDeployment(env)
	if err != nil {
		t.Fatal(err)
	}
	if found.Spec.Template.Spec.Containers[0].Image == imageOf("0.2.0") {
		return imageOf("0.1.0")
	}
	return imageOf("0.2.0")
}

// inTurn is nil once all are. It stops at the first that is not: each question costs a good part of a second of processor,
// of which a load wants its share.
func inTurn(asks ...func() error) func() error {
	return func() error {
		for _, ask := range asks {
			if err := ask(); err != nil {
				return err
			}
		}
		return nil
	}
}

// settled is nil once no pod of the service of an environment is coming or going.
func settled(env string) func() error {
	return func() error {
		found, err := readDeployment(env)
		if err != nil {
			return err
		}
		pods, err := servicePods(env)
		if err != nil {
			return err
		}
		for _, p := range pods {
			if !p.ready || p.ending {
				return fmt.Errorf("%s: %+v", env, pods)
			}
		}
		if len(pods) != found.Spec.Replicas {
			return fmt.Errorf("%s: %d pods instead of %d", env, len(pods), found.Spec.Replicas)
		}
		return nil
	}
}

// pod is what the tests read of one.
type pod struct {
	name, uid, node, image string
	// ending tells that it is being deleted, restarted that its container runs for a second time.
	ready, ending, restarted bool
}

func servicePods(env string) ([]pod, error) {
	var list struct {
		Items []struct {
			Metadata struct{ Name, UID, DeletionTimestamp string }
			Spec     struct {
				NodeName   string
				Containers []struct{ Image string }
			}
			Status struct {
				Conditions        []struct{ Type, Status string }
				ContainerStatuses []struct{ RestartCount int }
			}
		}
	}
	if err := askKubernetes(http.MethodGet, "/api/v1/namespaces/towpath-"+env+"/pods?labelSelector=app.kubernetes.io/name%3Dservice", nil, &list); err != nil {
		return nil, err
	}
	var pods []pod
	for _, item := range list.Items {
		p := pod{name: item.Metadata.Name, uid: item.Metadata.UID, node: item.Spec.NodeName, image: item.Spec.Containers[0].Image, ending: item.Metadata.DeletionTimestamp != ""}
		for _, condition := range item.Status.Conditions {
			p.ready = p.ready || condition.Type == "Ready" && condition.Status == "True"
		}
		for _, container := range item.Status.ContainerStatuses {
			p.restarted = p.restarted || container.RestartCount > 0
		}
		pods = append(pods, p)
	}
	return pods, nil
}

func TestUpdateUnderLoad(t *testing.T) {
	needsOwnCluster(t, "the load has to come from the cluster's network")
	happened := tried(t, "stage is updated by a commit, under load")
	eventually(t, 3*time.Minute, settled("stage"))
	image := otherImage(t, "stage")
	l := underLoad(t, "stage")
	gen(t, "release", "stage", "--release", "service", "--image", image)
	// Prod's waits for an approval, which is that of TestRollbackUnderLoad.
	releaseProd(t, image)
	revision := pushMain(t, "stage: another image, under load")
	start := time.Now()
	refresh(t, "argocd-stage", "service")
	eventually(t, 5*time.Minute, inTurn(delivered("argocd-stage", "service", revision), runs("stage", image), settled("stage")))
	took := time.Since(start)
	happened("%s; the last old pod was gone %s after the push", noneFailed(t, l), seconds(took))
}

func TestDrainUnderLoad(t *testing.T) {
	needsOwnCluster(t, "the load has to come from the cluster's network")
	happened := tried(t, "the node with most pods of prod is drained under load, as for an upgrade, and taken back")
	eventually(t, 3*time.Minute, settled("prod"))
	pods, err := servicePods("prod")
	if err != nil {
		t.Fatal(err)
	}
	on := map[string]int{}
	node := pods[0].node
	for _, p := range pods {
		if on[p.node]++; on[p.node] > on[node] {
			node = p.node
		}
	}
	if len(on) < 2 {
		t.Errorf("all pods of prod are on %s, though the chart spreads them", node)
	}
	l := underLoad(t, "prod")
	start := time.Now()
	t.Cleanup(func() { kubectl(t, "uncordon", node) })
	kubectl(t, "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=5m")
	drained := time.Since(start)
	eventually(t, 5*time.Minute, settled("prod"))
	if pods, err = servicePods("prod"); err != nil {
		t.Fatal(err)
	}
	for _, p := range pods {
		if p.node == node {
			t.Errorf("%s is on %s, which is drained", p.name, node)
		}
	}
	kubectl(t, "uncordon", node)
	happened("%s; %s, with %d of %d pods, was empty after %s", noneFailed(t, l), node, on[node], len(pods), seconds(drained))
	// What the drain moved besides has to be there for the next test.
	eventually(t, 5*time.Minute, argoCDReady)
	for _, env := range []string{"dev", "stage", "prod"} {
		eventually(t, 5*time.Minute, delivered("argocd-"+env, "service", ""))
	}
	objectsFound(t)
}

// argoCDReady is nil once all of Argo CD runs.
func argoCDReady() error {
	for _, kind := range []string{"deployments", "statefulsets"} {
		var list struct {
			Items []struct {
				Metadata struct{ Name string }
				Spec     struct{ Replicas int }
				Status   struct{ ReadyReplicas int }
			}
		}
		if err := askKubernetes(http.MethodGet, "/apis/apps/v1/namespaces/argocd/"+kind, nil, &list); err != nil {
			return err
		}
		for _, item := range list.Items {
			if item.Status.ReadyReplicas != item.Spec.Replicas {
				return fmt.Errorf("of Argo CD is not ready: %s, %d of %d pods", item.Metadata.Name, item.Status.ReadyReplicas, item.Spec.Replicas)
			}
		}
	}
	return nil
}

func TestRollbackUnderLoad(t *testing.T) {
	needsOwnCluster(t, "the load has to come from the cluster's network")
	happened := tried(t, "`gen rollback prod` replaces all pods by those of the release before, under load")
	found, err := readDeployment("prod")
	if err != nil {
		t.Fatal(err)
	}
	before := found.Spec.Template.Spec.Containers[0].Image
	// The release to go back from, which stage has to have run. After TestUpdateUnderLoad it does.
	image := otherImage(t, "prod")
	gen(t, "release", "stage", "--release", "service", "--image", image)
	releaseProd(t, image)
	if git(t, "status", "--porcelain") != "" {
		pushMain(t, "prod: another image")
	}
	approveMain(t)
	eventually(t, 3*time.Minute, settled("prod"))
	l := underLoad(t, "prod")
	start := time.Now()
	approve(t, "rollback", "prod", "--yes")
	approved := time.Since(start)
	approval := approvalHead(t)
	var served time.Duration
	prodBecomes(t, 5*time.Minute, func() error {
		if err := inTurn(delivered("argocd-prod", "service", approval), runs("prod", before))(); err != nil {
			return err
		}
		served = time.Since(start)
		return settled("prod")()
	})
	took := time.Since(start)
	happened("%s; from the command: approved after %s, all requests to the old release after %s, the last other pod gone after %s",
		noneFailed(t, l), seconds(approved), seconds(served), seconds(took))
	// As one does on main after a rollback.
	gen(t, "release", "stage", "--release", "service", "--image", before)
	releaseProd(t, before)
	pushMain(t, "stage and prod: the image before") // Who needs stage next waits for it.
}
