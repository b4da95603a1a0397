package policy

import "slices"

// objectRules are the rules over the objects of one release.
var objectRules = slices.Concat(podSecurity, []objectRule{
	// Containers.
	{"writable-root", eachContainer(writableRoot)},
	{"low-user-id", eachContainer(lowUserID)},
	{"duplicate-env", eachContainer(duplicateEnv)},
	{"ssh-port", eachContainer(sshPort)},
	{"latest-tag", eachContainer(latestTag)},
	{"mutable-tag", mutableTag},
	{"pull-policy", eachContainer(pullPolicy)},
	{"readiness-probe", eachPod(missingReadiness)},
	{"liveness-probe", eachPod(missingLiveness)},
	{"identical-probes", eachContainer(identicalProbes)},
	{"probe-port", eachContainer(probePort)},
	{"resource-requests", resources([]string{"cpu", "memory"}, []string{"requests"}, "state what the container uses on a usual day")},
	{"memory-limit", resources([]string{"memory"}, []string{"limits"}, "state the most that the container may use")},
	{"cpu-limit", resources([]string{"cpu"}, []string{"limits"}, "state the most that the container may use")},
	{"ephemeral-storage", resources([]string{"ephemeral-storage"}, []string{"requests", "limits"},
		"state how much the container writes to logs, emptyDir volumes and its own file system")},

	// Who a pod is, and what it may do.
	{"mounted-token", mountedToken},
	{"missing-service-account", missingServiceAccount},
	{"service-account-alias", eachPod(serviceAccountAlias)},
	{"wildcard-rbac", wildcardRBAC},
	{"exec-rbac", execRBAC},
	{"admin-binding", adminBinding},
	{"inline-secret", inlineSecret},

	// The network.
	{"missing-network-policy", missingNetworkPolicy},
	{"network-policy-selects-nothing", networkPolicySelectsNothing},
	{"wildcard-egress", wildcardEgress},
	{"service-selects-nothing", serviceSelectsNothing},
	{"service-target-port", serviceTargetPort},
	{"service-type", serviceType},
	{"ingress-tls", ingressTLS},
	{"ingress-backend", ingressBackend},
	{"monitor-selects-nothing", monitorSelectsNothing},

	// How many pods there are, and where.
	{"hpa-target", hpaTarget},
	{"hpa-fixed-replicas", hpaFixedReplicas},
	{"hpa-no-room", hpaNoRoom},
	{"single-replica", singleReplica},
	{"missing-pdb", missingPDB},
	{"pdb-selects-nothing", pdbSelectsNothing},
	{"pdb-without-limit", pdbWithoutLimit},
	{"pdb-unhealthy-eviction", pdbUnhealthyEviction},
	{"pdb-blocks-drains", pdbBlocksDrains},
	{"rollout-strategy", rolloutStrategy},
	{"host-spread", spread("kubernetes.io/hostname", "node")},
	{"zone-spread", spread("topology.kubernetes.io/zone", "zone")},
	{"spread-without-effect", eachPod(spreadWithoutEffect)},

	// Workloads and their data.
	{"selector-mismatch", eachPod(selectorMismatch)},
	{"statefulset-service", statefulSetService},
	{"cronjob-deadline", cronJobDeadline},
	{"job-restart-policy", eachPod(jobRestartPolicy)},
	{"job-ttl", jobTTL},
	{"claim-prune", claimPrune},

	// Every object.
	{"missing-owner", missingOwner},
	{"instance-label", instanceMismatch},
	{"label-values", labelValues},
	{"unstable-api", unstableAPI},
})

// fleetRules are the rules over the objects of all releases together.
var fleetRules = []fleetRule{
	{"host-clash", hostClash},
}
