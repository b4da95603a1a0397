//go:build unix

// Package charts_test runs what the charts postgres and redis run in their pods: it renders them, takes the scripts out
// of the objects, and sets them on real servers with the programs of the distribution.
package charts_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/bench/toolcache"
	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/kubernetes"
	"gitlab.com/towpath/towpath/gen/manifest"
)

// render returns the objects of a release named like its chart.
func render(t *testing.T, name, values string) []manifest.Object {
	t.Helper()
	c, err := chart.Load(os.DirFS(".."), name)
	if err != nil {
		t.Fatal(err)
	}
	release := chart.Release{Name: name, Namespace: "towpath-test", KubernetesVersion: "1.33", Values: [][]byte{[]byte(values)}}
	if err := c.ValidateValues(release); err != nil {
		t.Fatal(err)
	}
	sources, err := c.Render(release)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := manifest.Parse(sources)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// pod returns the pod that one of the objects, named Kind/name, makes.
func pod(t *testing.T, objects []manifest.Object, name string) corev1.PodTemplateSpec {
	t.Helper()
	i := slices.IndexFunc(objects, func(o manifest.Object) bool { return o.Kind+"/"+o.Name == name })
	if i < 0 {
		t.Fatalf("there is no %s", name)
	}
	decode := func(into any) {
		text, err := yaml.Marshal(objects[i].Data)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(text, into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	switch objects[i].Kind {
	case "Deployment":
		var deployment appsv1.Deployment
		decode(&deployment)
		return deployment.Spec.Template
	case "StatefulSet":
		var set appsv1.StatefulSet
		decode(&set)
		return set.Spec.Template
	case "CronJob":
		var job batchv1.CronJob
		decode(&job)
		return job.Spec.JobTemplate.Spec.Template
	case "Job":
		var job batchv1.Job
		decode(&job)
		return job.Spec.Template
	}
	t.Fatalf("%s makes no pod", name)
	return corev1.PodTemplateSpec{}
}

// container is a container of a pod, ready to run here.
type container struct {
	corev1.Container
	// folders stand in for the folders of the container, such as /backups.
	folders map[string]string
	// environment is set over the container's own.
	environment map[string]string
	// path is searched for programs first.
	path string
	// prefix runs before the script, in the same shell.
	prefix string
}

// find returns a container of the pod by its name.
func find(t *testing.T, p corev1.PodTemplateSpec, name string) container {
	t.Helper()
	for _, c := range append(p.Spec.InitContainers, p.Spec.Containers...) {
		if c.Name == name {
			return container{Container: c, folders: map[string]string{}, environment: map[string]string{}}
		}
	}
	t.Fatalf("there is no container %s", name)
	return container{}
}

// local replaces the folders of the container by those that stand in for them.
func (c container) local(text string) string {
	for from, to := range c.folders {
		if text == from || strings.HasPrefix(text, from+"/") {
			return to + strings.TrimPrefix(text, from)
		}
	}
	return text
}

// start starts a container, in a group of its own so that it can be ended with all that it started.
func (c container) start(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	if len(c.Command) < 3 || c.Command[0] != "/bin/sh" || c.Command[1] != "-c" {
		t.Fatalf("container %s runs %q, and not a script", c.Name, c.Command)
	}
	line := slices.Concat([]string{"-c", c.prefix + c.Command[2]}, c.Command[3:])
	for _, arg := range slices.Concat(c.Args, args) {
		line = append(line, c.local(arg))
	}
	cmd := exec.Command("/bin/sh", line...)
	cmd.Dir = t.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = []string{"PATH=" + c.path + ":" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "LC_ALL=C"}
	for _, variable := range c.Env {
		if variable.ValueFrom != nil {
			t.Fatalf("%s comes from elsewhere; nothing here fills it in", variable.Name)
		}
		cmd.Env = append(cmd.Env, variable.Name+"="+c.local(variable.Value))
	}
	for name, value := range c.environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	return cmd, &out
}

// run runs a container to its end, and returns what it said.
func (c container) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd, out := c.start(t, args...)
	err := cmd.Wait()
	return out.String(), err
}

// succeed runs a container that has to end well and say something.
func (c container) succeed(t *testing.T, says string) string {
	t.Helper()
	out, err := c.run(t)
	if err != nil || !strings.Contains(out, says) {
		t.Fatalf("%s: %v, and it does not say %q:\n%s", c.Name, err, says, out)
	}
	return out
}

// refuse runs a container that has to fail and say why.
func (c container) refuse(t *testing.T, says string) string {
	t.Helper()
	out, err := c.run(t)
	if err == nil || !strings.Contains(out, says) {
		t.Fatalf("%s: %v, and it has to fail and say %q:\n%s", c.Name, err, says, out)
	}
	return out
}

// files returns the names in a folder, but for hidden ones.
func files(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "[^.]*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// program finds a program, or skips the test; the pipeline demands it.
func program(t *testing.T, name, where string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("TOWPATH_REQUIRE_TOOLS") == "1":
		t.Fatalf("%v; %s", err, where)
	default:
		t.Skipf("%v; %s", err, where)
	}
	return path
}

// smallDisk makes a folder that has room for some 256 kB. Where a disk can't be mounted a file may be no larger,
// which the programs meet as the same failure to write.
func smallDisk(t *testing.T, c *container) string {
	t.Helper()
	dir := t.TempDir()
	if err := mount(dir); err != nil {
		t.Logf("no disk of its own: %v", err)
		c.prefix = "ulimit -f 256\n"
		return dir
	}
	t.Cleanup(func() { unmount(dir) })
	return dir
}

// everything switches on whatever a chart has.
var everything = map[string]string{
	"postgres": "restore: {file: towpath-20250102T030405Z.dump}\n",
	"redis":    "restore: {file: redis-20250102T030405Z.rdb}\nbackup: {enabled: true}\n",
}

// all are the values that switch everything on.
func all(name string) string {
	return everything[name] + `
image: {digest: "sha256:` + strings.Repeat("0a", 32) + `", pullSecrets: [registry]}
storage: {className: fast}
auth: {externalSecret: {enabled: true, store: {name: vault, kind: ClusterSecretStore}, remoteKey: a/b, property: p}}
metrics: {enabled: true}
monitoring: {serviceMonitor: {enabled: true}}
approval: {number: 3, commit: "` + strings.Repeat("0a", 20) + `", approvedBy: someone, approvedAt: "2025-01-02T03:04:05Z"}
`
}

// TestObjects holds the objects against every version of Kubernetes, and against what every pod has to be like.
func TestObjects(t *testing.T) {
	for _, name := range []string{"postgres", "redis"} {
		for how, values := range map[string]string{"defaults": "", "everything": all(name)} {
			t.Run(name+"/"+how, func(t *testing.T) {
				objects := render(t, name, values)
				for _, version := range kubernetes.Versions() {
					api, err := kubernetes.Open(version)
					if err != nil {
						t.Fatal(err)
					}
					for _, o := range objects {
						for _, problem := range api.Validate(o.Data) {
							t.Errorf("Kubernetes %s: %s: %s", version, o, problem)
						}
					}
				}
				for _, o := range objects {
					labels, _ := o.Data["metadata"].(map[string]any)["labels"].(map[string]any)
					if labels["towpath.gitlab.io/owner"] != "towpath" || labels["app.kubernetes.io/instance"] != name {
						t.Errorf("%s has the labels %v", o, labels)
					}
					switch o.Kind {
					case "StatefulSet", "CronJob", "Job":
						restricted(t, o.Kind+"/"+o.Name, pod(t, objects, o.Kind+"/"+o.Name).Spec)
					case "PodDisruptionBudget":
						t.Errorf("%s would block the drain of a node", o)
					case "Secret":
						t.Errorf("%s: a Secret can't come from Git", o)
					case "PersistentVolumeClaim":
						if options := o.Annotation("argocd.argoproj.io/sync-options"); !strings.Contains(options, "Prune=false") {
							t.Errorf("%s may be pruned: %q", o, options)
						}
					}
				}
			})
		}
	}
}

// restricted holds a pod against the restricted Pod Security Standard, and more.
func restricted(t *testing.T, name string, spec corev1.PodSpec) {
	t.Helper()
	security := spec.SecurityContext
	if security == nil || security.RunAsNonRoot == nil || !*security.RunAsNonRoot || security.SeccompProfile == nil ||
		security.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault || security.FSGroup == nil {
		t.Errorf("%s: the pod's securityContext is %+v", name, security)
	}
	if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
		t.Errorf("%s mounts a token", name)
	}
	for _, volume := range spec.Volumes {
		if volume.EmptyDir != nil && volume.EmptyDir.SizeLimit == nil {
			t.Errorf("%s: volume %s has no limit", name, volume.Name)
		}
	}
	for _, c := range append(spec.InitContainers, spec.Containers...) {
		s := c.SecurityContext
		if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.ReadOnlyRootFilesystem == nil ||
			!*s.ReadOnlyRootFilesystem || s.Capabilities == nil || !slices.Contains(s.Capabilities.Drop, "ALL") {
			t.Errorf("%s/%s: the securityContext is %+v", name, c.Name, s)
		}
		for _, resource := range []corev1.ResourceName{"cpu", "memory", "ephemeral-storage"} {
			for what, list := range map[string]corev1.ResourceList{"requests": c.Resources.Requests, "limits": c.Resources.Limits} {
				if _, set := list[resource]; !set {
					t.Errorf("%s/%s has no %s of %s", name, c.Name, what, resource)
				}
			}
		}
		// Kubernetes reads $(NAME) where NAME is a variable of the container, and $$ as one $.
		for _, text := range slices.Concat(c.Command, c.Args) {
			if strings.Contains(text, "$$") {
				t.Errorf("%s/%s says $$, which Kubernetes reads as $", name, c.Name)
			}
			for _, variable := range c.Env {
				if strings.Contains(text, fmt.Sprintf("$(%s)", variable.Name)) {
					t.Errorf("%s/%s says $(%s), which Kubernetes replaces", name, c.Name, variable.Name)
				}
			}
		}
	}
}

// TestHelm lints the charts, and renders them as somebody without gen does.
func TestHelm(t *testing.T) {
	helm := toolcache.Helm318.Require(t)
	for _, name := range []string{"postgres", "redis"} {
		values := filepath.Join(t.TempDir(), "values.yaml")
		write(t, values, all(name))
		for _, args := range [][]string{
			{"lint", "--strict", "--kube-version", "1.33", name},
			{"lint", "--strict", "--kube-version", "1.33", name, "--values", values},
			{"template", "--kube-version", "1.33", name, name},
			{"template", "--kube-version", "1.33", name, name, "--values", values},
		} {
			cmd := exec.Command(helm, args...)
			home := t.TempDir()
			cmd.Env = []string{"HOME=" + home, "KUBECONFIG=" + filepath.Join(home, "none")}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("helm %q: %v\n%s", args, err, out)
			}
			if strings.Contains(string(out), ": null\n") {
				t.Errorf("helm %q renders null", args)
			}
		}
	}
}
