package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// found returns what breaks a rule in an example: where, and the message.
func found(t *testing.T, rule, text string) []string {
	t.Helper()
	var lines []string
	for _, v := range judgeOne(rule, example(t, text)) {
		lines = append(lines, fmt.Sprintf("%s %s: %s", v.Object.Name, strings.Join(v.Path, "."), v.Message))
	}
	return lines
}

// ruleTest is an example for a rule, and where it is expected to break it. Only
// the start of what is found is compared.
type ruleTest struct {
	name, rule, text string
	want             []string
}

func run(t *testing.T, tests []ruleTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.rule+"/"+tt.name, func(t *testing.T) {
			got := found(t, tt.rule, tt.text)
			starts := slices.EqualFunc(got, tt.want, strings.HasPrefix)
			if !starts {
				t.Errorf("found (-want +got):\n%s", cmp.Diff(tt.want, got))
			}
		})
	}
}

// podOf returns a Pod with a spec, whose lines are given.
func podOf(spec string) string {
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: web}}\nspec:\n" + indent(spec, "  ")
}

// deploymentOf returns a Deployment with fields of its own, and a pod's spec.
func deploymentOf(fields, spec string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n" +
		indent(fields, "  ") + "  template:\n    metadata: {labels: {app: web}}\n    spec:\n" + indent(spec, "      ")
}

func indent(text, by string) string {
	var out strings.Builder
	for line := range strings.Lines(strings.TrimSuffix(text, "\n")) {
		out.WriteString(by + strings.TrimSuffix(line, "\n") + "\n")
	}
	return out.String()
}

const plain = "containers: [{name: web, image: registry.example/web:1}]"

func TestPodsOfEveryKind(t *testing.T) {
	template := "metadata: {labels: {app: web}}, spec: {hostPID: true, restartPolicy: %s, containers: [{name: c, image: i}]}"
	kinds := []struct{ kind, version, spec, path string }{
		{"Deployment", "apps/v1", "{selector: {}, template: {%s}}", "spec.template.spec"},
		{"StatefulSet", "apps/v1", "{selector: {}, serviceName: x, template: {%s}}", "spec.template.spec"},
		{"DaemonSet", "apps/v1", "{selector: {}, template: {%s}}", "spec.template.spec"},
		{"ReplicaSet", "apps/v1", "{selector: {}, template: {%s}}", "spec.template.spec"},
		{"Job", "batch/v1", "{template: {%s}}", "spec.template.spec"},
		{"CronJob", "batch/v1", "{schedule: '* * * * *', jobTemplate: {spec: {template: {%s}}}}", "spec.jobTemplate.spec.template.spec"},
	}
	for _, k := range kinds {
		spec := fmt.Sprintf(k.spec, fmt.Sprintf(template, "Always"))
		got := found(t, "host-namespaces", fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: web}\nspec: %s\n", k.version, k.kind, spec))
		want := []string{"web " + k.path + ".hostPID: host namespaces: hostPID=true"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", k.kind, diff)
		}
	}
}

func TestPodSecurity(t *testing.T) {
	run(t, []ruleTest{
		{"the container is blamed, not its neighbours", "privileged", podOf(`
containers:
  - {name: web, image: i}
  - {name: agent, image: i, securityContext: {privileged: true}}
`), []string{"web spec.containers.1.securityContext.privileged: privileged: container \"agent\""}},
		{"init and ephemeral containers count", "privilege-escalation", podOf(`
initContainers: [{name: a, image: i}]
containers: [{name: b, image: i, securityContext: {allowPrivilegeEscalation: false}}]
ephemeralContainers: [{name: c, image: i}]
`), []string{
			"web spec.initContainers.0.securityContext.allowPrivilegeEscalation: ",
			"web spec.ephemeralContainers.0.securityContext.allowPrivilegeEscalation: ",
		}},
		{"the pod speaks for its containers", "seccomp", podOf("securityContext: {seccompProfile: {type: RuntimeDefault}}\n" + plain), nil},
		{"a container takes it back", "seccomp", podOf(`
securityContext: {seccompProfile: {type: RuntimeDefault}}
containers:
  - {name: web, image: i, securityContext: {seccompProfile: {type: Unconfined}}}
`), []string{"web spec.containers.0.securityContext.seccompProfile: "}},
		{"what the pod says wrong is reported once", "run-as-non-root", podOf(`
securityContext: {runAsNonRoot: false}
containers: [{name: a, image: i}, {name: b, image: i}]
`), []string{"web spec.securityContext.runAsNonRoot: "}},
		{"root by number", "run-as-non-root", podOf(`
securityContext: {runAsNonRoot: true}
containers: [{name: a, image: i, securityContext: {runAsUser: 0}}]
`), []string{"web spec.containers.0.securityContext.runAsUser: "}},
		{"the volume is blamed", "host-path", podOf(`
containers: [{name: a, image: i}]
volumes: [{name: tmp, emptyDir: {}}, {name: host, hostPath: {path: /etc}}]
`), []string{"web spec.volumes.1: hostPath volumes: volume \"host\""}},
		{"a path of the node is the other rule's", "volume-types", podOf(`
containers: [{name: a, image: i}]
volumes: [{name: host, hostPath: {path: /etc}}]
`), nil},
		{"ports are beside the security context", "host-ports", podOf(`
containers: [{name: a, image: i, ports: [{containerPort: 80, hostPort: 80}]}]
`), []string{"web spec.containers.0.ports: "}},
		{"binding low ports is allowed", "capabilities", podOf(`
containers: [{name: a, image: i, securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}}]
`), nil},
		{"Windows has no capabilities", "capabilities", podOf("os: {name: windows}\n" + plain), nil},
	})
}

func TestControlsFollowTheVersion(t *testing.T) {
	releases := example(t, podOf("securityContext: {sysctls: [{name: net.ipv4.tcp_rmem, value: '4096 131072 6291456'}]}\n"+plain))
	for version, violations := range map[string]int{"1.31": 1, "1.32": 0, "1.36": 0, "2.0": 0, "": 0} {
		releases[0].Environment.Cluster.KubernetesVersion = version
		if got := judgeOne("sysctls", releases); len(got) != violations {
			t.Errorf("version %q: %v, want %d violations", version, got, violations)
		}
	}
}

func TestContainers(t *testing.T) {
	run(t, []ruleTest{
		{"the pod's user counts", "low-user-id", podOf("securityContext: {runAsUser: 10000, runAsGroup: 10000}\n" + plain), nil},
		{"the container's counts more", "low-user-id", podOf(`
securityContext: {runAsUser: 10000, runAsGroup: 10000}
containers: [{name: a, image: i, securityContext: {runAsUser: 1}}]
`), []string{"web spec.containers.0.securityContext.runAsUser: container \"a\" has the runAsUser 1"}},
		{"a limit stands in for a request", "resource-requests", podOf(`
containers: [{name: a, image: i, resources: {limits: {cpu: 1, memory: 1Gi}}}]
`), nil},
		{"none is not an amount", "memory-limit", podOf(`
containers: [{name: a, image: i, resources: {limits: {memory: 0}}}]
`), []string{"web spec.containers.0.resources.limits.memory: "}},
		{"debugging runs on what is there", "cpu-limit", podOf(`
containers: [{name: a, image: i, resources: {limits: {cpu: 500m}}}]
ephemeralContainers: [{name: d, image: i}]
`), nil},
		{"a Job needs none", "readiness-probe", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: i}]}}}", nil},
		{"init containers need none", "liveness-probe", podOf(`
initContainers: [{name: a, image: i}]
containers: [{name: b, image: i, livenessProbe: {exec: {command: ["true"]}}}]
`), nil},
		{"more patience is another probe", "identical-probes", podOf(`
containers:
  - name: a
    image: i
    ports: [{containerPort: 80}]
    livenessProbe: {tcpSocket: {port: 80}, failureThreshold: 6}
    readinessProbe: {tcpSocket: {port: 80}}
`), nil},
		{"a number that is not listed", "probe-port", podOf(`
containers:
  - name: a
    image: i
    ports: [{containerPort: 80}]
    startupProbe: {grpc: {port: 81}}
    livenessProbe: {httpGet: {port: 80}}
    readinessProbe: {exec: {command: ["true"]}}
`), []string{"web spec.containers.0.startupProbe.grpc.port: the startupProbe of container \"a\" asks port 81"}},
		{"the account refuses the token", "mounted-token", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\nautomountServiceAccountToken: false\n---\n" +
			podOf("serviceAccountName: web\n"+plain), nil},
		{"the pod takes it all the same", "mounted-token", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\nautomountServiceAccountToken: false\n---\n" +
			podOf("serviceAccountName: web\nautomountServiceAccountToken: true\n"+plain), []string{"web spec.automountServiceAccountToken: "}},
		{"an account of another namespace", "missing-service-account", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web, namespace: other}\n---\n" +
			podOf("serviceAccountName: web\n"+plain), []string{"web spec.serviceAccountName: "}},
		{"the API server's copy", "service-account-alias", podOf("serviceAccount: web\nserviceAccountName: web\n" + plain), nil},
	})
}

func TestImages(t *testing.T) {
	tests := []struct{ reference, repository, tag, digest string }{
		{"web", "web", "", ""},
		{"web:1", "web", "1", ""},
		{"registry.example:5000/web", "registry.example:5000/web", "", ""},
		{"registry.example:5000/web:1", "registry.example:5000/web", "1", ""},
		{"registry.example:5000/web@sha256:abc", "registry.example:5000/web", "", "sha256:abc"},
		{"registry.example/web:1@sha256:abc", "registry.example/web", "1", "sha256:abc"},
		{"", "", "", ""},
	}
	for _, tt := range tests {
		if repository, tag, digest := image(tt.reference); repository != tt.repository || tag != tt.tag || digest != tt.digest {
			t.Errorf("%q is (%q, %q, %q), want (%q, %q, %q)", tt.reference, repository, tag, digest, tt.repository, tt.tag, tt.digest)
		}
	}
	of := func(container string) string { return podOf("containers: [{name: a, " + container + "}]") }
	run(t, []ruleTest{
		{"a digest stands for itself", "latest-tag", of(`image: "web@sha256:abc"`), nil},
		{"no tag", "latest-tag", of(`image: "registry.example:5000/web"`), []string{`web spec.containers.0.image: the image of container "a" has no tag`}},
		{"development may move", "mutable-tag", "# environment: dev\n" + of(`image: "web:1"`), nil},
		{"stage may not", "mutable-tag", "# environment: stage\n" + of(`image: "web:1"`), []string{"web spec.containers.0.image: "}},
		{"the default of a moving tag", "pull-policy", of(`image: "web:latest"`), nil},
		{"the default of a tag", "pull-policy", of(`image: "web:1"`), []string{"web spec.containers.0.imagePullPolicy: "}},
		{"a digest is the same everywhere", "pull-policy", of(`image: "web:1@sha256:abc", imagePullPolicy: IfNotPresent`), nil},
	})
}
