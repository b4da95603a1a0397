package policy

import "slices"

// constraint is one wish of a pod to keep away from its like.
type constraint struct {
	at       field
	topology string
	// works reports whether the pod itself is among those it keeps away from.
	works bool
}

// constraints returns what spreads a pod: topology spread constraints, and
// anti-affinity, required or preferred.
func (p pod) constraints() []constraint {
	var found []constraint
	add := func(at field) {
		found = append(found, constraint{at, at.at("topologyKey").text(), at.at("labelSelector").selector().Matches(p.labels())})
	}
	for _, spread := range p.spec.at("topologySpreadConstraints").list() {
		add(spread)
	}
	affinity := p.spec.at("affinity", "podAntiAffinity")
	for _, term := range affinity.at("requiredDuringSchedulingIgnoredDuringExecution").list() {
		add(term)
	}
	for _, preferred := range affinity.at("preferredDuringSchedulingIgnoredDuringExecution").list() {
		add(preferred.at("podAffinityTerm"))
	}
	return found
}

// spread makes a rule that in production the pods of a workload spread over a
// topology.
func spread(topology, over string) func(*Release) []Violation {
	return func(r *Release) []Violation {
		if !r.isProduction() {
			return nil
		}
		var found []Violation
		for _, p := range replicated(r) {
			if _, highest := scale(r, p.workload.object); highest < 2 {
				continue
			}
			spreads := slices.ContainsFunc(p.constraints(), func(c constraint) bool { return c.works && c.topology == topology })
			if !spreads {
				found = append(found, p.spec.at("topologySpreadConstraints").blame(
					"add a topologySpreadConstraint with topologyKey: "+topology+" and the pod's own labels",
					"the pods of %s may all run in one %s", p.workload.object, over))
			}
		}
		return found
	}
}

// spreadWithoutEffect finds topology spread constraints that count other pods
// than those they are for. Anti-affinity to others has its uses.
func spreadWithoutEffect(p pod) []Violation {
	var found []Violation
	for i, c := range p.constraints() {
		if i < len(p.spec.at("topologySpreadConstraints").list()) && !c.works {
			found = append(found, c.at.at("labelSelector").blame("select the labels of the pod itself",
				"the spread over %s does not count the pods of %s", c.topology, p.workload.object))
		}
	}
	return found
}
