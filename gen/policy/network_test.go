package policy

import "testing"

func networkPolicy(spec string) string {
	return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web}\nspec: " + spec + "\n"
}

func service(spec string) string {
	return "apiVersion: v1\nkind: Service\nmetadata: {name: web, labels: {app: web}}\nspec: " + spec + "\n---\n"
}

func TestNetwork(t *testing.T) {
	web := podOf(plain) + "---\n"
	run(t, []ruleTest{
		{"one for all pods", "missing-network-policy", web + networkPolicy("{podSelector: {}, policyTypes: [Ingress, Egress]}"), nil},
		{"without types it is about what comes in", "missing-network-policy", web + networkPolicy("{podSelector: {}, ingress: []}"),
			[]string{"web metadata.labels: no NetworkPolicy limits the Egress"}},
		{"rules for what goes out are enough", "missing-network-policy", web + networkPolicy("{podSelector: {}, egress: [{to: [{podSelector: {}}]}]}"), nil},
		{"one of another namespace", "missing-network-policy",
			web + "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web, namespace: other}\nspec: {podSelector: {}, policyTypes: [Ingress, Egress]}",
			[]string{"web metadata.labels: no NetworkPolicy limits the Ingress", "web metadata.labels: no NetworkPolicy limits the Egress"}},
		{"a whole namespace without pods", "network-policy-selects-nothing", networkPolicy("{podSelector: {}}"), nil},
		{"expressions count", "network-policy-selects-nothing",
			web + networkPolicy("{podSelector: {matchExpressions: [{key: app, operator: In, values: [api]}]}}"), []string{"web spec.podSelector: "}},

		{"no peer", "wildcard-egress", networkPolicy("{podSelector: {}, egress: [{}]}"), []string{"web spec.egress.0.to: "}},
		{"no peer, but a port", "wildcard-egress", networkPolicy("{podSelector: {}, egress: [{ports: [{port: 53}]}]}"), []string{"web spec.egress.0.to: "}},
		{"every address on one port", "wildcard-egress",
			networkPolicy("{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 443}]}]}"), nil},
		{"every address of the newer kind", "wildcard-egress", networkPolicy("{podSelector: {}, egress: [{to: [{ipBlock: {cidr: '::/0'}}]}]}"),
			[]string{"web spec.egress.0.to.0.ipBlock.cidr: NetworkPolicy.networking.k8s.io/web lets pods reach every port of ::/0"}},
		{"every pod of every namespace", "wildcard-egress", networkPolicy("{podSelector: {}, egress: [{to: [{namespaceSelector: {}}]}]}"),
			[]string{"web spec.egress.0.to.0.namespaceSelector: "}},
		{"every address in halves", "wildcard-egress",
			networkPolicy("{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 0.0.0.0/1}}]}]}"), []string{"web spec.egress.0.to.0.ipBlock.cidr: "}},
		{"some pods of every namespace", "wildcard-egress",
			networkPolicy("{podSelector: {}, egress: [{to: [{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}]}]}"), nil},
		{"its own namespace", "wildcard-egress", networkPolicy("{podSelector: {}, egress: [{to: [{podSelector: {}}]}]}"), nil},
		{"nothing at all", "wildcard-egress", networkPolicy("{podSelector: {}, policyTypes: [Egress]}"), nil},
	})
}

func TestServices(t *testing.T) {
	web := podOf("containers: [{name: web, image: i, ports: [{name: http, containerPort: 8080}]}]")
	run(t, []ruleTest{
		{"endpoints by hand", "service-selects-nothing", service("{ports: [{port: 80}]}"), nil},
		{"a name elsewhere", "service-selects-nothing", service("{type: ExternalName, externalName: db.example, selector: {app: x}}"), nil},
		{"the port itself", "service-target-port", service("{selector: {app: web}, ports: [{port: 8080}]}") + web, nil},
		{"a number that nobody lists", "service-target-port", service("{selector: {app: web}, ports: [{port: 80, targetPort: 8081}]}") + web,
			[]string{"web spec.ports.0.targetPort: Service/web leads to port 8081"}},
		{"addresses of others", "service-type", service("{selector: {app: web}, externalIPs: [192.0.2.1], ports: [{port: 80}]}"),
			[]string{"web spec.externalIPs: "}},
		{"a Service of another namespace", "monitor-selects-nothing",
			"apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: web}\nspec: {namespaceSelector: {any: true}, selector: {matchLabels: {app: x}}, endpoints: []}", nil},
	})
}

func ingress(spec string) string {
	return "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\nspec: " + spec + "\n---\n"
}

const toWeb = "http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}"

func route(name, section, rules string) string {
	return "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: " + name + "}\nspec: {hostnames: [web.example], parentRefs: [{name: public, sectionName: " +
		section + "}], rules: " + rules + "}\n---\n"
}

func TestExposure(t *testing.T) {
	run(t, []ruleTest{
		{"development has no certificates", "ingress-tls", "# environment: dev\n" + ingress("{rules: [{host: web.example, "+toWeb+"}]}"), nil},
		{"a wildcard covers one label", "ingress-tls", ingress("{tls: [{hosts: ['*.example']}], rules: [{host: web.example, " + toWeb + "}]}"), nil},
		{"a wildcard covers no more", "ingress-tls", ingress("{tls: [{hosts: ['*.example']}], rules: [{host: a.b.example, " + toWeb + "}]}"),
			[]string{"web spec.rules.0.host: Ingress.networking.k8s.io/web serves a.b.example without TLS"}},
		{"every host", "ingress-tls", ingress("{tls: [{hosts: [web.example]}], rules: [{" + toWeb + "}]}"),
			[]string{"web spec.rules.0.host: Ingress.networking.k8s.io/web serves every host without TLS"}},
		{"no such Service", "ingress-backend", ingress("{rules: [{host: web.example, " + toWeb + "}]}"),
			[]string{"web spec.rules.0.http.paths.0.backend.service.name: "}},
		{"the default counts", "ingress-backend", service("{ports: [{port: 80}]}") + ingress("{defaultBackend: {service: {name: web, port: {number: 81}}}}"),
			[]string{"web spec.defaultBackend.service.port.number: "}},
		{"a route's port", "ingress-backend", service("{ports: [{port: 80}]}") + route("r", "https", "[{backendRefs: [{name: web, port: 8080}]}]"),
			[]string{"r spec.rules.0.backendRefs.0.port: "}},
		{"a route into another namespace", "ingress-backend", route("r", "https", "[{backendRefs: [{name: web, namespace: other, port: 8080}]}]"), nil},
		{"a route to a redirect", "ingress-backend", route("r", "http", "[{filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]}]"), nil},
	})
}

func TestHostClash(t *testing.T) {
	claim := ingress("{rules: [{host: web.example, " + toWeb + "}]}")
	run(t, []ruleTest{
		{"releases of two environments on one cluster", "host-clash", claim + "\n# environment: stage\n" + claim,
			[]string{
				"web spec.rules.0.host: Ingress.networking.k8s.io/web claims the paths below / of web.example, and so does release web of stage",
				"web spec.rules.0.host: Ingress.networking.k8s.io/web claims the paths below / of web.example, and so does release web of prod",
			}},
		{"another path", "host-clash", claim + "\n# release: api\n" +
			ingress("{rules: [{host: web.example, http: {paths: [{path: /api, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}"), nil},
		{"a canary", "host-clash", claim + "\n# release: canary\n" +
			"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, annotations: {nginx.ingress.kubernetes.io/canary: 'true'}}\nspec: {rules: [{host: web.example, " + toWeb + "}]}\n", nil},
		{"an Ingress and a route of two releases", "host-clash", claim + "\n# release: api\n" + route("api", "https", "[{backendRefs: [{name: web}]}]"),
			[]string{"web spec.rules.0.host: ", "api spec.hostnames.0: "}},
		{"a move from one to the other", "host-clash", claim + route("web", "https", "[{backendRefs: [{name: web}]}]"), nil},
		{"a redirect on a listener of its own", "host-clash", route("web", "https", "[{backendRefs: [{name: web}]}]") + route("redirect", "http", "[{}]"), nil},
		{"two routes on one listener", "host-clash", route("a", "https", "[{}]") + route("b", "https", "[{matches: [{path: {type: PathPrefix, value: /}}]}]"),
			[]string{"a spec.hostnames.0: ", "b spec.hostnames.0: "}},
		{"told apart by a header", "host-clash", route("a", "https", "[{}]") +
			route("b", "https", "[{matches: [{path: {value: /}, headers: [{name: version, value: '2'}]}]}]"), nil},
	})
}
