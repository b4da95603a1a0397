package policy

import (
	"net/netip"
	"slices"
)

const networkPolicies = "NetworkPolicy.networking.k8s.io"

// closes reports whether a NetworkPolicy is about a direction, Ingress or
// Egress. One that does not say is about Ingress, and about Egress if it has
// rules for it.
func closes(policy field, direction string) bool {
	types := policy.at("spec", "policyTypes")
	if !types.exists() {
		return direction == "Ingress" || policy.at("spec", "egress").exists()
	}
	return slices.Contains(types.texts(), direction)
}

func missingNetworkPolicy(r *Release) []Violation {
	var found []Violation
	for _, p := range pods(r) {
		for _, direction := range []string{"Ingress", "Egress"} {
			closed := slices.ContainsFunc(r.kind(networkPolicies), func(policy field) bool {
				return closes(policy, direction) && r.namespace(policy.object) == p.namespace &&
					policy.at("spec", "podSelector").selector().Matches(p.labels())
			})
			if !closed {
				found = append(found, p.metadata.at("labels").blame("add a NetworkPolicy that selects the pod and lists whom it talks to",
					"no NetworkPolicy limits the %s of the pod of %s", direction, p.workload.object))
			}
		}
	}
	return found
}

func networkPolicySelectsNothing(r *Release) []Violation {
	var found []Violation
	for _, policy := range r.kind(networkPolicies) {
		at := policy.at("spec", "podSelector")
		if selector := at.selector(); !selector.Empty() && len(r.selected(r.namespace(policy.object), selector)) == 0 {
			found = append(found, at.blame("select labels that a pod template of the release has", "%s selects no pod of the release", policy.object))
		}
	}
	return found
}

// wildcardEgress finds rules that let pods reach everything. A rule that names
// ports may reach every address, except that one without any peer has to name
// whom it means even then.
func wildcardEgress(r *Release) []Violation {
	const help = "list the addresses, pods and ports that are needed; DNS goes to the pods labelled k8s-app: kube-dns in kube-system"
	var found []Violation
	for _, policy := range r.kind(networkPolicies) {
		for _, rule := range policy.at("spec", "egress").list() {
			peers := rule.at("to").list()
			if len(peers) == 0 {
				found = append(found, rule.at("to").blame(help, "%s lets pods reach every address", policy.object))
				continue
			}
			if len(rule.at("ports").list()) > 0 {
				continue
			}
			for _, peer := range peers {
				// Two halves are everything, too.
				if cidr, err := netip.ParsePrefix(peer.at("ipBlock", "cidr").text()); err == nil && cidr.Bits() <= 1 {
					found = append(found, peer.at("ipBlock", "cidr").blame(help, "%s lets pods reach every port of %s", policy.object, cidr))
				}
				namespaces := peer.at("namespaceSelector")
				if namespaces.exists() && namespaces.selector().Empty() && peer.at("podSelector").selectsAll() {
					found = append(found, namespaces.blame(help, "%s lets pods reach every port of every pod in the cluster", policy.object))
				}
			}
		}
	}
	return found
}

// selectsAll reports whether a peer's selector narrows nothing down.
func (f field) selectsAll() bool { return !f.exists() || f.selector().Empty() }
