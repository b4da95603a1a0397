package diff

import (
	"fmt"
	"slices"
	"strings"
)

// routes are the kinds that let requests in under a host's name.
var routes = []string{
	"Ingress.networking.k8s.io", "HTTPRoute.gateway.networking.k8s.io", "GRPCRoute.gateway.networking.k8s.io", "TLSRoute.gateway.networking.k8s.io",
}

// hosts are the names that an object lets requests in under; "*" is any.
func hosts(o *object) []string {
	if o == nil || !slices.Contains(routes, o.groupKind()) {
		return nil
	}
	if o.kind != "Ingress" {
		names := words(o.get("spec", "hostnames"))
		if len(names) == 0 {
			return []string{"*"}
		}
		return names
	}
	var names []string
	for _, rule := range list(o.get("spec", "rules")) {
		host := "*"
		if name := text(show(get(rule, "host"))); name != "" {
			host = name
		}
		names = append(names, host)
	}
	if o.get("spec", "defaultBackend") != nil {
		names = append(names, "*")
	}
	return names
}

// encrypted are the hosts that an Ingress has a certificate for.
func encrypted(o *object) []string {
	var names []string
	for _, tls := range list(o.get("spec", "tls")) {
		names = append(names, words(get(tls, "hosts"))...)
	}
	return names
}

func hostMoved(s subject) []hit {
	var hits []hit
	for _, host := range added(hosts(s.after), hosts(s.before)) {
		to := ""
		for _, o := range s.to {
			if o != s.after && slices.Contains(hosts(o), host) {
				to = o.id
			}
		}
		if to != "" {
			hits = append(hits, at("", "%s moves from %s to %s", host, s.before.id, to))
		} else {
			hits = append(hits, at("", "%s is no longer served", host))
		}
	}
	return hits
}

func exposureWidened(s subject) []hit {
	switch {
	case s.is("NetworkPolicy.networking.k8s.io"):
		return policyWidened(s)
	case s.after == nil:
		return nil
	case s.is("Service"):
		return serviceWidened(s)
	case s.is(routes...):
		var hits []hit
		if more := added(hosts(s.before), hosts(s.after)); len(more) > 0 {
			hits = append(hits, at("", "it serves %s, new to it", few(more)))
		}
		for _, host := range added(encrypted(s.after), encrypted(s.before)) {
			if slices.Contains(hosts(s.after), host) {
				hits = append(hits, at("spec.tls", "%s loses its TLS", host))
			}
		}
		return hits
	}
	return nil
}

func serviceWidened(s subject) []hit {
	kind := func(o *object) string {
		if t := text(o.get("spec", "type")); t != "" {
			return t
		}
		return "ClusterIP"
	}
	var hits []hit
	if to := kind(s.after); (to == "NodePort" || to == "LoadBalancer") && (s.before == nil || kind(s.before) != to) {
		hits = append(hits, at("spec.type", "the Service opens a port to the outside (%s)", to))
	}
	if more := added(words(s.before.get("spec", "externalIPs")), words(s.after.get("spec", "externalIPs"))); len(more) > 0 {
		hits = append(hits, at("spec.externalIPs", "the Service claims %s", few(more)))
	}
	sources := "loadBalancerSourceRanges"
	if s.before == nil || kind(s.after) != "LoadBalancer" {
		return hits
	}
	before, after := words(s.before.get("spec", sources)), words(s.after.get("spec", sources))
	for _, cidr := range after {
		if len(before) > 0 && !slices.ContainsFunc(before, func(old string) bool { return includes(old, cidr) }) {
			hits = append(hits, at("spec."+sources, "the Service lets %s in", cidr))
		}
	}
	if len(before) > 0 && len(after) == 0 {
		hits = append(hits, at("spec."+sources, "the Service lets every address in"))
	}
	return hits
}

// policyWidened judges a NetworkPolicy by the traffic that it lets through: one
// peer on one port at a time.
func policyWidened(s subject) []hit {
	if s.before == nil {
		return nil // A policy more never lets a pod do more, unless it is for pods that another closes.
	}
	if s.goes() && s.after == nil {
		return []hit{at("", "%s is gone, and what it kept out comes in", s.before.id)}
	}
	var hits []hit
	for _, direction := range []string{"ingress", "egress"} {
		closed := func(o *object) bool {
			types := words(o.get("spec", "policyTypes"))
			return slices.ContainsFunc(types, func(t string) bool { return strings.EqualFold(t, direction) }) ||
				len(types) == 0 && (direction == "ingress" || len(list(o.get("spec", "egress"))) > 0)
		}
		if closed(s.before) && !closed(s.after) {
			hits = append(hits, at("spec.policyTypes", "%s is no longer limited", direction))
			continue
		}
		if !closed(s.before) {
			continue
		}
		before := passes(s.before, direction)
		for _, pass := range passes(s.after, direction) {
			if !slices.ContainsFunc(before, func(old passage) bool { return old.lets(pass) }) {
				hits = append(hits, at("spec."+direction, "%s is open to %s", direction, pass))
			}
		}
	}
	return hits
}

// passage is one peer on one port; empty is any.
type passage struct {
	peer, cidr, port string
	except           []string
}

func (p passage) String() string {
	peer, port := p.peer, p.port
	if p.cidr != "" {
		peer = p.cidr
	}
	if peer == "" {
		peer = "everybody"
	}
	if port == "" {
		return peer + " on every port"
	}
	return peer + " on " + port
}

// lets reports whether one passage includes another.
func (p passage) lets(q passage) bool {
	if p.port != "" && p.port != q.port {
		return false
	}
	if p.cidr != "" && q.cidr != "" {
		for _, hole := range p.except {
			kept := slices.ContainsFunc(q.except, func(other string) bool { return includes(other, hole) })
			if !kept && (includes(q.cidr, hole) || includes(hole, q.cidr)) {
				return false
			}
		}
		return includes(p.cidr, q.cidr)
	}
	return p.peer == "" && p.cidr == "" || p.cidr == "" && p.peer == q.peer && q.cidr == ""
}

func passes(o *object, direction string) []passage {
	field := "from"
	if direction == "egress" {
		field = "to"
	}
	var found []passage
	for _, rule := range list(o.get("spec", direction)) {
		peers, ports := list(get(rule, field)), list(get(rule, "ports"))
		if len(peers) == 0 {
			peers = []any{nil}
		}
		if len(ports) == 0 {
			ports = []any{nil}
		}
		for _, peer := range peers {
			for _, port := range ports {
				p := passage{cidr: text(get(peer, "ipBlock", "cidr")), except: words(get(peer, "ipBlock", "except"))}
				if p.cidr == "" && peer != nil {
					p.peer = peerName(fieldsOf(peer))
				}
				if port != nil {
					p.port = portName(fieldsOf(port))
				}
				found = append(found, p)
			}
		}
	}
	return found
}

func peerName(peer map[string]any) string {
	var parts []string
	for _, field := range []struct{ name, one, all string }{
		{"namespaceSelector", "namespaces", "all namespaces"}, {"podSelector", "pods", "all pods"},
	} {
		switch selector := peer[field.name].(type) {
		case nil:
		case map[string]any:
			var labels []string
			for name, value := range fieldsOf(selector["matchLabels"]) {
				labels = append(labels, name+"="+said(value))
			}
			slices.Sort(labels)
			if more := canon(nowhere, selector["matchExpressions"]); more != "" {
				labels = append(labels, more)
			}
			if len(labels) == 0 {
				parts = append(parts, field.all)
			} else {
				parts = append(parts, field.one+" with "+strings.Join(labels, " and "))
			}
		}
	}
	if parts == nil {
		return "nobody"
	}
	return strings.Join(parts, ", ")
}

func portName(port map[string]any) string {
	protocol := text(port["protocol"])
	if protocol == "" {
		protocol = "TCP"
	}
	name := fmt.Sprintf("%s %s", protocol, said(port["port"]))
	if port["port"] == nil {
		name = "every port of " + protocol
	}
	if end := text(port["endPort"]); end != "" {
		name += "-" + end
	}
	return name
}
