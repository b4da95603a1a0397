package suite

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/e2e/podnet"
	"gitlab.com/towpath/towpath/e2e/sandbox"
)

// party is a pod that takes part: it goes out to all places, and is a place itself.
type party struct {
	env     string // Empty for a pod of no environment.
	role    role
	name    string // Namespace/name.
	node    string
	address netip.Addr
	network podnet.Network
	ports   []int // Those that its containers name, TCP.
	guest   bool  // Made for the test: nothing listens there.
}

// place is somewhere to go: a port of a pod, of a Service, or outside of the cluster.
type place struct {
	env     string
	role    role
	name    string
	address netip.AddrPort
	port    int // The pod's, where a Service has another.
	party   *party
	// listens tells that a connection has to be accepted where it is wanted, and not only arrive.
	listens bool
}

func (p place) String() string { return fmt.Sprintf("%s port %d (%s)", p.name, p.port, p.address) }

// podObject is what the tests read of a pod or of a pod's template.
type podObject struct {
	Metadata struct {
		Namespace, Name, UID, DeletionTimestamp string
		Labels                                  map[string]string
	}
	Spec struct {
		NodeName    string
		HostNetwork bool
		Containers  []struct {
			Ports []struct {
				ContainerPort int
				Protocol      string
			}
		}
	}
	Status struct{ Phase, PodIP string }
}

func envOf(namespace string) string {
	env, found := strings.CutPrefix(namespace, "towpath-")
	if !found {
		return ""
	}
	return env
}

// guestLabel tells the pods that were made for the test, and the role that each stands for.
const guestLabel = "towpath.example/stands-for"

// roleOf knows a pod by where it is and by what it says of itself.
func roleOf(p podObject) (role, error) {
	if stands := p.Metadata.Labels[guestLabel]; stands != "" {
		for _, r := range []role{migration, helmTest, dump, neighbour, ingress, monitoring, stranger} {
			if guestName(r) == stands {
				return r, nil
			}
		}
	}
	name, component := p.Metadata.Labels["app.kubernetes.io/name"], p.Metadata.Labels["app.kubernetes.io/component"]
	switch namespace := p.Metadata.Namespace; {
	case envOf(namespace) != "":
		switch name + "/" + component {
		case "service/":
			return service, nil
		case "service-migration/":
			return migration, nil
		case "postgres/server":
			return postgres, nil
		case "postgres/backup":
			return dump, nil
		case "redis/server":
			return redis, nil
		}
		return "", fmt.Errorf("pod %s/%s has no role in the table: %v", namespace, p.Metadata.Name, p.Metadata.Labels)
	case namespace == "argocd":
		return role(name), nil
	case namespace == "kube-system":
		return dns, nil
	case namespace == "ingress-nginx":
		return ingress, nil
	case namespace == "monitoring":
		return monitoring, nil
	default:
		return stranger, nil
	}
}

func guestName(r role) string { return strings.ToLower(strings.ReplaceAll(string(r), " ", "-")) }

// readParties returns all pods that run, and go on running.
func readParties() ([]*party, error) {
	text, err := tryKubectl("get", "pods", "--all-namespaces", "-o", "json")
	if err != nil {
		return nil, err
	}
	var list struct{ Items []podObject }
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	networks, err := podnet.Find()
	if err != nil {
		return nil, err
	}
	var parties []*party
	for _, object := range list.Items {
		if object.Spec.HostNetwork || object.Status.Phase != "Running" || object.Metadata.DeletionTimestamp != "" {
			continue
		}
		if object.Metadata.Labels["batch.kubernetes.io/job-name"] != "" {
			continue // It may end at any time. A guest stands for it.
		}
		p := &party{
			env: envOf(object.Metadata.Namespace), name: object.Metadata.Namespace + "/" + object.Metadata.Name, node: object.Spec.NodeName,
			guest: object.Metadata.Labels[guestLabel] != "",
		}
		var known bool
		if p.network, known = networks[object.Metadata.UID]; !known {
			return nil, fmt.Errorf("pod %s runs no process on this machine", p.name)
		}
		if p.role, err = roleOf(object); err != nil {
			return nil, err
		}
		if p.address, err = netip.ParseAddr(object.Status.PodIP); err != nil {
			return nil, fmt.Errorf("pod %s: %w", p.name, err)
		}
		for _, container := range object.Spec.Containers {
			for _, port := range container.Ports {
				if port.Protocol == "TCP" && !slices.Contains(p.ports, port.ContainerPort) {
					p.ports = append(p.ports, port.ContainerPort)
				}
			}
		}
		parties = append(parties, p)
	}
	return parties, nil
}

// guest is a pod that stands where one would be, such as that of a Job between two runs.
type guest struct {
	namespace string
	role      role
	labels    map[string]string
}

// guests returns those that the environments need: one for each of their Jobs, with the labels of its pods, and the
// callers. A Job that an environment has not got is left out.
func guests(t *testing.T, envs []string) []guest {
	t.Helper()
	list := []guest{{"ingress-nginx", ingress, nil}, {"monitoring", monitoring, nil}, {"stranger", stranger, nil}}
	for _, env := range envs {
		namespace := "towpath-" + env
		list = append(list, guest{namespace, neighbour, nil}, guest{namespace, helmTest, map[string]string{
			"app.kubernetes.io/name": "service-test", "app.kubernetes.io/instance": "service",
		}})
		for _, job := range []struct {
			role       role
			kind, name string
			labels     string
		}{
			{migration, "job", "service-migration", "{.spec.template.metadata.labels}"},
			{dump, "cronjob", "postgres-backup", "{.spec.jobTemplate.spec.template.metadata.labels}"},
		} {
			text := kubectl(t, "-n", namespace, "get", job.kind, job.name, "--ignore-not-found", "-o", "jsonpath="+job.labels)
			if text == "" {
				continue
			}
			var labels map[string]string
			if err := json.Unmarshal([]byte(text), &labels); err != nil {
				t.Fatal(err)
			}
			for label := range labels {
				if strings.Contains(label, "job-name") || strings.Contains(label, "controller-uid") {
					delete(labels, label) // It must not be taken for the Job's own.
				}
			}
			list = append(list, guest{namespace, job.role, labels})
		}
	}
	return list
}

// invite makes the guests, on one node and the other by turns, and removes them at the end of the test. Their namespaces
// stay, as empty ones harm nobody.
func invite(t *testing.T, list []guest) {
	t.Helper()
	nodes := strings.Fields(kubectl(t, "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"))
	objects := []any{}
	for _, namespace := range []string{"monitoring", "stranger"} {
		objects = append(objects, map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespace}})
	}
	for number, g := range list {
		labels := map[string]string{guestLabel: guestName(g.role)}
		for label, value := range g.labels {
			labels[label] = value
		}
		objects = append(objects, map[string]any{
			"apiVersion": "v1", "kind": "Pod",
			"metadata": map[string]any{"name": "reach-" + guestName(g.role), "namespace": g.namespace, "labels": labels},
			"spec": map[string]any{
				"nodeName": nodes[number%len(nodes)], "terminationGracePeriodSeconds": 0,
				"automountServiceAccountToken": false,
				"securityContext":              map[string]any{"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": map[string]any{"type": "RuntimeDefault"}},
				"containers": []any{map[string]any{
					"name": "pause", "image": "registry.k8s.io/pause:3.10",
					"resources":       map[string]any{"requests": map[string]any{"cpu": "1m", "memory": "8Mi"}, "limits": map[string]any{"memory": "32Mi"}},
					"securityContext": map[string]any{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": map[string]any{"drop": []string{"ALL"}}},
				}},
			},
		})
	}
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": objects})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := tryKubectl("delete", "pods", "--all-namespaces", "-l", guestLabel, "--timeout=1m"); err != nil {
			t.Error(err)
		}
	})
	apply := kubectlCommand("apply", "-f", "-")
	apply.Stdin = strings.NewReader(string(text))
	if _, err := output(apply); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Minute, func() error {
		text, err := tryKubectl("get", "pods", "--all-namespaces", "-l", guestLabel, "-o", "jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.status.phase}{'\\n'}{end}")
		if err != nil {
			return err
		}
		if running := strings.Count(text, " Running"); running != len(list) {
			return fmt.Errorf("%d of %d guests run:\n%s", running, len(list), text)
		}
		return nil
	})
}

// outside are the places that are no pods. The address of the internet is one that is set aside for documentation.
var internetAddress = netip.MustParseAddr("203.0.113.1")

func outsidePlaces() []place {
	node := netip.MustParseAddr(sandbox.NodeAddress)
	var places []place
	for _, p := range []struct {
		role    role
		address netip.Addr
		port    int
	}{
		{outsideData, node, postgresPort}, {outsideRedis, node, redisPort},
		{apiServer, node, kubernetesPort}, {gitServer, node, httpsPort},
		{internet, internetAddress, httpsPort}, {internet, internetAddress, forgottenPort}, {internet, internetAddress, dnsPort},
	} {
		places = append(places, place{
			role: p.role, name: string(p.role), address: netip.AddrPortFrom(p.address, uint16(p.port)), port: p.port,
			listens: p.role != internet,
		})
	}
	return append(places, place{
		role: apiServer, name: "API server by its Service", address: netip.MustParseAddrPort("10.96.0.1:443"), port: kubernetesPort, listens: true,
	})
}

// podPlaces are the ports of pods: of each its own, those of every environment, and one that nobody names.
func podPlaces(parties []*party) []place {
	common := []int{forgottenPort}
	for _, p := range parties {
		if p.env != "" {
			common = append(common, p.ports...)
		}
	}
	var places []place
	for _, p := range parties {
		ports := slices.Concat(common, p.ports)
		slices.Sort(ports)
		for _, port := range slices.Compact(ports) {
			places = append(places, place{
				env: p.env, role: p.role, name: p.name, address: netip.AddrPortFrom(p.address, uint16(port)), port: port, party: p,
				// Of Argo CD some name ports where they listen only once they are configured to.
				listens: p.env != "" && slices.Contains(p.ports, port),
			})
		}
	}
	return places
}

// servicePlaces are the ports of the environments' Services.
func servicePlaces(envs []string) ([]place, error) {
	var places []place
	for _, env := range envs {
		text, err := tryKubectl("-n", "towpath-"+env, "get", "services", "-o",
			"jsonpath={range .items[*]}{.metadata.name}|{.spec.clusterIP}|{range .spec.ports[*]}{.name}={.port} {end}{'\\n'}{end}")
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(text) {
			part := strings.Split(strings.TrimSpace(line), "|")
			if len(part) != 3 {
				return nil, fmt.Errorf("a Service is described by %q", line)
			}
			address, err := netip.ParseAddr(part[1])
			if err != nil {
				continue // Headless: its pods are places of their own.
			}
			for port := range strings.FieldsSeq(part[2]) {
				name, text, _ := strings.Cut(port, "=")
				p := place{env: env, role: role(part[0]), name: "Service " + part[0] + "." + env, listens: true}
				var number uint16
				if _, err := fmt.Sscan(text, &number); err != nil {
					return nil, err
				}
				p.address = netip.AddrPortFrom(address, number)
				meant, known := map[string]int{"http": httpPort, "metrics": metricsPort, "postgres": postgresPort, "redis": redisPort}[name]
				if !known {
					return nil, fmt.Errorf("%s has a port %s, which has no place in the table", p.name, name)
				}
				p.port = meant
				places = append(places, p)
			}
		}
	}
	return places, nil
}
