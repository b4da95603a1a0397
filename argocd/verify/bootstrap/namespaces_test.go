package bootstrap_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"gitlab.com/towpath/towpath/argocd/verify/internal/testrepo"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
)

// TestPodsStartAnew makes sure that those pods of Argo CD that read a list of namespaces,
// and no others, carry that list: they read it when they start.
func TestPodsStartAnew(t *testing.T) {
	t.Parallel()
	envs := testrepo.Environments()
	prod := envs[1]
	prod.Regions = map[string]environment.Region{"eu": {}, "us": {}}
	prod.Rollout = [][]string{{"eu"}, {"us"}}
	objects := build(t, envs, testrepo.Install(t))
	settings := data(t, objects, "ConfigMap argocd/argocd-cmd-params-cm")
	lists := map[string]string{}
	for _, key := range []string{"application.namespaces", "applicationsetcontroller.namespaces"} {
		if lists[key] = settings[key]; lists[key] == "" {
			t.Errorf("there is no setting %s", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		var pods corev1.PodTemplateSpec
		switch {
		case strings.HasPrefix(key, "Deployment argocd/"):
			pods = read[appsv1.Deployment](t, objects, key).Spec.Template
		case strings.HasPrefix(key, "StatefulSet argocd/"):
			pods = read[appsv1.StatefulSet](t, objects, key).Spec.Template
		default:
			continue
		}
		var want []string
		for _, container := range slices.Concat(pods.Spec.InitContainers, pods.Spec.Containers) {
			for _, variable := range container.Env {
				if from := variable.ValueFrom; from != nil && from.ConfigMapKeyRef != nil && lists[from.ConfigMapKeyRef.Key] != "" {
					want = append(want, lists[from.ConfigMapKeyRef.Key])
				}
			}
		}
		if got := pods.Annotations[delivery.NamespacesAnnotation]; got != strings.Join(want, ",") {
			t.Errorf("%s reads the namespaces %q when it starts, and its pods carry %q", key, want, got)
		}
	}
}
