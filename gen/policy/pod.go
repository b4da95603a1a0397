package policy

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"gitlab.com/towpath/towpath/gen/manifest"
)

// podPaths tell where the kinds that run containers keep their pod, which has a
// metadata and a spec.
var podPaths = map[string][]string{
	"Pod":              {},
	"Deployment.apps":  {"spec", "template"},
	"StatefulSet.apps": {"spec", "template"},
	"DaemonSet.apps":   {"spec", "template"},
	"ReplicaSet.apps":  {"spec", "template"},
	"Job.batch":        {"spec", "template"},
	"CronJob.batch":    {"spec", "jobTemplate", "spec", "template"},
}

// pod is a Pod, or the template of one.
type pod struct {
	namespace string
	// metadata and spec are the pod's, workload is the object that makes it.
	metadata, spec, workload field
	// typed is the pod in the types of the Kubernetes API, if it is valid.
	typed corev1.PodTemplateSpec
	valid bool
}

// pods returns the pods of a release, in the order of their objects. They are
// looked for once: nearly all rules ask.
func pods(r *Release) []pod {
	r.once.Do(func() {
		for _, o := range r.Objects {
			if path, runs := podPaths[o.GroupKind()]; runs {
				at := root(o).at(path...)
				p := pod{namespace: r.namespace(o), metadata: at.at("metadata"), spec: at.at("spec"), workload: root(o)}
				p.typed, p.valid = p.decode()
				r.pods = append(r.pods, p)
			}
		}
	})
	return r.pods
}

// decode returns the pod in the types of the Kubernetes API, and false if it has
// fields of other types.
func (p pod) decode() (typed corev1.PodTemplateSpec, valid bool) {
	valid = p.metadata.decode(&typed.ObjectMeta) == nil && p.spec.decode(&typed.Spec) == nil
	return typed, valid
}

// eachPod makes a rule of a judge over one pod.
func eachPod(judge func(pod) []Violation) func(*Release) []Violation {
	return func(r *Release) []Violation {
		var found []Violation
		for _, p := range pods(r) {
			found = append(found, judge(p)...)
		}
		return found
	}
}

// eachContainer makes a rule of a judge over one container.
func eachContainer(judge func(container) []Violation) func(*Release) []Violation {
	return eachPod(func(p pod) []Violation {
		var found []Violation
		for _, c := range p.containers() {
			found = append(found, judge(c)...)
		}
		return found
	})
}

func (p pod) labels() labels.Set { return p.metadata.at("labels").labels() }

func (p pod) kind() string { return p.workload.object.Kind }

// endsByItself reports whether the pod is one of a Job.
func (p pod) endsByItself() bool { return p.kind() == "Job" || p.kind() == "CronJob" }

// container is a container of a pod.
type container struct {
	field
	pod pod
	// list is the name of the pod's list that holds it.
	list string
}

// containers returns all containers of a pod: those that start it, those that
// run, and those for debugging.
func (p pod) containers() []container {
	var found []container
	for _, list := range []string{"initContainers", "containers", "ephemeralContainers"} {
		for _, item := range p.spec.at(list).list() {
			found = append(found, container{item, p, list})
		}
	}
	return found
}

// name returns the container's name.
func (c container) name() string { return c.at("name").text() }

// keepsRunning reports whether the container runs as long as its pod: a regular
// one, or a sidecar, which is an init container that is started again.
func (c container) keepsRunning() bool {
	return c.list == "containers" || c.list == "initContainers" && c.at("restartPolicy").text() == "Always"
}

// security returns a field of the container's security context, or of the pod's
// if the container does not say.
func (c container) security(name string) field {
	own := c.at("securityContext", name)
	if !own.exists() {
		if inherited := c.pod.spec.at("securityContext", name); inherited.exists() {
			return inherited
		}
	}
	return own
}

// ports returns the numbers of the container's ports by their names, and of
// those without a name by their number.
func (c container) ports() map[string]int {
	ports := map[string]int{}
	for _, port := range c.at("ports").list() {
		number, ok := port.at("containerPort").number()
		if !ok {
			continue
		}
		ports[strconv.Itoa(number)] = number
		if name := port.at("name").text(); name != "" {
			ports[name] = number
		}
	}
	return ports
}

// kind is one kind of objects in a release.
func (r *Release) kind(groupKind string) []field {
	var found []field
	for _, o := range r.Objects {
		if o.GroupKind() == groupKind {
			found = append(found, root(o))
		}
	}
	return found
}

// find returns the object with the given kind, namespace and name.
func (r *Release) find(groupKind, namespace, name string) (field, bool) {
	for _, object := range r.kind(groupKind) {
		if object.object.Name == name && r.namespace(object.object) == namespace {
			return object, true
		}
	}
	return field{}, false
}

// namespace returns the namespace that an object gets, which is the
// environment's if the object names none.
func (r *Release) namespace(o manifest.Object) string {
	if o.Namespace == "" {
		return r.Environment.Namespace
	}
	return o.Namespace
}

// isProduction reports whether the release serves users.
func (r *Release) isProduction() bool {
	return r.Environment.Tier == "production"
}

// isShared reports whether others than its developers rely on the release.
func (r *Release) isShared() bool {
	return r.Environment.Tier != "development"
}

// selected returns the pods in a namespace that a selector matches.
func (r *Release) selected(namespace string, selector labels.Selector) []pod {
	var found []pod
	for _, p := range pods(r) {
		if p.namespace == namespace && selector.Matches(p.labels()) {
			found = append(found, p)
		}
	}
	return found
}
