package bootstrap_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
)

const (
	byAPI        = "system:serviceaccount:argocd:argocd-server"
	byController = "system:serviceaccount:argocd:argocd-application-controller"
	bySets       = "system:serviceaccount:argocd:argocd-applicationset-controller"
	byJob        = "system:serviceaccount:argocd:delivery"

	firstCommit  = "1111111111111111111111111111111111111111"
	secondCommit = "2222222222222222222222222222222222222222"
)

// region is the Application of release web in a region, as an ApplicationSet makes it.
func region(name, more string) string {
	return `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: web-` + name + `
  namespace: argocd-prod
  labels: {towpath.gitlab.io/region: ` + name + `}
  ownerReferences: [{apiVersion: argoproj.io/v1alpha1, kind: ApplicationSet, name: web, controller: true}]
spec:
  project: prod
  destination: {server: https://` + name + `.example:6443, namespace: towpath-prod}
  source: {repoURL: https://gitlab.com/towpath/towpath.git, path: charts/service, targetRevision: refs/heads/env/prod, helm: {valueFiles: [/envs/prod/values/web-` + name + `.yaml]}}
  syncPolicy: {retry: {}, syncOptions: [FailOnSharedResource=true, PruneLast=true]}
` + more
}

// at is a status.
func at(commit, sync, health string) string {
	return `status: {sync: {status: ` + sync + `, revision: "` + commit + `"}, health: {status: ` + health + "}}\n"
}

// rolls is the operation with which the controller of ApplicationSets starts a sync.
const rolls = "operation: {initiatedBy: {username: applicationset-controller, automated: true}, sync: {prune: true, syncOptions: [FailOnSharedResource=true, PruneLast=true]}}\n"

var applications = schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"}

// Where an environment has a rollout, its ApplicationSets make Applications of their
// environment and start their syncs, and nothing else.
func TestRolloutMakesApplications(t *testing.T) {
	t.Parallel()
	idle := region("eu", at(firstCommit, "OutOfSync", "Healthy"))
	with := func(from, to string) string { return strings.Replace(idle, from, to, 1) }
	does := func(what string) string {
		return region("eu", at(firstCommit, "OutOfSync", "Healthy")+"operation: {sync: {"+what+"}}\n")
	}
	const foreign = "a rollout makes Applications of its own environment"
	requests := []request{
		{name: "made", operation: admission.Create, new: region("eu", "")},
		{name: "deleted", operation: admission.Delete, old: idle},
		{name: "another chart", operation: admission.Update, old: idle, new: with("charts/service", "charts/redis")},
		{name: "synced", operation: admission.Update, old: idle, new: region("eu", at(firstCommit, "OutOfSync", "Healthy")+rolls)},
		{name: "one from before taken over", operation: admission.Update, old: with("ownerReferences:", "x:"), new: idle},

		{name: "of another project", operation: admission.Create, new: with("project: prod", "project: stage"), denied: foreign},
		{name: "at main", operation: admission.Create, new: with("refs/heads/env/prod", "main"), denied: foreign},
		{name: "moved to main", operation: admission.Update, old: idle, new: with("refs/heads/env/prod", "main"), denied: foreign},
		{name: "at another environment's approvals", operation: admission.Create, new: with("refs/heads/env/prod", "refs/heads/env/stage"), denied: foreign},
		{name: "with a parameter", operation: admission.Create, new: with("helm: {", "helm: {parameters: [{name: image.repository, value: x}], "), denied: foreign},
		{name: "with values", operation: admission.Create, new: with("helm: {", "helm: {valuesObject: {replicas: 0}, "), denied: foreign},
		{name: "with a second source", operation: admission.Create, new: with("  source:", "  sources: [{repoURL: x}]\n  source:"), denied: foreign},
		{name: "with differences ignored", operation: admission.Create, new: with("  source:", "  ignoreDifferences: [{kind: Deployment, jsonPointers: [/spec]}]\n  source:"), denied: foreign},
		{name: "of nobody", operation: admission.Create, new: with("ownerReferences:", "x:"), denied: foreign},
		{name: "synced as it is made", operation: admission.Create, new: does(""), denied: "when its turn has come"},
		{name: "synced to an older commit", operation: admission.Update, old: idle, new: does("revision: \"" + secondCommit + "\""), denied: "only the head"},
		{name: "synced in part", operation: admission.Update, old: idle, new: does("resources: [{kind: Service, name: web}]"), denied: "as a whole"},
		{name: "synced from a laptop", operation: admission.Update, old: idle, new: does("manifests: ['{}']"), denied: "as a whole"},
		{name: "synced without hooks", operation: admission.Update, old: idle, new: does("syncStrategy: {apply: {}}"), denied: "with its hooks"},
		{name: "synced with another option", operation: admission.Update, old: idle, new: does("syncOptions: [Replace=true]"), denied: "options that its Application has"},
	}
	for i := range requests {
		requests[i].user, requests[i].rollout = bySets, true
	}
	const fromGit = "made and deleted in Git"
	requests = append(requests,
		request{name: "the API makes one", operation: admission.Create, user: byAPI, rollout: true, new: idle, denied: fromGit},
		request{name: "the API deletes one", operation: admission.Delete, user: byAPI, rollout: true, old: idle, denied: fromGit},
		request{name: "the API changes one", operation: admission.Update, user: byAPI, rollout: true, old: idle, new: with("charts/service", "charts/redis"), denied: "change in Git"},
		request{name: "the API syncs whatever is there", operation: admission.Update, user: byAPI, rollout: true, old: idle, new: does("prune: true"), denied: "only the head"},
		request{name: "an ApplicationSet without a rollout", operation: admission.Create, user: bySets, new: idle, denied: fromGit},
		request{name: "in Argo CD's namespace", operation: admission.Create, user: bySets, new: with("argocd-prod", "argocd"), denied: fromGit},
	)
	judge(t, policy(t, "approved-revision-only"), applications, requests)
}

func TestApplicationSetsFromGit(t *testing.T) {
	t.Parallel()
	set := func(image string) string {
		return `apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: web, namespace: argocd-prod, annotations: {argocd.argoproj.io/application-set-refresh: "true"}}
spec: {generators: [{list: {elements: []}}], template: {spec: {project: prod, source: {helm: {parameters: [{name: image, value: ` + image + `}]}}}}}
`
	}
	good, evil := set("approved"), set("evil")
	refreshed := strings.Replace(good, `, annotations: {argocd.argoproj.io/application-set-refresh: "true"}`, "", 1)
	const denied = "made, changed and deleted in Git"
	judge(t, policy(t, "applicationsets-from-git"), schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applicationsets"}, []request{
		{name: "the root makes one", operation: admission.Create, user: byController, new: good},
		{name: "the root changes one", operation: admission.Update, user: byController, old: good, new: evil},
		{name: "the root deletes one", operation: admission.Delete, user: byController, old: good},
		{name: "its controller has looked again", operation: admission.Update, user: bySets, old: good, new: refreshed},

		{name: "the API makes one", operation: admission.Create, user: byAPI, new: evil, denied: denied},
		{name: "the API makes one in Argo CD's namespace", operation: admission.Create, user: byAPI, new: strings.Replace(evil, "argocd-prod", "argocd", 1), denied: denied},
		{name: "the API changes one", operation: admission.Update, user: byAPI, old: good, new: evil, denied: denied},
		{name: "the API deletes one", operation: admission.Delete, user: byAPI, old: good, denied: denied},
		{name: "its controller changes one", operation: admission.Update, user: bySets, old: good, new: evil, denied: denied},
		{name: "the Job of bootstrap makes one", operation: admission.Create, user: byJob, new: good, denied: denied},
	})
}

func TestRegionsInOrder(t *testing.T) {
	t.Parallel()
	us := region("us", at(secondCommit, "OutOfSync", "Healthy"))
	synced := region("us", at(secondCommit, "OutOfSync", "Healthy")+rolls)
	start := func(name, params, denied string) request {
		return request{name: name, operation: admission.Update, user: bySets, old: us, new: synced, params: params, denied: denied}
	}
	const waits = "web-us waits: web-eu comes before it"
	other := func(status string) string {
		return strings.NewReplacer("name: web,", "name: shop,", "name: web-eu", "name: shop-eu").Replace(region("eu", status))
	}
	byOperator := start("an operator syncs it", region("eu", at(firstCommit, "OutOfSync", "Degraded")), "")
	byOperator.user = byAPI
	again := start("its sync is there already", region("eu", at(firstCommit, "OutOfSync", "Degraded")), "")
	again.old = synced
	changed := start("its Application changes", region("eu", at(firstCommit, "OutOfSync", "Degraded")), "")
	changed.new = strings.Replace(us, "charts/service", "charts/redis", 1)
	judge(t, policy(t, "regions-in-order"), applications, []request{
		start("the one before is healthy", region("eu", at(secondCommit, "Synced", "Healthy")), ""),
		start("another release is not", other(at(firstCommit, "OutOfSync", "Degraded")), ""),
		byOperator, again, changed,

		start("the one before has not seen the commit", region("eu", at(firstCommit, "Synced", "Healthy")), waits),
		start("the one before is not synced", region("eu", at(secondCommit, "OutOfSync", "Healthy")), waits),
		start("the one before goes on", region("eu", at(secondCommit, "Synced", "Progressing")), waits),
		start("the one before is broken", region("eu", at(secondCommit, "Synced", "Degraded")), waits),
		start("the one before is new", region("eu", ""), waits),
		start("the one before can't be compared", region("eu", "status: {sync: {status: Unknown}}\n"), waits),
	})
}
