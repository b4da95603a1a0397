package diff

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

const rbacGroup = ".rbac.authorization.k8s.io"

func selectorChanged(s subject) []hit {
	if s.before == nil || s.after == nil {
		return nil
	}
	var hits []hit
	for _, e := range s.changed("spec.selector", "spec.podSelector") {
		if !s.is(claimKind, "PersistentVolume", "Job.batch") {
			hits = append(hits, at(e.path.String(), "the selector finds other pods: %s is %s, and was %s", e.path, said(e.after), said(e.before)))
		}
	}
	return hits
}

// grants are what the rules of a role allow, one verb on one resource each.
func grants(o *object) []string {
	var found []string
	for _, rule := range list(o.get("rules")) {
		names := words(get(rule, "resourceNames"))
		if len(names) == 0 {
			names = []string{""}
		}
		for _, verb := range words(get(rule, "verbs")) {
			for _, url := range words(get(rule, "nonResourceURLs")) {
				found = append(found, verb+" "+url)
			}
			for _, group := range asTexts(get(rule, "apiGroups")) {
				for _, resource := range words(get(rule, "resources")) {
					for _, name := range names {
						found = append(found, strings.TrimSpace(verb+" "+strings.Trim(resource+"."+group, ".")+" "+name))
					}
				}
			}
		}
	}
	return found
}

// asTexts keeps the empty text, which is the name of the core group.
func asTexts(v any) []string {
	var found []string
	for _, item := range list(v) {
		found = append(found, said(item))
	}
	return found
}

// covers reports whether one of the grants includes another: a star is all, and no
// name is every name.
func covers(all []string, grant string) bool {
	verb, rest, _ := strings.Cut(grant, " ")
	what, name, _ := strings.Cut(rest, " ")
	return slices.ContainsFunc(all, func(other string) bool {
		otherVerb, rest, _ := strings.Cut(other, " ")
		otherWhat, otherName, _ := strings.Cut(rest, " ")
		return (otherVerb == verb || otherVerb == "*") && (otherWhat == what || otherWhat == "*" || otherWhat == "*.*") &&
			(otherName == name || otherName == "")
	})
}

func rbacWidened(s subject) []hit {
	var hits []hit
	switch {
	case s.after == nil:
		return nil
	case s.is("Role"+rbacGroup, "ClusterRole"+rbacGroup):
		before := grants(s.before)
		var more []string
		for _, grant := range grants(s.after) {
			if !covers(before, grant) && !slices.Contains(more, grant) {
				more = append(more, grant)
			}
		}
		if len(more) > 0 {
			hits = append(hits, at("rules", "%s grants %s", s.after.id, few(more)))
		}
	case s.is("RoleBinding"+rbacGroup, "ClusterRoleBinding"+rbacGroup):
		if more := added(subjects(s.before), subjects(s.after)); len(more) > 0 {
			hits = append(hits, at("subjects", "%s binds %s", s.after.id, few(more)))
		}
		if s.before != nil && canon(nowhere, s.before.get("roleRef")) != canon(nowhere, s.after.get("roleRef")) {
			hits = append(hits, at("roleRef", "%s binds to %s", s.after.id, text(s.after.get("roleRef", "name"))))
		}
	}
	return hits
}

func subjects(o *object) []string {
	var found []string
	for _, subject := range list(o.get("subjects")) {
		found = append(found, strings.Join([]string{said(get(subject, "kind")), text(get(subject, "namespace")), said(get(subject, "name"))}, "/"))
	}
	return found
}

// few lists some of the texts, and says how many more there are.
func few(texts []string) string {
	const most = 4
	if len(texts) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(texts[:most], ", "), len(texts)-most)
	}
	return strings.Join(texts, ", ")
}

// securityWeakened looks at what a pod may do to its node.
func securityWeakened(s subject) []hit {
	pod := s.after.pod()
	if pod == nil || s.before == nil {
		return nil
	}
	was := s.before.pod()
	var hits []hit
	path := strings.Join(append(slices.Clone(podPaths[s.after.groupKind()]), "spec"), ".")
	for _, flag := range []string{"hostNetwork", "hostPID", "hostIPC"} {
		if get(pod, "spec", flag) == true && get(was, "spec", flag) != true {
			hits = append(hits, at(path+"."+flag, "%s is switched on", flag))
		}
	}
	for _, volume := range list(get(pod, "spec", "volumes")) {
		if host := text(get(volume, "hostPath", "path")); host != "" && !slices.Contains(hostPaths(was), host) {
			hits = append(hits, at(path+".volumes", "the folder %s of the node is mounted", host))
		}
	}
	before := containers(was)
	for name, c := range containers(pod) {
		old, kept := before[name]
		at := func(field, format string, args ...any) {
			hits = append(hits, at(path+"."+name+".securityContext."+field, format, args...))
		}
		for field, safe := range map[string]bool{
			"privileged": false, "allowPrivilegeEscalation": false, "runAsNonRoot": true, "readOnlyRootFilesystem": true,
		} {
			now, then := security(pod, c, field), security(was, old, field)
			lost := kept && then == safe && now != safe && !(field == "privileged" && now == nil)
			if lost || now == true && !safe && then != true {
				at(field, "%s is %s, and was %s", field, said(now), said(then))
			}
		}
		if more := added(words(get(old, "securityContext", "capabilities", "add")), words(get(c, "securityContext", "capabilities", "add"))); len(more) > 0 {
			at("capabilities", "the container gets %s", few(more))
		}
	}
	return hits
}

func hostPaths(pod map[string]any) []string {
	var found []string
	for _, volume := range list(get(pod, "spec", "volumes")) {
		found = append(found, text(get(volume, "hostPath", "path")))
	}
	return found
}

// security returns a setting of the container, or of its pod if it has none.
func security(pod, container map[string]any, field string) any {
	if v := get(container, "securityContext", field); v != nil {
		return v
	}
	return get(pod, "spec", "securityContext", field)
}

// includes reports whether one range of addresses lies in another.
func includes(wide, narrow string) bool {
	w, err := netip.ParsePrefix(wide)
	if err != nil {
		return wide == narrow
	}
	n, err := netip.ParsePrefix(narrow)
	return err == nil && w.Bits() <= n.Bits() && w.Contains(n.Addr())
}
