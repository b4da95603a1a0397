package policy

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	podsecurity "k8s.io/pod-security-admission/policy"

	"gitlab.com/towpath/towpath/gen/environment"
)

// podSecurity are the controls of the Pod Security Standards at their strictest
// level, restricted. They are judged by the code with which the API server
// itself refuses pods, as of the Kubernetes version of the environment.
var podSecurity = []objectRule{
	{"privileged", control(podsecurity.CheckPrivileged, blamed{container: "privileged"})},
	{"host-namespaces", control(podsecurity.CheckHostNamespaces, blamed{spec: hostNamespace, help: "leave it out; pods reach each other by Services"})},
	{"host-path", control(podsecurity.CheckHostPathVolumes, blamed{help: "use an emptyDir, a ConfigMap or a PersistentVolumeClaim"})},
	{"host-ports", control(podsecurity.CheckHostPorts, blamed{container: "../ports", help: "leave hostPort out; a Service finds the pod wherever it is"})},
	{"capabilities", control(podsecurity.CheckCapabilitiesRestricted, blamed{container: "capabilities"})},
	{"proc-mount", control(podsecurity.CheckProcMount, blamed{container: "procMount"})},
	{"seccomp", control(podsecurity.CheckSeccompProfileRestricted, blamed{pod: "seccompProfile", container: "seccompProfile"})},
	{"run-as-non-root", both(
		control(podsecurity.CheckRunAsNonRoot, blamed{pod: "runAsNonRoot", container: "runAsNonRoot"}),
		control(podsecurity.CheckRunAsUser, blamed{pod: "runAsUser", container: "runAsUser"}),
	)},
	{"privilege-escalation", control(podsecurity.CheckAllowPrivilegeEscalation, blamed{container: "allowPrivilegeEscalation"})},
	{"sysctls", control(podsecurity.CheckSysctls, blamed{pod: "sysctls", help: "leave it out, or ask the cluster's operators to set it on the nodes"})},
	{"selinux", control(podsecurity.CheckSELinuxOptions, blamed{pod: "seLinuxOptions", container: "seLinuxOptions"})},
	{"apparmor", control(podsecurity.CheckAppArmorProfile, blamed{pod: "appArmorProfile", container: "appArmorProfile"})},
	{"volume-types", control(podsecurity.CheckRestrictedVolumes, blamed{notHostPath: true, help: "use a PersistentVolumeClaim"})},
	{"windows-host-process", control(podsecurity.CheckWindowsHostProcess, blamed{pod: "windowsOptions", container: "windowsOptions"})},
}

// blamed tells which field of a security context a control is about. A control
// judges a pod as a whole; to tell which container broke it, the pod is judged
// with one container at a time.
type blamed struct {
	pod, container string
	// spec finds the field where it is not in a security context.
	spec func(field) field
	// help is for controls whose message does not say what to set instead.
	help string
	// notHostPath leaves volumes of the type hostPath to the rule about them.
	notHostPath bool
}

// control makes a rule of a control of the Pod Security Standards.
func control(check func() podsecurity.Check, blame blamed) func(*Release) []Violation {
	return func(r *Release) []Violation {
		judge := versioned(check(), r.cluster())
		var found []Violation
		for _, p := range pods(r) {
			// The API server reads with the same code: it refuses what is not valid
			// here, and another rule says so.
			if !p.valid || judge(&p.typed.ObjectMeta, &p.typed.Spec).Allowed {
				continue
			}
			found = append(found, perPart(p, judge, blame)...)
		}
		return found
	}
}

// perPart judges a pod that breaks a control part by part: the pod itself, then
// each volume, then each container.
func perPart(p pod, judge podsecurity.CheckPodFn, blame blamed) []Violation {
	var found []Violation
	metadata, spec := &p.typed.ObjectMeta, p.typed.Spec
	bare := spec
	bare.InitContainers, bare.Containers, bare.EphemeralContainers, bare.Volumes = nil, nil, nil, nil
	ofPod := judge(metadata, &bare)
	if !ofPod.Allowed {
		at := p.spec.at("securityContext", blame.pod)
		if blame.spec != nil {
			at = blame.spec(p.spec)
		}
		found = append(found, at.blame(blame.help, "%s", message(ofPod)))
	}
	for i, volume := range spec.Volumes {
		if blame.notHostPath && volume.HostPath != nil {
			continue
		}
		one := bare
		one.Volumes = []corev1.Volume{volume}
		if result := judge(metadata, &one); !result.Allowed && result != ofPod {
			found = append(found, p.spec.at("volumes").list()[i].blame(blame.help, "%s", message(result)))
		}
	}
	for _, c := range p.containers() {
		one := bare
		switch index, _ := strconv.Atoi(c.path[len(c.path)-1]); c.list {
		case "initContainers":
			one.InitContainers = spec.InitContainers[index : index+1]
		case "containers":
			one.Containers = spec.Containers[index : index+1]
		default:
			one.EphemeralContainers = spec.EphemeralContainers[index : index+1]
		}
		// What the pod did wrong is said of each container again, unless the
		// container adds to it.
		if result := judge(metadata, &one); !result.Allowed && result != ofPod {
			at := c.at("securityContext", blame.container)
			if sibling, beside := strings.CutPrefix(blame.container, "../"); beside {
				at = c.at(sibling)
			}
			found = append(found, at.blame(blame.help, "%s", message(result)))
		}
	}
	return found
}

// message says what the control found.
func message(result podsecurity.CheckResult) string {
	if result.ForbiddenDetail == "" {
		return result.ForbiddenReason
	}
	return result.ForbiddenReason + ": " + result.ForbiddenDetail
}

// hostNamespace returns the first namespace of the node that a pod joins.
func hostNamespace(spec field) field {
	for _, name := range []string{"hostNetwork", "hostPID", "hostIPC"} {
		if spec.at(name).is(true) {
			return spec.at(name)
		}
	}
	return spec
}

// versioned returns a check as it is in the cluster's Kubernetes version,
// the newest if that is not known.
func versioned(check podsecurity.Check, cluster environment.Cluster) podsecurity.CheckPodFn {
	judge := check.Versions[len(check.Versions)-1].CheckPod
	version, err := api.ParseVersion("v" + cluster.KubernetesVersion)
	if err != nil {
		return judge
	}
	for _, candidate := range check.Versions {
		if !version.Older(candidate.MinimumVersion) {
			judge = candidate.CheckPod
		}
	}
	return judge
}

// both joins two judges of one rule.
func both(a, b func(*Release) []Violation) func(*Release) []Violation {
	return func(r *Release) []Violation { return append(a(r), b(r)...) }
}
