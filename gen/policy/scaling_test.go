package policy

import (
	"fmt"
	"testing"
)

func autoscaler(bounds string) string {
	return "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\n" +
		"spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, " + bounds + "}\n"
}

func budget(spec string) string {
	return "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {selector: {matchLabels: {app: web}}, " + spec + "}\n"
}

func TestScaling(t *testing.T) {
	two, three, scaled := deploymentOf("replicas: 2", plain), deploymentOf("replicas: 3", plain), deploymentOf("", plain)
	run(t, []ruleTest{
		{"outside production one is enough", "single-replica", "# environment: stage\n" + scaled, nil},
		{"the default is one", "single-replica", scaled, []string{"web spec.replicas: "}},
		{"switched off", "single-replica", deploymentOf("replicas: 0", plain), nil},
		{"the autoscaler goes down to one", "single-replica", scaled + autoscaler("maxReplicas: 5"), []string{"web spec.minReplicas: "}},
		{"the autoscaler stays at two", "single-replica", scaled + autoscaler("minReplicas: 2, maxReplicas: 5"), nil},
		{"another kind of that name", "hpa-target", "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web}\nspec: {serviceName: x, selector: {}, template: {}}\n" +
			autoscaler("maxReplicas: 5"), []string{"web spec.scaleTargetRef: "}},

		{"a single pod needs none", "missing-pdb", scaled, nil},
		{"several, once it is scaled", "missing-pdb", scaled + autoscaler("maxReplicas: 5"), []string{"web spec: "}},
		{"minAvailable below", "pdb-blocks-drains", three + budget("minAvailable: 2"), nil},
		{"minAvailable in percent rounds up", "pdb-blocks-drains", two + budget("minAvailable: 51%"),
			[]string{"web spec.minAvailable: PodDisruptionBudget.policy/web needs 2 pods of the 2"}},
		{"minAvailable of half", "pdb-blocks-drains", two + budget("minAvailable: 50%"), nil},
		{"the fewest pods of an autoscaler", "pdb-blocks-drains", scaled + autoscaler("minReplicas: 2, maxReplicas: 9") + budget("minAvailable: 2"),
			[]string{"web spec.minAvailable: "}},
		{"maxUnavailable 0", "pdb-blocks-drains", budget("maxUnavailable: 0"), []string{"web spec.maxUnavailable: "}},
		{"maxUnavailable 0%", "pdb-blocks-drains", budget("maxUnavailable: 0%"), []string{"web spec.maxUnavailable: "}},
		{"maxUnavailable 1% is one", "pdb-blocks-drains", two + budget("maxUnavailable: 1%"), nil},
	})
}

func TestRollout(t *testing.T) {
	front := service("{selector: {app: web}, ports: [{port: 80}]}")
	run(t, []ruleTest{
		{"nobody calls it", "rollout-strategy", deploymentOf("strategy: {type: Recreate}", plain), nil},
		{"outside production", "rollout-strategy", "# environment: dev\n" + front + deploymentOf("strategy: {type: Recreate}", plain), nil},
		{"a quarter of three is none", "rollout-strategy", front + deploymentOf("replicas: 3", plain), nil},
		{"a quarter of four is one", "rollout-strategy", front + deploymentOf("replicas: 4", plain),
			[]string{"web spec.strategy.rollingUpdate.maxUnavailable: a rollout of Deployment.apps/web takes pods away before new ones are ready, 1 of 4 at once"}},
		{"one", "rollout-strategy", front + deploymentOf("strategy: {rollingUpdate: {maxUnavailable: 1}}", plain),
			[]string{"web spec.strategy.rollingUpdate.maxUnavailable: "}},
	})
}

func TestSpread(t *testing.T) {
	preferred := `affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: %s}}}
` + plain
	with := func(app string) string { return deploymentOf("replicas: 2", fmt.Sprintf(preferred, app)) }
	run(t, []ruleTest{
		{"preferred anti-affinity", "host-spread", with("web"), nil},
		{"anti-affinity to others", "host-spread", with("db"), []string{"web spec.template.spec.topologySpreadConstraints: "}},
		{"nodes are no zones", "zone-spread", with("web"), []string{"web spec.template.spec.topologySpreadConstraints: "}},
		{"anti-affinity to others has its uses", "spread-without-effect", with("db"), nil},
		{"a single pod", "host-spread", deploymentOf("replicas: 1", plain), nil},
		{"a DaemonSet", "host-spread", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\nspec: {selector: {}, template: {spec: {containers: []}}}", nil},
	})
}
