package suite

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// attempt is a request to Argo CD's API that has to be refused, for a reason.
type attempt struct {
	what         string
	method, path string
	body         any
	// refused is a part of what is said then.
	refused string
}

// object is one of JSON.
type object map[string]any

// prodApplication is the path of prod's Application in the API, for a verb below it.
func prodApplication(verb string) string {
	return "/api/v1/applications/service" + verb + "?appNamespace=argocd-prod&project=prod"
}

// prodObject is the path of an object that prod's Application has made.
func prodObject(verb, group, version, kind, name string) string {
	return prodApplication("/resource"+verb) + fmt.Sprintf("&namespace=towpath-prod&group=%s&version=%s&kind=%s&resourceName=%s", group, version, kind, name)
}

// syncOf is the body of a sync of prod, with more fields.
func syncOf(fields object) object {
	body := object{"name": "service", "appNamespace": "argocd-prod", "project": "prod"}
	for name, value := range fields {
		body[name] = value
	}
	return body
}

// changeOf is a change of prod's Application.
func changeOf(what string, change object, refused string) attempt {
	patch, err := json.Marshal(object{"spec": change})
	if err != nil {
		panic(err) // It is written in a test.
	}
	return attempt{
		what, http.MethodPatch, prodApplication(""),
		syncOf(object{"patch": string(patch), "patchType": "merge"}), refused,
	}
}

// newApplication is an Application of project prod that reads main.
func newApplication(namespace, url string) object {
	return object{
		"metadata": object{"name": "attack", "namespace": namespace},
		"spec": object{
			"project":     "prod",
			"destination": object{"server": "https://kubernetes.default.svc", "namespace": "towpath-prod"},
			"source":      object{"repoURL": url, "path": "charts/service", "targetRevision": "main"},
		},
	}
}

// syncAttempts are ways to have prod run something else than the approval, or run it otherwise than its Application
// says. Admission refuses them whoever asks, and whether prod syncs by itself or not.
var syncAttempts = []attempt{
	{"syncs one object of prod alone", http.MethodPost, prodApplication("/sync"), syncOf(object{"resources": []object{{"kind": "Service", "name": "service"}}}), "as a whole"},
	{"syncs prod with force, by which objects are deleted and made anew", http.MethodPost, prodApplication("/sync"), syncOf(object{"strategy": object{"hook": object{"force": true}}}), "without force"},
	{"syncs prod with Replace=true", http.MethodPost, prodApplication("/sync"), syncOf(object{"syncOptions": object{"items": []string{"Replace=true"}}}), "with the options that its Application has"},
	{"syncs prod with Force=true and Replace=true, by which its volume would go", http.MethodPost, prodApplication("/sync"), syncOf(object{"syncOptions": object{"items": []string{"Force=true", "Replace=true"}}}), "with the options that its Application has"},
	{"syncs prod without its hooks, and so without the migration", http.MethodPost, prodApplication("/sync"), syncOf(object{"strategy": object{"apply": object{}}}), "with its hooks"},
}

// TestAdminIsRefused has Argo CD's administrator, who may do everything in Argo CD, try what only an approval may.
func TestAdminIsRefused(t *testing.T) {
	leaveToVariables(t)
	needsProd(t)
	older := git(t, "rev-parse", "origin/"+approvals+"^1")
	url := repositoryURL(t)
	role := projectWith(t, "prod", func(spec object) {
		spec["roles"] = []object{{"name": "attack", "policies": []string{"p, proj:prod:attack, applications, *, prod/*, allow"}}}
	})
	unsigned := projectWith(t, "prod", func(spec object) { delete(spec, "signatureKeys") })
	compared(t, "argocd", "projects") // Argo CD's API knows the objects of what was compared.
	patch := "?patchType=application/merge-patch%2Bjson"
	inProd := newApplication("argocd-prod", url)
	attempts := append([]attempt{
		{"syncs prod to main", http.MethodPost, prodApplication("/sync"), syncOf(object{"revision": git(t, "rev-parse", "origin/main")}), "auto-sync currently set to"},
		{"syncs prod to the approval before", http.MethodPost, prodApplication("/sync"), syncOf(object{"revision": older}), "auto-sync currently set to"},
		{"syncs prod from a laptop, as argocd app sync --local does", http.MethodPost, prodApplication("/sync"), syncOf(object{"manifests": []string{"{}"}}), "cannot use local sync"},
		{"rolls prod back in Argo CD's history", http.MethodPost, prodApplication("/rollback"), syncOf(object{"id": 0}), "auto-sync is enabled"},
		{"deletes prod's Application", http.MethodDelete, prodApplication("") + "&cascade=false", nil, "cannot delete resource"},
		{"makes an Application in argocd-prod", http.MethodPost, "/api/v1/applications", inProd, "cannot create resource"},
		{"makes an Application of project prod in argocd-stage", http.MethodPost, "/api/v1/applications", newApplication("argocd-stage", url), "not allowed in project"},
		{"makes an Application of project prod in argocd, whose Applications may use any project", http.MethodPost, "/api/v1/applications", newApplication("argocd", url), "made and deleted in Git"},
		changeOf("has prod follow the approval before", object{"source": object{"targetRevision": older}}, "change in Git"),
		changeOf("adds a Helm parameter to prod's Application", object{"source": object{"helm": object{"parameters": []object{{"name": "replicas", "value": "1"}}}}}, "change in Git"),
		changeOf("adds Helm values to prod's Application", object{"source": object{"helm": object{"values": "replicas: 1"}}}, "change in Git"),
		changeOf("has Argo CD ignore how prod's Deployment differs", object{"ignoreDifferences": []object{{"group": "apps", "kind": "Deployment", "jsonPointers": []string{"/spec"}}}}, "change in Git"),
		changeOf("has prod rendered by a plugin", object{"source": object{"helm": nil, "plugin": object{"name": "attack"}}}, ""),
		changeOf("has prod read another repository", object{"source": object{"repoURL": "https://attack.example/attack.git"}}, ""),
		changeOf("has prod write to another namespace", object{"destination": object{"namespace": "kube-system"}}, "not match any of the allowed destinations"),
		changeOf("has prod write to another cluster", object{"destination": object{"server": "https://attack.example:6443"}}, ""),
		changeOf("moves prod's Application to project stage", object{"project": "stage"}, "change in Git"),
		{"takes the signature keys out of AppProject prod", http.MethodPut, "/api/v1/projects/prod", unsigned, "AppProjects change in Git"},
		{"adds a role to AppProject prod, for a token of its own", http.MethodPut, "/api/v1/projects/prod", role, "AppProjects change in Git"},
		{"makes a token of AppProject prod", http.MethodPost, "/api/v1/projects/prod/roles/attack/token", object{"project": "prod", "role": "attack"}, "does not have role"},
		{"deletes AppProject prod", http.MethodDelete, "/api/v1/projects/prod", nil, "AppProjects change in Git"},
		{"edits prod's live Deployment", http.MethodPost, prodObject("", "apps", "v1", "Deployment", "service") + "&" + patch[1:], `{"spec":{"replicas":0}}`, "cannot patch resource"},
		{"restarts prod's Deployment", http.MethodPost, prodObject("/actions", "apps", "v1", "Deployment", "service"), "restart", "cannot patch resource"},
		{"deletes prod's Service", http.MethodDelete, prodObject("", "", "v1", "Service", "service"), nil, "cannot delete resource"},
		{"deletes the record of prod's approval", http.MethodDelete, prodObject("", "", "v1", "ConfigMap", "service-approval"), nil, "cannot delete resource"},
		{
			"edits AppProject prod as an object of the Application that keeps it", http.MethodPost,
			"/api/v1/applications/projects/resource" + patch + "&appNamespace=argocd&project=projects&namespace=argocd&group=argoproj.io&version=v1alpha1&kind=AppProject&resourceName=prod",
			`{"spec":{"signatureKeys":null}}`, "AppProjects change in Git",
		},
		{
			"has prod's root follow main", http.MethodPatch, "/api/v1/applications/prod-root?appNamespace=argocd&project=prod-root",
			object{"name": "prod-root", "appNamespace": "argocd", "project": "prod-root", "patch": `{"spec":{"source":{"targetRevision":"main"}}}`, "patchType": "merge"}, "change in Git",
		},
	}, syncAttempts...)
	areRefused(t, "Argo CD's admin ", adminToken(t), attempts)
}

// projectWith is an AppProject as Argo CD's API takes it, with its spec changed.
func projectWith(t *testing.T, name string, change func(spec object)) object {
	t.Helper()
	var project object
	if err := json.Unmarshal([]byte(kubectl(t, "-n", "argocd", "get", "appprojects.argoproj.io", name, "-o", "json")), &project); err != nil {
		t.Fatal(err)
	}
	spec, _ := project["spec"].(map[string]any)
	change(spec)
	return object{"project": project}
}

// needsProd leaves a test out as long as nothing is approved.
func needsProd(t *testing.T) {
	t.Helper()
	if _, err := readApplication("argocd-prod", "service"); err != nil {
		leftOut(t, "nothing is approved for prod yet")
	}
}

// areRefused makes the attempts, each a row of the table, and makes sure that prod is what it was.
func areRefused(t *testing.T, who, token string, attempts []attempt) {
	t.Helper()
	before := prodNow(t)
	for _, a := range attempts {
		t.Run(strings.ReplaceAll(a.what, "/", " "), func(t *testing.T) {
			happened := tried(t, who+a.what)
			status, answer, err := argoCD(token, a.method, a.path, a.body)
			if err != nil {
				t.Fatal(err)
			}
			if status < 400 {
				t.Fatalf("it was accepted: %d %.500s", status, answer)
			}
			if said := message(answer); strings.Contains(said, a.refused) && said != "" {
				happened("%d %s", status, said)
			} else {
				t.Errorf("refused for another reason than %q: %d %s", a.refused, status, said)
			}
		})
	}
	if now := prodNow(t); now != before {
		t.Errorf("prod has changed from\n%s\nto\n%s", before, now)
	}
}

// prodNow is everything that no attack may change.
func prodNow(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, what := range [][]string{
		{"-n", "argocd", "get", "appprojects.argoproj.io", "-o", "jsonpath={range .items[*]}{.metadata.name} {.spec}{'\\n'}{end}"},
		{"-n", "argocd", "get", "applications.argoproj.io", "-o", "jsonpath={range .items[*]}{.metadata.name} {.spec}{'\\n'}{end}"},
		{"-n", "argocd-prod", "get", "applications.argoproj.io", "-o", "jsonpath={range .items[*]}{.metadata.name} {.spec}{'\\n'}{end}"},
		{"-n", "towpath-prod", "get", "deployments,services,configmaps,persistentvolumeclaims", "-o", "jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.uid} {.spec} {.data}{'\\n'}{end}"},
	} {
		fmt.Fprintln(&text, kubectl(t, what...))
	}
	return text.String()
}

// TestApplicationSetIsRefused has Argo CD's administrator go by way of a controller of its own.
func TestApplicationSetIsRefused(t *testing.T) {
	needsProd(t)
	happened := tried(t, "Argo CD's admin makes an ApplicationSet, whose controller is to make an Application of project prod in argocd, with an image of its own")
	before := prodNow(t)
	application := newApplication("argocd", repositoryURL(t))
	spec := application["spec"].(object)
	source := spec["source"].(object)
	source["targetRevision"] = "refs/heads/" + approvals
	source["helm"] = object{
		"releaseName": "attack", "valueFiles": []string{"/envs/prod/values/service.yaml", "/envs/prod/approval.yaml"},
		"parameters": []object{{"name": "image.repository", "value": "registry.example/attack"}},
	}
	spec["syncPolicy"] = object{"automated": object{}}
	token := adminToken(t)
	status, answer, err := argoCD(token, http.MethodPost, "/api/v1/applicationsets", object{
		"metadata": object{"name": "attack", "namespace": "argocd"},
		"spec": object{
			"generators": []object{{"list": object{"elements": []object{{"attack": "yes"}}}}},
			"template":   object{"metadata": object{"name": "attack"}, "spec": spec},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	const refused = "made, changed and deleted in Git"
	if said := message(answer); status < 400 || !strings.Contains(said, refused) {
		t.Errorf("want it refused with %q: %d %s", refused, status, said)
	}
	if found, err := readApplication("argocd", "attack"); err == nil {
		t.Errorf("there is an Application: %s", found)
	}
	if now := prodNow(t); now != before {
		t.Errorf("prod has changed from\n%s\nto\n%s", before, now)
	}
	happened("%d %s", status, message(answer))
}

// TestRolesAreRefused tries what those may not who have a role in Argo CD.
func TestRolesAreRefused(t *testing.T) {
	needsProd(t)
	tokens := accounts(t, map[string]string{"suite-reader": "role:readonly", "suite-stage": "role:stage-operator", "suite-prod": "role:prod-operator"})
	older := git(t, "rev-parse", "origin/"+approvals+"^1")
	sync := attempt{"syncs prod", http.MethodPost, prodApplication("/sync"), syncOf(nil), "permission denied"}
	areRefused(t, "a reader ", tokens["suite-reader"], []attempt{
		sync,
		changeOf("adds a Helm parameter to prod's Application", object{"source": object{"helm": object{"parameters": []object{{"name": "replicas", "value": "1"}}}}}, "permission denied"),
		{"deletes prod's Application", http.MethodDelete, prodApplication(""), nil, "permission denied"},
		{"restarts prod's Deployment", http.MethodPost, prodObject("/actions", "apps", "v1", "Deployment", "service"), "restart", "permission denied"},
		{"edits prod's live Deployment", http.MethodPost, prodObject("", "apps", "v1", "Deployment", "service") + "&patchType=application/merge-patch%2Bjson", `{"spec":{"replicas":0}}`, "permission denied"},
		{"makes a token of AppProject prod", http.MethodPost, "/api/v1/projects/prod/roles/attack/token", object{"project": "prod", "role": "attack"}, ""},
		{"makes a token of the pipeline's account", http.MethodPost, "/api/v1/account/pipeline/token", object{}, "permission denied"},
		{"makes an ApplicationSet", http.MethodPost, "/api/v1/applicationsets", object{"metadata": object{"name": "attack"}, "spec": object{"generators": []object{}, "template": object{"spec": object{"project": "prod"}}}}, "permission denied"},
	})
	areRefused(t, "an operator of stage ", tokens["suite-stage"], []attempt{sync})
	areRefused(t, "an operator of prod ", tokens["suite-prod"], []attempt{
		{"syncs prod to the approval before", http.MethodPost, prodApplication("/sync"), syncOf(object{"revision": older}), ""},
		{"syncs prod from a laptop, as argocd app sync --local does", http.MethodPost, prodApplication("/sync"), syncOf(object{"manifests": []string{"{}"}}), "permission denied"},
		changeOf("has prod follow main", object{"source": object{"targetRevision": "main"}}, "permission denied"),
		{"deletes prod's Application", http.MethodDelete, prodApplication(""), nil, "permission denied"},
		{"restarts prod's Deployment", http.MethodPost, prodObject("/actions", "apps", "v1", "Deployment", "service"), "restart", "permission denied"},
	})
	areRefused(t, "somebody without a token ", "", []attempt{
		{"reads the Applications", http.MethodGet, "/api/v1/applications", nil, "no session information"},
	})
}

// TestShellIsRefused asks for a shell in a pod of prod.
func TestShellIsRefused(t *testing.T) {
	needsProd(t)
	happened := tried(t, "Argo CD's admin opens a shell in a pod of prod")
	pod := kubectl(t, "-n", "towpath-prod", "get", "pods", "-l", "app.kubernetes.io/name=service", "-o", "jsonpath={.items[0].metadata.name}")
	request, err := http.NewRequest(http.MethodGet, here.argoCD+"/terminal?container=service&appName=service&appNamespace=argocd-prod&projectName=prod&namespace=towpath-prod&pod="+pod, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Cookie", "argocd.token="+adminToken(t))
	status, answer, err := send(request)
	if err != nil {
		t.Fatal(err)
	}
	if status < 400 {
		t.Fatalf("it was accepted: %d %s", status, answer)
	}
	happened("%d %s", status, message(answer))
}
