package diff

// What follows is what no schema says. The lists are those that Kubernetes calls
// atomic, which is about who may write them and not about what their order means.

// keyed are lists whose items are told apart by fields.
var keyed = map[string][]string{
	"networking.v1.IngressSpec.rules":                              {"host"},
	"networking.v1.HTTPIngressRuleValue.paths":                     {"path", "pathType"},
	"external-secrets.io/v1.ExternalSecret.spec.data":              {"secretKey"},
	"gateway.networking.k8s.io/v1.HTTPRoute.spec.parentRefs":       {"name", "sectionName"},
	"monitoring.coreos.com/v1.ServiceMonitor.spec.endpoints":       {"port"},
	"monitoring.coreos.com/v1.PodMonitor.spec.podMetricsEndpoints": {"port"},
}

// unordered are lists of which only the content counts.
var unordered = map[string]bool{
	"core.v1.Capabilities.add":                              true,
	"core.v1.Capabilities.drop":                             true,
	"core.v1.NodeSelectorRequirement.values":                true,
	"core.v1.PersistentVolumeClaimSpec.accessModes":         true,
	"core.v1.PodSpec.tolerations":                           true,
	"core.v1.ServiceSpec.externalIPs":                       true,
	"core.v1.ServiceSpec.loadBalancerSourceRanges":          true,
	"apis.meta.v1.LabelSelectorRequirement.values":          true,
	"apis.meta.v1.LabelSelector.matchExpressions":           true,
	"autoscaling.v2.HorizontalPodAutoscalerSpec.metrics":    true,
	"gateway.networking.k8s.io/v1.HTTPRoute.spec.hostnames": true,
	"gateway.networking.k8s.io/v1.GRPCRoute.spec.hostnames": true,
	"gateway.networking.k8s.io/v1.TLSRoute.spec.hostnames":  true,
	"networking.v1.IPBlock.except":                          true,
	"networking.v1.IngressSpec.tls":                         true,
	"networking.v1.IngressTLS.hosts":                        true,
	"networking.v1.NetworkPolicyEgressRule.ports":           true,
	"networking.v1.NetworkPolicyEgressRule.to":              true,
	"networking.v1.NetworkPolicyIngressRule.from":           true,
	"networking.v1.NetworkPolicyIngressRule.ports":          true,
	"networking.v1.NetworkPolicySpec.egress":                true,
	"networking.v1.NetworkPolicySpec.ingress":               true,
	"networking.v1.NetworkPolicySpec.policyTypes":           true,
	"rbac.v1.ClusterRole.rules":                             true,
	"rbac.v1.ClusterRoleBinding.subjects":                   true,
	"rbac.v1.PolicyRule.apiGroups":                          true,
	"rbac.v1.PolicyRule.nonResourceURLs":                    true,
	"rbac.v1.PolicyRule.resourceNames":                      true,
	"rbac.v1.PolicyRule.resources":                          true,
	"rbac.v1.PolicyRule.verbs":                              true,
	"rbac.v1.Role.rules":                                    true,
	"rbac.v1.RoleBinding.subjects":                          true,
}

// numericPorts are the ports that the kubelet reads as a number even if they are
// written as a text. Elsewhere a text is the name of a port.
var numericPorts = map[string]bool{
	"core.v1.HTTPGetAction.port":   true,
	"core.v1.TCPSocketAction.port": true,
}

// durations are texts whose Go type is metav1.Duration, which no schema says.
var durations = map[string]bool{
	"external-secrets.io/v1.ExternalSecret.spec.refreshInterval": true,
}

// defaults are what Kubernetes puts where a field is missing, by definition: the
// functions SetDefaults_ in pkg/apis/*/v1/defaults.go of k8s.io/kubernetes, and
// false or zero where the field's Go type is no pointer. Those that depend on other
// fields are in fills.
var defaults = map[string]map[string]any{
	"apps.v1.DaemonSetSpec":           {"revisionHistoryLimit": 10, "minReadySeconds": 0},
	"apps.v1.DaemonSetUpdateStrategy": {"type": "RollingUpdate"},
	"apps.v1.DeploymentSpec": {
		"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600, "minReadySeconds": 0, "paused": false,
	},
	"apps.v1.DeploymentStrategy":                              {"type": "RollingUpdate"},
	"apps.v1.ReplicaSetSpec":                                  {"replicas": 1, "minReadySeconds": 0},
	"apps.v1.RollingUpdateDaemonSet":                          {"maxUnavailable": 1, "maxSurge": 0},
	"apps.v1.RollingUpdateDeployment":                         {"maxUnavailable": "25%", "maxSurge": "25%"},
	"apps.v1.RollingUpdateStatefulSetStrategy":                {"partition": 0},
	"apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
	"apps.v1.StatefulSetSpec": {
		"replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady", "minReadySeconds": 0,
	},
	"apps.v1.StatefulSetUpdateStrategy":          {"type": "RollingUpdate"},
	"autoscaling.v2.HorizontalPodAutoscalerSpec": {"minReplicas": 1},
	"batch.v1.CronJobSpec": {
		"concurrencyPolicy": "Allow", "suspend": false, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1,
	},
	"batch.v1.JobSpec":              {"completionMode": "NonIndexed", "suspend": false, "manualSelector": false},
	"core.v1.ConfigMapVolumeSource": {"defaultMode": 420},
	"core.v1.Container": {
		"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
		"stdin": false, "stdinOnce": false, "tty": false,
	},
	"core.v1.ContainerPort":                     {"protocol": "TCP"},
	"core.v1.DownwardAPIVolumeSource":           {"defaultMode": 420},
	"core.v1.EnvVar":                            {"value": ""},
	"core.v1.HTTPGetAction":                     {"path": "/", "scheme": "HTTP"},
	"core.v1.HostPathVolumeSource":              {"type": ""},
	"core.v1.ObjectFieldSelector":               {"apiVersion": "v1"},
	"core.v1.PersistentVolumeClaimSpec":         {"volumeMode": "Filesystem"},
	"core.v1.PersistentVolumeClaimVolumeSource": {"readOnly": false},
	"core.v1.PersistentVolumeSpec":              {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"},
	"core.v1.PodSpec": {
		"restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
		"terminationGracePeriodSeconds": 30, "enableServiceLinks": true,
		"hostNetwork": false, "hostPID": false, "hostIPC": false,
	},
	"core.v1.Probe": {
		"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3, "initialDelaySeconds": 0,
	},
	"core.v1.ProjectedVolumeSource":         {"defaultMode": 420},
	"core.v1.Secret":                        {"type": "Opaque"},
	"core.v1.SecretVolumeSource":            {"defaultMode": 420},
	"core.v1.ServiceAccountTokenProjection": {"expirationSeconds": 3600},
	"core.v1.ServicePort":                   {"protocol": "TCP"},
	"core.v1.ServiceSpec":                   {"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster", "publishNotReadyAddresses": false},
	"core.v1.VolumeMount":                   {"readOnly": false},
	"networking.v1.NetworkPolicyPort":       {"protocol": "TCP"},
	"rbac.v1.RoleRef":                       {"apiGroup": "rbac.authorization.k8s.io"},
	"storage.v1.StorageClass":               {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate", "allowVolumeExpansion": false},
}
