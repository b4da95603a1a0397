package policy

import (
	"reflect"
)

// served returns the containers of a pod that probes are for: those that run
// until somebody stops them.
func (p pod) served() []container {
	var found []container
	for _, c := range p.containers() {
		if c.list == "containers" && !p.endsByItself() {
			found = append(found, c)
		}
	}
	return found
}

// missingLiveness demands that each container that serves has a liveness probe.
func missingLiveness(p pod) []Violation {
	var found []Violation
	for _, c := range p.served() {
		if at := c.at("livenessProbe"); !at.exists() {
			found = append(found, at.blame("add a livenessProbe",
				"container %q has no livenessProbe, so nobody restarts it when it is stuck", c.name()))
		}
	}
	return found
}

// missingReadiness demands that one container of a pod decides whether the pod
// gets requests. A pod is ready only when all that have a probe are, so one on
// each would let an exporter that hangs take the server beside it away.
func missingReadiness(p pod) []Violation {
	served := p.served()
	for _, c := range served {
		if c.at("readinessProbe").exists() {
			return nil
		}
	}
	if len(served) == 0 {
		return nil
	}
	return []Violation{served[0].at("readinessProbe").blame("add a readinessProbe",
		"no container has a readinessProbe, so the pod gets requests before it can answer them")}
}

// actions are what a probe can do.
var actions = []string{"httpGet", "tcpSocket", "grpc", "exec"}

// identicalProbes lets a liveness probe ask what the readiness probe asks if it
// is more patient, for then a pod is taken out of the Service first.
func identicalProbes(c container) []Violation {
	live, ready := c.at("livenessProbe"), c.at("readinessProbe")
	if !live.exists() || !ready.exists() || patience(live) > patience(ready) {
		return nil
	}
	for _, action := range actions {
		if live.at(action).exists() && reflect.DeepEqual(live.at(action).value, ready.at(action).value) {
			return []Violation{live.blame("ask only whether the process itself is stuck, or wait longer than the readiness probe",
				"container %q is killed on the answer that takes it out of the Service", c.name())}
		}
	}
	return nil
}

// patience returns the seconds for which a probe may fail.
func patience(probe field) int {
	period, ok := probe.at("periodSeconds").number()
	if !ok {
		period = 10
	}
	failures, ok := probe.at("failureThreshold").number()
	if !ok {
		failures = 3
	}
	return period * failures
}

func probePort(c container) []Violation {
	var found []Violation
	ports := c.ports()
	for _, probe := range []string{"startupProbe", "livenessProbe", "readinessProbe"} {
		for _, action := range actions {
			at := c.at(probe, action, "port")
			if port := at.scalar(); port != "" && ports[port] == 0 {
				found = append(found, at.blame("name one of the container's ports",
					"the %s of container %q asks port %s, which the container does not list", probe, c.name(), port))
			}
		}
	}
	return found
}
