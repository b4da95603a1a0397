package policy

import (
	"os"
	"strings"
	"testing"

	podsecurity "k8s.io/pod-security-admission/policy"
)

// What others check by default, and the rule here that does; a dash and a reason
// where none does. The lists in testdata/graders are theirs, so that a check that
// they add is one that the test misses.
var (
	kubeScore = map[string]string{
		"deployment-strategy":                                            "rollout-strategy",
		"deployment-replicas":                                            "single-replica",
		"ingress-targets-service":                                        "ingress-backend",
		"cronjob-has-deadline":                                           "cronjob-deadline",
		"cronjob-restartpolicy":                                          "job-restart-policy",
		"container-resources":                                            "resource-requests memory-limit cpu-limit",
		"container-image-tag":                                            "latest-tag",
		"container-image-pull-policy":                                    "pull-policy",
		"container-ephemeral-storage-request-and-limit":                  "ephemeral-storage",
		"environment-variable-key-duplication":                           "duplicate-env",
		"statefulset-has-poddisruptionbudget":                            "missing-pdb",
		"deployment-has-poddisruptionbudget":                             "missing-pdb",
		"poddisruptionbudget-has-policy":                                 "pdb-without-limit",
		"pod-networkpolicy":                                              "missing-network-policy",
		"networkpolicy-targets-pod":                                      "network-policy-selects-nothing",
		"pod-probes":                                                     "readiness-probe liveness-probe",
		"pod-probes-identical":                                           "identical-probes",
		"container-security-context-user-group-id":                       "low-user-id",
		"container-security-context-privileged":                          "privileged",
		"container-security-context-readonlyrootfilesystem":              "writable-root",
		"service-targets-pod":                                            "service-selects-nothing",
		"service-type":                                                   "service-type",
		"stable-version":                                                 "unstable-api",
		"deployment-has-host-podantiaffinity":                            "host-spread",
		"statefulset-has-host-podantiaffinity":                           "host-spread",
		"deployment-targeted-by-hpa-does-not-have-replicas-configured":   "hpa-fixed-replicas",
		"statefulset-has-servicename":                                    "statefulset-service",
		"deployment-pod-selector-labels-match-template-metadata-labels":  "selector-mismatch",
		"statefulset-pod-selector-labels-match-template-metadata-labels": "selector-mismatch",
		"label-values":                                                   "label-values",
		"horizontalpodautoscaler-has-target":                             "hpa-target",
		"horizontalpodautoscaler-replicas":                               "single-replica",
		"pod-topology-spread-constraints":                                "spread-without-effect",
	}
	kubeLinter = map[string]string{
		"dangling-service":                       "service-selects-nothing",
		"deprecated-service-account-field":       "service-account-alias",
		"docker-sock":                            "host-path",
		"drop-net-raw-capability":                "capabilities",
		"duplicate-env-var":                      "duplicate-env",
		"env-var-secret":                         "inline-secret",
		"host-ipc":                               "host-namespaces",
		"host-network":                           "host-namespaces",
		"host-pid":                               "host-namespaces",
		"invalid-target-ports":                   "service-target-port",
		"latest-tag":                             "latest-tag",
		"liveness-port":                          "probe-port",
		"mismatching-selector":                   "selector-mismatch",
		"no-anti-affinity":                       "host-spread",
		"no-extensions-v1beta":                   "unstable-api",
		"no-read-only-root-fs":                   "writable-root",
		"non-existent-service-account":           "missing-service-account",
		"pdb-max-unavailable":                    "pdb-blocks-drains",
		"pdb-min-available":                      "pdb-blocks-drains",
		"privilege-escalation-container":         "privilege-escalation",
		"privileged-container":                   "privileged",
		"readiness-port":                         "probe-port",
		"run-as-non-root":                        "run-as-non-root",
		"sensitive-host-mounts":                  "host-path",
		"ssh-port":                               "ssh-port",
		"startup-port":                           "probe-port",
		"unsafe-sysctls":                         "sysctls",
		"unset-cpu-requirements":                 "resource-requests cpu-limit",
		"unset-memory-requirements":              "resource-requests memory-limit",
		"pdb-unhealthy-pod-eviction-policy":      "pdb-unhealthy-eviction",
		"dangling-horizontalpodautoscaler":       "hpa-target",
		"dangling-ingress":                       "ingress-backend",
		"dangling-networkpolicy":                 "network-policy-selects-nothing",
		"dangling-networkpolicypeer-podselector": "- a peer is most often a pod of another release, which may come later",
		"dangling-servicemonitor":                "monitor-selects-nothing",
		"restart-policy":                         "- it wants OnFailure or Always of Jobs too, where Never keeps the log of the run that failed",
		"job-ttl-seconds-after-finished":         "- job-ttl says the contrary of Jobs: Argo CD would run again what deletes itself",
		"non-isolated-pod":                       "missing-network-policy",
		"exposed-services":                       "service-type",
		"unsafe-proc-mount":                      "proc-mount",
		"wildcard-in-rules":                      "wildcard-rbac",
		"cluster-admin-role-binding":             "admin-binding",
		"required-label-owner":                   "missing-owner",
	}
	polaris = map[string]string{
		"deploymentMissingReplicas":                         "single-replica",
		"priorityClassNotSet":                               "- a PriorityClass is the cluster's, and a release that names one the cluster lacks starts no pod",
		"tagNotSpecified":                                   "latest-tag mutable-tag",
		"pullPolicyNotAlways":                               "pull-policy",
		"readinessProbeMissing":                             "readiness-probe",
		"livenessProbeMissing":                              "liveness-probe",
		"metadataAndInstanceMismatched":                     "instance-label",
		"pdbDisruptionsIsZero":                              "pdb-blocks-drains",
		"missingPodDisruptionBudget":                        "missing-pdb",
		"topologySpreadConstraint":                          "zone-spread host-spread",
		"hpaMaxAvailability":                                "hpa-no-room",
		"hpaMinAvailability":                                "single-replica",
		"pdbMinAvailableGreaterThanOrEqualToHPAMinReplicas": "pdb-blocks-drains",
		"cpuRequestsMissing":                                "resource-requests",
		"cpuLimitsMissing":                                  "cpu-limit",
		"memoryRequestsMissing":                             "resource-requests",
		"memoryLimitsMissing":                               "memory-limit",
		"automountServiceAccountToken":                      "mounted-token",
		"hostIPCSet":                                        "host-namespaces",
		"hostPathSet":                                       "host-path",
		"hostProcess":                                       "windows-host-process",
		"hostPIDSet":                                        "host-namespaces",
		"linuxHardening":                                    "seccomp capabilities selinux apparmor",
		"missingNetworkPolicy":                              "missing-network-policy",
		"notReadOnlyRootFilesystem":                         "writable-root",
		"privilegeEscalationAllowed":                        "privilege-escalation",
		"procMount":                                         "proc-mount",
		"runAsRootAllowed":                                  "run-as-non-root",
		"runAsPrivileged":                                   "privileged",
		"dangerousCapabilities":                             "capabilities",
		"insecureCapabilities":                              "capabilities",
		"hostNetworkSet":                                    "host-namespaces",
		"hostPortSet":                                       "host-ports",
		"tlsSettingsMissing":                                "ingress-tls",
		"sensitiveContainerEnvVar":                          "inline-secret",
		"sensitiveConfigmapContent":                         "inline-secret",
		"clusterrolePodExecAttach":                          "exec-rbac",
		"rolePodExecAttach":                                 "exec-rbac",
		"clusterrolebindingPodExecAttach":                   "exec-rbac",
		"rolebindingClusterRolePodExecAttach":               "exec-rbac",
		"rolebindingRolePodExecAttach":                      "exec-rbac",
		"clusterrolebindingClusterAdmin":                    "admin-binding",
		"rolebindingClusterAdminClusterRole":                "admin-binding",
		"rolebindingClusterAdminRole":                       "wildcard-rbac",
	}
	podSecurityStandards = map[string]string{
		"allowPrivilegeEscalation":  "privilege-escalation",
		"appArmorProfile":           "apparmor",
		"capabilities_baseline":     "capabilities",
		"capabilities_restricted":   "capabilities",
		"hostNamespaces":            "host-namespaces",
		"hostPathVolumes":           "host-path",
		"hostPorts":                 "host-ports",
		"privileged":                "privileged",
		"procMount":                 "proc-mount",
		"restrictedVolumes":         "volume-types",
		"runAsNonRoot":              "run-as-non-root",
		"runAsUser":                 "run-as-non-root",
		"seLinuxOptions":            "selinux",
		"seccompProfile_baseline":   "seccomp",
		"seccompProfile_restricted": "seccomp",
		"sysctls":                   "sysctls",
		"windowsHostProcess":        "windows-host-process",
	}
)

func TestGraders(t *testing.T) {
	judged := map[string]bool{}
	for _, id := range ObjectRules() {
		judged[id] = true
	}
	var controls []string
	for _, check := range podsecurity.DefaultChecks() {
		controls = append(controls, string(check.ID))
	}
	for _, grader := range []struct {
		name   string
		checks []string
		rules  map[string]string
	}{
		{"kube-score", listed(t, "kube-score"), kubeScore},
		{"kube-linter", listed(t, "kube-linter"), kubeLinter},
		{"Polaris", listed(t, "polaris"), polaris},
		{"the Pod Security Standards", controls, podSecurityStandards},
	} {
		for _, check := range grader.checks {
			rules := grader.rules[check]
			if rules == "" {
				t.Errorf("%s checks %s: no rule does, and no reason says why", grader.name, check)
			}
			if strings.HasPrefix(rules, "- ") {
				continue
			}
			for rule := range strings.FieldsSeq(rules) {
				if !judged[rule] {
					t.Errorf("%s checks %s, which here is %s: there is no such rule", grader.name, check, rule)
				}
			}
		}
		if len(grader.checks) != len(grader.rules) {
			t.Errorf("%s makes %d checks, and the table has %d", grader.name, len(grader.checks), len(grader.rules))
		}
	}
}

// listed reads the names of a grader's checks.
func listed(t *testing.T, grader string) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/graders/" + grader + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	var checks []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
			checks = append(checks, line)
		}
	}
	return checks
}
