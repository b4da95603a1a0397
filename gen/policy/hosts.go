package policy

import (
	"encoding/json"
	"fmt"
	"slices"
)

// claim is a path of a host that an object wants the requests of.
type claim struct {
	facts *Facts
	at    field
	host  string
	// what is the path and whatever else tells requests apart.
	what string
	// parents are the gateways' listeners that a route hangs on, empty for an
	// Ingress.
	parents []string
}

// clashesWith reports whether the claim takes requests from another one for the same. Routes
// on different listeners don't meet; that is how one redirects to HTTPS and the
// other answers there.
func (c claim) clashesWith(other claim) bool {
	if c.facts == other.facts && c.at.object.String() == other.at.object.String() {
		return false
	}
	if len(c.parents) == 0 || len(other.parents) == 0 {
		// Ingress and route in one release are a move from one to the other.
		return c.facts != other.facts || len(c.parents) == len(other.parents)
	}
	return slices.ContainsFunc(c.parents, func(parent string) bool { return slices.Contains(other.parents, parent) })
}

// hostClash reports each clash with both claims: whoever checks one environment
// alone learns of it too.
func hostClash(all []*Facts) map[*Facts][]Violation {
	found := map[*Facts][]Violation{}
	add := func(c, other claim) {
		who := fmt.Sprint(other.at.object)
		if other.facts != c.facts {
			who = fmt.Sprintf("release %s of %s", other.facts.name, other.facts.environment)
		}
		found[c.facts] = append(found[c.facts], c.at.blame("give one of them another host or path",
			"%s claims %s of %s, and so does %s", c.at.object, c.what, orEvery(c.host), who))
	}
	type wanted struct{ server, host, what string }
	known := map[wanted][]claim{}
	for _, f := range all {
		for _, c := range f.claims {
			w := wanted{f.server, c.host, c.what}
			for _, first := range known[w] {
				if c.clashesWith(first) {
					add(first, c)
					add(c, first)
					break
				}
			}
			known[w] = append(known[w], c)
		}
	}
	return found
}

func ingressClaims(r *Release) []claim {
	var claims []claim
	for _, ingress := range r.kind(ingresses) {
		if ingress.object.Annotation("nginx.ingress.kubernetes.io/canary") == "true" {
			continue // It takes a share of the requests of another one on purpose.
		}
		for _, rule := range ingress.at("spec", "rules").list() {
			for _, path := range rule.at("http", "paths").list() {
				claims = append(claims, claim{
					at: rule.at("host"), host: rule.at("host").text(),
					what: pathClaim(path.at("path").text(), path.at("pathType").text()),
				})
			}
		}
	}
	return claims
}

func routeClaims(r *Release) []claim {
	var claims []claim
	for _, route := range r.kind("HTTPRoute" + gateway) {
		var parents []string
		for _, parent := range route.at("spec", "parentRefs").list() {
			namespace := parent.at("namespace").text()
			if namespace == "" {
				namespace = r.namespace(route.object)
			}
			parents = append(parents, fmt.Sprintf("%s/%s %s %s",
				namespace, parent.at("name").text(), parent.at("sectionName").text(), parent.at("port").scalar()))
		}
		for _, host := range route.at("spec", "hostnames").list() {
			for _, what := range routeMatches(route) {
				claims = append(claims, claim{at: host, host: host.text(), what: what, parents: parents})
			}
		}
	}
	return claims
}

// routeMatches returns what a route matches; a rule without a match takes
// everything.
func routeMatches(route field) []string {
	var found []string
	for _, rule := range route.at("spec", "rules").list() {
		matches := rule.at("matches").list()
		if len(matches) == 0 {
			found = append(found, pathClaim("", ""))
		}
		for _, match := range matches {
			what := pathClaim(match.at("path", "value").text(), match.at("path", "type").text())
			for _, by := range []string{"method", "headers", "queryParams"} {
				if at := match.at(by); at.exists() {
					text, _ := json.Marshal(at.value)
					what += " by " + by + " " + string(text)
				}
			}
			found = append(found, what)
		}
	}
	return found
}

// pathClaim names a path as Ingress and routes do, which have other words for the
// same types.
func pathClaim(path, kind string) string {
	if path == "" {
		path = "/"
	}
	switch kind {
	case "Exact", "RegularExpression":
		return "the path " + path + " (" + kind + ")"
	default:
		return "the paths below " + path
	}
}
