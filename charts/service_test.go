//go:build unix

package charts_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/manifest"
)

// A pod that ends sleeps until load balancers have left it; then the service tells clients that keep connections to close
// them, before it closes them itself under somebody's next request; then it finishes what is in flight. All of that has to
// fit in before the kubelet kills it.
func TestServiceEndsInOrder(t *testing.T) {
	for _, c := range []struct {
		drain, sleep int64
		tell         time.Duration
	}{
		{5, 5, 2 * time.Second},
		{60, 60, 2 * time.Second},
		{1, 1, time.Second},
		{0, 0, 0},
	} {
		t.Run(fmt.Sprintf("drainSeconds %d", c.drain), func(t *testing.T) {
			objects := render(t, "service", fmt.Sprintf("config: {drainSeconds: %d, shutdownSeconds: 20}", c.drain))
			var deployment appsv1.Deployment
			object(t, objects, "Deployment", &deployment)
			var config corev1.ConfigMap
			object(t, objects, "ConfigMap", &config)
			spec := deployment.Spec.Template.Spec
			var sleep int64
			if hook := spec.Containers[0].Lifecycle; hook != nil {
				sleep = hook.PreStop.Sleep.Seconds
			}
			if sleep != c.sleep {
				t.Errorf("preStop sleeps %d s", sleep)
			}
			tell, err := time.ParseDuration(config.Data["DRAIN_DELAY"])
			if err != nil || tell != c.tell {
				t.Errorf("DRAIN_DELAY is %s, not %s", config.Data["DRAIN_DELAY"], c.tell)
			}
			finish, err := time.ParseDuration(config.Data["SHUTDOWN_GRACE"])
			if err != nil || finish != 20*time.Second {
				t.Errorf("SHUTDOWN_GRACE is %s", config.Data["SHUTDOWN_GRACE"])
			}
			grace := time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second
			if wanted := time.Duration(sleep)*time.Second + tell + finish + 3*time.Second; grace < wanted {
				t.Errorf("the kubelet kills after %s, and the service wants %s", grace, wanted)
			}
		})
	}
}

// object reads the only object of a kind.
func object(t *testing.T, objects []manifest.Object, kind string, into any) {
	t.Helper()
	found := slices.DeleteFunc(slices.Clone(objects), func(o manifest.Object) bool { return o.Kind != kind })
	if len(found) != 1 {
		t.Fatalf("%d objects of kind %s", len(found), kind)
	}
	text, err := yaml.Marshal(found[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		t.Fatal(err)
	}
}
