package bootstrap_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	cacheutil "github.com/argoproj/argo-cd/v2/util/cache"
	"github.com/argoproj/argo-cd/v2/util/cache/appstate"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"gitlab.com/towpath/towpath/argocd/verify/internal/testrepo"
)

// TestLostRedisIsForgotten makes sure that the controller reads the setting by which it ends to believe, after Redis was
// lost, that what it wrote is there. docs/operate.md has the time.
func TestLostRedisIsForgotten(t *testing.T) {
	t.Parallel()
	const key = "controller.app.state.cache.expiration"
	objects := build(t, testrepo.Environments(), testrepo.Install(t))
	if got := data(t, objects, "ConfigMap argocd/argocd-cmd-params-cm")[key]; got != "10m" {
		t.Errorf("%s is %q", key, got)
	}
	variables := read[appsv1.StatefulSet](t, objects, "StatefulSet argocd/argocd-application-controller").Spec.Template.Spec.Containers[0].Env
	if !slices.ContainsFunc(variables, func(v corev1.EnvVar) bool {
		return v.Name == "ARGOCD_APP_STATE_CACHE_EXPIRATION" && v.ValueFrom != nil && v.ValueFrom.ConfigMapKeyRef != nil && v.ValueFrom.ConfigMapKeyRef.Key == key
	}) {
		t.Errorf("the application controller does not read %s: %v", key, variables)
	}
}

// TestControllerBelievesInRedis has Argo CD's own code show what that setting is for: the controller does not write again
// what it wrote before, though Redis has lost it, until it is started anew or the time is over. Once it does, docs/operate.md
// and the setting have nothing to mend.
func TestControllerBelievesInRedis(t *testing.T) {
	t.Parallel()
	redis := cacheutil.NewInMemoryCache(time.Hour)
	controller := func(expiration time.Duration) *appstate.Cache {
		return appstate.NewCache(cacheutil.NewCache(cacheutil.NewTwoLevelClient(redis, 10*time.Minute)), expiration)
	}
	server := appstate.NewCache(cacheutil.NewCache(redis), time.Hour)
	tree := &v1alpha1.ApplicationTree{Nodes: []v1alpha1.ResourceNode{{ResourceRef: v1alpha1.ResourceRef{Kind: "AppProject", Name: "prod"}}}}
	write := func(c *appstate.Cache) {
		t.Helper()
		if err := c.SetAppResourcesTree("projects", tree); err != nil {
			t.Fatal(err)
		}
	}
	read := func() error { return server.GetAppResourcesTree("projects", &v1alpha1.ApplicationTree{}) }

	long := controller(time.Hour)
	write(long)
	if err := read(); err != nil {
		t.Fatalf("what was written is not there: %v", err)
	}
	redis.Flush()
	write(long)
	if err := read(); !errors.Is(err, cacheutil.ErrCacheMiss) {
		t.Errorf("it was written again: %v", err)
	}
	write(controller(time.Hour))
	if err := read(); err != nil {
		t.Errorf("a controller that was started anew did not write it: %v", err)
	}

	short := controller(time.Millisecond)
	write(short)
	redis.Flush()
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		write(short)
		err := read()
		if err == nil {
			break
		}
		if time.Since(start) > 10*time.Second {
			t.Fatalf("it was not written once its time was over: %v", err)
		}
	}
}
