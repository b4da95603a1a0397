package policy

import (
	"slices"
	"strings"
)

const (
	ingresses = "Ingress.networking.k8s.io"
	gateway   = ".gateway.networking.k8s.io"
)

// ingressTLS leaves development alone, which has no certificates.
func ingressTLS(r *Release) []Violation {
	if !r.isShared() {
		return nil
	}
	var found []Violation
	for _, ingress := range r.kind(ingresses) {
		var secured []string
		for _, tls := range ingress.at("spec", "tls").list() {
			secured = append(secured, tls.at("hosts").texts()...)
		}
		for _, rule := range ingress.at("spec", "rules").list() {
			host := rule.at("host")
			if !slices.ContainsFunc(secured, func(by string) bool { return covers(by, host.text()) }) {
				found = append(found, host.blame("list the host under spec.tls, with the Secret that holds its certificate",
					"%s serves %s without TLS", ingress.object, orEvery(host.text())))
			}
		}
	}
	return found
}

func orEvery(host string) string {
	if host == "" {
		return "every host"
	}
	return host
}

// covers reports whether a host, or one with a wildcard for its first label,
// covers a host.
func covers(pattern, host string) bool {
	if rest, wildcard := strings.CutPrefix(pattern, "*."); wildcard {
		_, parent, found := strings.Cut(host, ".")
		return found && parent == rest
	}
	return pattern == host && host != ""
}

// ingressBackend finds Ingresses and routes that lead to no Service, or to a port
// that the Service does not have.
func ingressBackend(r *Release) []Violation {
	var found []Violation
	judge := func(from, name field, port field) {
		service, known := r.find("Service", r.namespace(from.object), name.text())
		if !known {
			found = append(found, name.blame("name a Service of the release",
				"%s leads to the Service %s, which is not part of the release", from.object, name.text()))
			return
		}
		offers := slices.ContainsFunc(service.at("spec", "ports").list(), func(offered field) bool {
			return offered.at("name").text() == port.scalar() || offered.at("port").scalar() == port.scalar()
		})
		if port.exists() && !offers {
			found = append(found, port.blame("name a port of the Service", "%s leads to port %s, which the Service %s does not have",
				from.object, port.scalar(), name.text()))
		}
	}
	for _, ingress := range r.kind(ingresses) {
		backends := []field{ingress.at("spec", "defaultBackend")}
		for _, rule := range ingress.at("spec", "rules").list() {
			for _, path := range rule.at("http", "paths").list() {
				backends = append(backends, path.at("backend"))
			}
		}
		for _, backend := range backends {
			if service := backend.at("service"); service.exists() {
				port := service.at("port", "name")
				if !port.exists() {
					port = service.at("port", "number")
				}
				judge(ingress, service.at("name"), port)
			}
		}
	}
	for _, route := range append(r.kind("HTTPRoute"+gateway), r.kind("GRPCRoute"+gateway)...) {
		for _, rule := range route.at("spec", "rules").list() {
			for _, backend := range rule.at("backendRefs").list() {
				kind, namespace := backend.at("kind").text(), backend.at("namespace").text()
				if (kind == "" || kind == "Service") && (namespace == "" || namespace == r.namespace(route.object)) {
					judge(route, backend.at("name"), backend.at("port"))
				}
			}
		}
	}
	return found
}
