package policy

import (
	"k8s.io/apimachinery/pkg/labels"
)

// services returns the Services that find their pods by labels.
func services(r *Release) []field {
	var found []field
	for _, service := range r.kind("Service") {
		if len(service.at("spec", "selector").fields()) > 0 && service.at("spec", "type").text() != "ExternalName" {
			found = append(found, service)
		}
	}
	return found
}

// backing returns the pods that a Service leads to.
func backing(r *Release, service field) []pod {
	return r.selected(r.namespace(service.object), labels.SelectorFromSet(service.at("spec", "selector").labels()))
}

func serviceSelectsNothing(r *Release) []Violation {
	var found []Violation
	for _, service := range services(r) {
		if len(backing(r, service)) == 0 {
			found = append(found, service.at("spec", "selector").blame("select labels that a pod template of the release has",
				"%s selects no pod of the release", service.object))
		}
	}
	return found
}

func serviceTargetPort(r *Release) []Violation {
	var found []Violation
	for _, service := range services(r) {
		for _, port := range service.at("spec", "ports").list() {
			target := port.at("targetPort")
			if !target.exists() {
				target = port.at("port")
			}
			for _, p := range backing(r, service) {
				if !p.listens(target.scalar()) {
					found = append(found, target.blame("name a port that a container of the pod lists",
						"%s leads to port %s, which no container of %s lists", service.object, target.scalar(), p.workload.object))
				}
			}
		}
	}
	return found
}

// listens reports whether a container of the pod lists a port, by name or
// number.
func (p pod) listens(port string) bool {
	for _, c := range p.containers() {
		if c.ports()[port] != 0 && c.keepsRunning() {
			return true
		}
	}
	return false
}

func serviceType(r *Release) []Violation {
	var found []Violation
	for _, service := range r.kind("Service") {
		kind := service.at("spec", "type")
		if kind.text() == "NodePort" || kind.text() == "LoadBalancer" {
			found = append(found, kind.blame("use ClusterIP, and an Ingress or a route for what comes from outside",
				"%s opens a port of its own to the outside (%s)", service.object, kind.text()))
		}
		if addresses := service.at("spec", "externalIPs"); len(addresses.list()) > 0 {
			found = append(found, addresses.blame("remove externalIPs", "%s claims addresses that may be somebody else's", service.object))
		}
	}
	return found
}

// monitorSelectsNothing is about the kinds of the Prometheus operator.
func monitorSelectsNothing(r *Release) []Violation {
	var found []Violation
	blame := func(monitor field, what string) {
		found = append(found, monitor.at("spec", "selector").blame("select labels that a "+what+" of the release has",
			"%s selects no %s of the release", monitor.object, what))
	}
	for _, monitor := range r.kind("ServiceMonitor.monitoring.coreos.com") {
		selector, matches := monitor.at("spec", "selector").selector(), false
		for _, service := range r.kind("Service") {
			matches = matches || selector.Matches(service.at("metadata", "labels").labels())
		}
		if !matches && watchesOwn(monitor) {
			blame(monitor, "Service")
		}
	}
	for _, monitor := range r.kind("PodMonitor.monitoring.coreos.com") {
		selector := monitor.at("spec", "selector").selector()
		if len(r.selected(r.namespace(monitor.object), selector)) == 0 && watchesOwn(monitor) {
			blame(monitor, "pod")
		}
	}
	return found
}

// watchesOwn reports whether a monitor looks into its own namespace only, where
// the release is all that it can mean.
func watchesOwn(monitor field) bool { return !monitor.at("spec", "namespaceSelector").exists() }
