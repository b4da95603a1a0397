package policy

import (
	"slices"
	"strings"
)

const rbac = ".rbac.authorization.k8s.io"

// roles returns the Roles and ClusterRoles of a release.
func roles(r *Release) []field {
	return append(r.kind("Role"+rbac), r.kind("ClusterRole"+rbac)...)
}

// bindings returns the RoleBindings and ClusterRoleBindings of a release.
func bindings(r *Release) []field {
	return append(r.kind("RoleBinding"+rbac), r.kind("ClusterRoleBinding"+rbac)...)
}

func wildcardRBAC(r *Release) []Violation {
	var found []Violation
	for _, role := range roles(r) {
		for _, rule := range role.at("rules").list() {
			for _, part := range []string{"verbs", "resources", "apiGroups", "nonResourceURLs"} {
				if at := rule.at(part); slices.Contains(at.texts(), "*") {
					found = append(found, at.blame("list what is needed", "%s grants * in %s", role.object, part))
				}
			}
		}
	}
	return found
}

// execRBAC finds roles that let somebody run commands in containers, and the
// bindings that hand them out.
func execRBAC(r *Release) []Violation {
	var found []Violation
	granting := map[string]bool{}
	for _, role := range roles(r) {
		for _, rule := range role.at("rules").list() {
			verbs, resources := rule.at("verbs").texts(), rule.at("resources").texts()
			mayUse := slices.ContainsFunc(verbs, func(verb string) bool { return verb == "create" || verb == "get" || verb == "*" })
			// Kubernetes reads */exec as the subresource of everything; * alone is
			// the rule against wildcards' to report.
			for _, resource := range resources {
				if mayUse && (strings.HasSuffix(resource, "/exec") || strings.HasSuffix(resource, "/attach")) {
					granting[role.object.Kind+"/"+role.object.Name] = true
					found = append(found, rule.at("resources").blame("remove it; people get such a right for an hour, from the cluster's operators",
						"%s grants %s, a shell in every pod", role.object, resource))
				}
			}
		}
	}
	for _, binding := range bindings(r) {
		ref := binding.at("roleRef")
		if granting[ref.at("kind").text()+"/"+ref.at("name").text()] {
			found = append(found, ref.blame("remove it with the role", "%s hands out %s, which gives a shell in every pod",
				binding.object, ref.at("name").text()))
		}
	}
	return found
}

// adminRoles are the roles of Kubernetes itself that reach Secrets or more.
var adminRoles = []string{"cluster-admin", "admin", "edit"}

func adminBinding(r *Release) []Violation {
	var found []Violation
	for _, binding := range bindings(r) {
		name := binding.at("roleRef", "name")
		if slices.Contains(adminRoles, name.text()) && binding.at("roleRef", "kind").text() == "ClusterRole" {
			found = append(found, name.blame("bind a Role that lists what is needed", "%s makes somebody %s", binding.object, name.text()))
		}
		for i, subject := range binding.at("subjects").list() {
			if subject.at("name").text() == "system:masters" {
				found = append(found, binding.at("subjects").list()[i].blame("name the account", "%s binds system:masters", binding.object))
			}
		}
	}
	return found
}
