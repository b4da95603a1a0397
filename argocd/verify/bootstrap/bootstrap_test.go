package bootstrap_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"gitlab.com/towpath/towpath/argocd/verify/bootstrap"
	"gitlab.com/towpath/towpath/argocd/verify/internal/testrepo"
	"gitlab.com/towpath/towpath/gen/environment"
)

func build(t *testing.T, envs []*environment.Environment, install []byte) map[string]*unstructured.Unstructured {
	t.Helper()
	objects, err := bootstrap.Build(testrepo.Files(t, envs), install)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*unstructured.Unstructured{}
	for _, o := range objects {
		key := o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
		if byName[key] != nil {
			t.Errorf("%s is there twice", key)
		}
		byName[key] = o
	}
	return byName
}

func data(t *testing.T, objects map[string]*unstructured.Unstructured, key string) map[string]string {
	t.Helper()
	o := objects[key]
	if o == nil {
		t.Fatalf("no %s", key)
	}
	data, _, err := unstructured.NestedStringMap(o.Object, "data")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// find returns the one object of a kind whose name kustomize gave a hash.
func find(t *testing.T, objects map[string]*unstructured.Unstructured, prefix string) string {
	t.Helper()
	var found []string
	for key := range objects {
		if strings.HasPrefix(key, prefix) {
			found = append(found, key)
		}
	}
	if len(found) != 1 {
		t.Fatalf("objects %s*: %q, want one", prefix, found)
	}
	return found[0]
}

// read returns an object as its kind.
func read[Kind any](t *testing.T, objects map[string]*unstructured.Unstructured, name string) Kind {
	t.Helper()
	var o Kind
	if objects[name] == nil {
		t.Fatalf("there is no %s", name)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(objects[name].Object, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestBuild(t *testing.T) {
	t.Parallel()
	objects := build(t, testrepo.Environments(), testrepo.Install(t))

	for _, key := range []string{
		"Namespace /argocd",
		"Namespace /argocd-dev", "Namespace /argocd-stage", "Namespace /argocd-prod",
		"Namespace /towpath-dev", "Namespace /towpath-stage", "Namespace /towpath-prod",
		"CustomResourceDefinition /applications.argoproj.io",
		"CustomResourceDefinition /appprojects.argoproj.io",
		"StatefulSet argocd/argocd-application-controller",
		"ClusterRole /argocd-server-sync", "ClusterRoleBinding /argocd-server-sync",
		"ServiceAccount argocd/delivery", "Role argocd/delivery", "RoleBinding argocd/delivery",
		"ValidatingAdmissionPolicy /approval-number-rises",
		"ValidatingAdmissionPolicyBinding /approval-number-rises-prod",
		"ValidatingAdmissionPolicy /approved-revision-only",
		"ValidatingAdmissionPolicyBinding /approved-revision-only-prod",
		"ValidatingAdmissionPolicyBinding /approved-revision-only-roots",
		"ValidatingAdmissionPolicyBinding /rules-from-git",
		"ValidatingAdmissionPolicy /applicationsets-from-git",
		"ValidatingAdmissionPolicyBinding /applicationsets-from-git",
		"ValidatingAdmissionPolicy /regions-in-order",
	} {
		if objects[key] == nil {
			t.Errorf("no %s", key)
		}
	}
	for key := range objects {
		if strings.HasPrefix(key, "Application ") || strings.HasPrefix(key, "AppProject ") {
			t.Errorf("%s: kubectl can't apply it in the run that brings its CRD", key)
		}
		for _, env := range []string{"dev", "stage"} {
			if strings.HasPrefix(key, "ValidatingAdmissionPolicyBinding ") && strings.HasSuffix(key, "-"+env) {
				t.Errorf("%s: %s has no approvals", key, env)
			}
		}
	}
	if got := data(t, objects, "ConfigMap argocd/argocd-cmd-params-cm")["application.namespaces"]; got != "argocd-dev,argocd-prod,argocd-stage" {
		t.Errorf("application.namespaces is %q", got)
	}
	rbac := data(t, objects, "ConfigMap argocd/argocd-rbac-cm")
	if !strings.Contains(rbac["policy.environments.csv"], "role:prod-operator, applications, sync, prod/argocd-prod/*, allow") {
		t.Errorf("policy.environments.csv has no operator of prod:\n%s", rbac["policy.environments.csv"])
	}
	if got, ok := rbac["policy.default"]; got != "" || !ok {
		t.Errorf("policy.default is %q, set: %t", got, ok)
	}
	if key := data(t, objects, "ConfigMap argocd/argocd-gpg-keys-cm")[testrepo.Key]; !strings.HasPrefix(key, "-----BEGIN PGP PUBLIC KEY BLOCK-----") {
		t.Errorf("argocd-gpg-keys-cm has no key %s", testrepo.Key)
	}
}

// TestWaitBetweenWaves makes sure that the setting is one of the controller's own container.
func TestWaitBetweenWaves(t *testing.T) {
	t.Parallel()
	objects := build(t, testrepo.Environments(), testrepo.Install(t))
	controller := read[appsv1.StatefulSet](t, objects, "StatefulSet argocd/argocd-application-controller")
	containers := controller.Spec.Template.Spec.Containers
	if len(containers) != 1 || containers[0].Image == "" {
		t.Fatalf("the application controller has the containers %v", containers)
	}
	i := slices.IndexFunc(containers[0].Env, func(v corev1.EnvVar) bool { return v.Name == "ARGOCD_SYNC_WAVE_DELAY" })
	if i < 0 || containers[0].Env[i].Value != "1" {
		t.Errorf("the application controller has the variables %v", containers[0].Env)
	}
}

// Argo CD's API runs for whoever has a role in it, and admission guards Applications
// and AppProjects alone: what it could write of other objects would be in no commit.
func TestServerWritesNoObjects(t *testing.T) {
	t.Parallel()
	objects := build(t, testrepo.Environments(), testrepo.SmallInstall(t))
	bound := 0
	for key, o := range objects {
		if o.GetKind() != "ClusterRoleBinding" || !strings.Contains(fmt.Sprint(o.Object["subjects"]), "name:argocd-server ") {
			continue
		}
		bound++
		name, _, _ := unstructured.NestedString(o.Object, "roleRef", "name")
		role := objects["ClusterRole /"+name]
		if role == nil {
			t.Fatalf("%s: no ClusterRole %s", key, name)
		}
		rules, _, _ := unstructured.NestedSlice(role.Object, "rules")
		for _, r := range rules {
			rule, _ := r.(map[string]any)
			resources, verbs := fmt.Sprint(rule["resources"]), fmt.Sprint(rule["verbs"])
			switch {
			case resources == "[applications]" && verbs == "[update patch]", resources == "[events]" && verbs == "[create]":
			default:
				for _, verb := range strings.Fields(strings.Trim(verbs, "[]")) {
					if verb != "get" && verb != "list" && verb != "watch" {
						t.Errorf("ClusterRole %s: %s of %s", name, verb, resources)
					}
				}
			}
		}
	}
	if bound != 2 {
		t.Errorf("%d ClusterRoleBindings of argocd-server, want 2", bound)
	}
}

// The Job has to reach every AppProject and root Application through the names
// that kustomize gave the ConfigMaps.
func TestJobAppliesProjectsAndRoots(t *testing.T) {
	t.Parallel()
	objects := build(t, testrepo.Environments(), testrepo.SmallInstall(t))
	projects := find(t, objects, "ConfigMap argocd/delivery-projects-")
	roots := find(t, objects, "ConfigMap argocd/delivery-roots-")
	for cm, names := range map[string][]string{
		projects: {"default", "dev", "dev-root", "prod", "prod-root", "projects", "stage", "stage-root"},
		roots:    {"dev-root", "prod-root", "projects", "stage-root"},
	} {
		content := data(t, objects, cm)
		for _, name := range names {
			if !strings.Contains(content[name+".yaml"], "\n  name: "+name+"\n") {
				t.Errorf("%s has no %s", cm, name)
			}
		}
		if len(content) != len(names) {
			t.Errorf("%s has %d entries, want %d", cm, len(content), len(names))
		}
	}
	job := objects["Job argocd/delivery"]
	if job == nil {
		t.Fatal("no Job argocd/delivery")
	}
	text := fmt.Sprint(job.Object)
	for _, cm := range []string{projects, roots} {
		if name := strings.TrimPrefix(cm, "ConfigMap argocd/"); !strings.Contains(text, "name:"+name+"]") {
			t.Errorf("the Job does not mount %s: %s", name, text)
		}
	}
}

// kubectl apply keeps each object in an annotation of its own, and the API
// server refuses annotations of more than 262144 bytes. Should Argo CD's CRDs
// outgrow that, README.md has to say --server-side.
func TestEveryObjectFitsItsAnnotation(t *testing.T) {
	t.Parallel()
	const limit = 256 * 1024
	for key, o := range build(t, testrepo.Environments(), testrepo.Install(t)) {
		text, err := o.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if size := len(text) + len("kubectl.kubernetes.io/last-applied-configuration"); size > limit {
			t.Errorf("%s has %d bytes, %d more than fit", key, size, size-limit)
		}
	}
}

// An environment in another cluster gets nothing in this one but the namespace
// of its Applications.
func TestRemoteEnvironment(t *testing.T) {
	t.Parallel()
	envs := testrepo.Environments()
	prod := envs[1]
	prod.Cluster.Server = "https://prod.example:6443"
	objects := build(t, envs, testrepo.SmallInstall(t))
	if objects["Namespace /argocd-prod"] == nil {
		t.Error("no Namespace argocd-prod")
	}
	for _, key := range []string{"Namespace /towpath-prod", "ValidatingAdmissionPolicyBinding /approval-number-rises-prod"} {
		if objects[key] != nil {
			t.Errorf("%s is in Argo CD's cluster, want it in prod's", key)
		}
	}
}

func TestPinned(t *testing.T) {
	t.Parallel()
	// Fails if go.mod has another version.
	testrepo.Install(t)
	kustomization := string(testrepo.Files(t, nil)[bootstrap.InstallKustomization].Data)
	if !strings.Contains(kustomization, "  - "+bootstrap.Install+"\n") {
		t.Errorf("%s does not name %s", bootstrap.InstallKustomization, bootstrap.Install)
	}
	if !strings.Contains(kustomization, "Argo CD "+bootstrap.Version) {
		t.Errorf("%s does not say that it installs %s", bootstrap.InstallKustomization, bootstrap.Version)
	}
	image := "image: quay.io/argoproj/argocd:" + bootstrap.Version + "\n"
	if !strings.Contains(string(testrepo.Install(t)), image) {
		t.Errorf("Argo CD's manifests have no %q", image)
	}
}

func TestOutside(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(files fstest.MapFS){
		"another commit": func(files fstest.MapFS) {
			replace(files, bootstrap.InstallKustomization, bootstrap.Commit, "master")
		},
		"a repository": func(files fstest.MapFS) {
			replace(files, bootstrap.Kustomization, "- admission", "- https://example.org/admission.git")
		},
		"a chart": func(files fstest.MapFS) {
			replace(files, bootstrap.Kustomization, "patches:", "helmCharts: [{name: x}]\npatches:")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := testrepo.Files(t, testrepo.Environments())
			edit(files)
			if _, err := bootstrap.Build(files, testrepo.SmallInstall(t)); !errors.Is(err, bootstrap.ErrOutside) {
				t.Errorf("error %v, want one that wraps %v", err, bootstrap.ErrOutside)
			}
		})
	}
}

func replace(files fstest.MapFS, name, from, to string) {
	files[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(files[name].Data), from, to))}
}
