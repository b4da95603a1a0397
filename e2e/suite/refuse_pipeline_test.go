package suite

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestPipelineMayOnlyLook(t *testing.T) {
	leaveToVariables(t)
	needsProd(t)
	stage := func(verb string) string {
		return "/api/v1/applications/service" + verb + "?appNamespace=argocd-stage&project=stage"
	}
	inCluster := "/api/v1/clusters/" + url.QueryEscape("https://kubernetes.default.svc")
	patch := object{"name": "service", "appNamespace": "argocd-stage", "project": "stage", "patch": `{"spec":{"project":"prod"}}`, "patchType": "merge"}
	areRefused(t, "the pipeline's token ", pipelineToken(t), []attempt{
		{"syncs stage", http.MethodPost, stage("/sync"), object{"name": "service", "appNamespace": "argocd-stage", "project": "stage"}, "permission denied"},
		{"syncs prod", http.MethodPost, prodApplication("/sync"), syncOf(nil), "permission denied"},
		{"changes stage's Application", http.MethodPatch, stage(""), patch, "permission denied"},
		{"deletes stage's Application", http.MethodDelete, stage(""), nil, "permission denied"},
		{"ends a sync of stage", http.MethodDelete, stage("/operation"), nil, "permission denied"},
		{"makes an Application", http.MethodPost, "/api/v1/applications", newApplication("argocd-stage", repositoryURL(t)), "permission denied"},
		{"deletes stage's Service", http.MethodDelete, stage("/resource") + "&namespace=towpath-stage&version=v1&kind=Service&resourceName=service", nil, "permission denied"},
		{"reads the logs of stage's pods", http.MethodGet, stage("/logs") + "&namespace=towpath-stage&group=apps&kind=Deployment&resourceName=service&container=service&tailLines=1&follow=false", nil, "permission denied"},
		{"reads the logs of prod's pods", http.MethodGet, prodApplication("/logs") + "&namespace=towpath-prod&group=apps&kind=Deployment&resourceName=service&container=service&tailLines=1&follow=false", nil, "permission denied"},
		{"reads stage's Secret", http.MethodGet, stage("/resource") + "&namespace=towpath-stage&version=v1&kind=Secret&resourceName=database", nil, "not found as part of application"},
		{"reads AppProject prod", http.MethodGet, "/api/v1/projects/prod", nil, "permission denied"},
		{"reads the cluster's credentials", http.MethodGet, inCluster, nil, "permission denied"},
		{"changes the cluster's credentials", http.MethodPut, inCluster, object{"server": "https://kubernetes.default.svc", "name": "in-cluster"}, "permission denied"},
		{"adds a repository", http.MethodPost, "/api/v1/repositories", object{"repo": "https://attack.example/attack.git"}, "permission denied"},
		{"adds an approval key", http.MethodPost, "/api/v1/gpgkeys", object{"keyData": "attack"}, "permission denied"},
		{"makes a token of the administrator", http.MethodPost, "/api/v1/account/admin/token", object{}, "permission denied"},
	})
	for _, list := range []string{"clusters", "repositories", "repocreds", "projects", "applicationsets"} {
		t.Run(list, func(t *testing.T) {
			happened := tried(t, "the pipeline's token lists "+list)
			status, answer, err := argoCD(pipelineToken(t), http.MethodGet, "/api/v1/"+list, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got struct{ Items []any }
			if status == http.StatusOK && (json.Unmarshal(answer, &got) != nil || len(got.Items) > 0) {
				t.Fatalf("it sees %s", answer)
			}
			happened("%d, and sees none", status)
		})
	}
	// Argo CD lets every account make tokens of its own, whatever its role.
	happened := tried(t, "the pipeline's token makes another of its kind")
	status, answer, err := argoCD(pipelineToken(t), http.MethodPost, "/api/v1/account/pipeline/token", object{"id": tokenName + "-2", "expiresIn": 60})
	if err != nil {
		t.Fatal(err)
	}
	if status == http.StatusOK {
		happened("not refused, and may do no more than the first: who takes back a stolen token has to look at the list")
		if got, _, err := argoCD(adminToken(t), http.MethodDelete, "/api/v1/account/pipeline/token/"+tokenName+"-2", nil); err != nil || got != http.StatusOK {
			t.Errorf("the list did not take it back: %d %v", got, err)
		}
		return
	}
	if said := message(answer); strings.Contains(said, "permission denied") {
		happened("%d %s", status, said)
	} else {
		t.Errorf("%d %s", status, said)
	}
}
