package cluster

import (
	"context"
	"fmt"
	"net"
	"strings"

	"gitlab.com/towpath/towpath/e2e/podnet"
)

// The environments let requests in from the pods of one namespace, that of the Ingress controller. What reaches Services
// from outside therefore comes from a pod there. It does nothing: its network is what counts. A DaemonSet brings it back,
// and a drain leaves it.
const (
	ingressNamespace = "ingress-nginx"
	ingressObjects   = `apiVersion: v1
kind: Namespace
metadata: {name: ` + ingressNamespace + `}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: controller, namespace: ` + ingressNamespace + `}
spec:
  selector: {matchLabels: {app: controller}}
  template:
    metadata: {labels: {app: controller}}
    spec:
      nodeSelector: {kubernetes.io/hostname: ` + nodeName + `}
      tolerations: [{operator: Exists}]
      terminationGracePeriodSeconds: 0
      containers: [{name: pause, image: "` + pauseImage + `"}]
`
)

func (c *Cluster) startIngress(ctx context.Context) error {
	if _, err := c.kubectl(ctx, ingressObjects, "apply", "-f", "-"); err != nil {
		return err
	}
	if _, err := c.kubectl(ctx, "", "-n", ingressNamespace, "rollout", "status", "daemonset/controller", "--timeout=2m"); err != nil {
		return err
	}
	_, err := c.ingressNetwork(ctx)
	return err
}

// ingressNetwork is the network of the pod that runs now.
func (c *Cluster) ingressNetwork(ctx context.Context) (podnet.Network, error) {
	c.mu.Lock()
	found := c.ingress
	c.mu.Unlock()
	if !found.IsGone() {
		return found, nil
	}
	uid, err := c.kubectl(ctx, "", "-n", ingressNamespace, "get", "pods", "--field-selector=status.phase=Running", "-o", "jsonpath={.items[0].metadata.uid}")
	if err != nil {
		return found, err
	}
	networks, err := podnet.Find()
	if err != nil {
		return found, err
	}
	found, ok := networks[strings.TrimSpace(uid)]
	if !ok {
		return found, fmt.Errorf("no process of pod %s in namespace %s runs", uid, ingressNamespace)
	}
	c.mu.Lock()
	c.ingress = found
	c.mu.Unlock()
	return found, nil
}

// dialAsIngress connects to an address, or to the name of a Service, from the pod.
func (c *Cluster) dialAsIngress(ctx context.Context, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addresses, err := dialer.Resolver.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	network, err := c.ingressNetwork(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialer.Timeout)
	defer cancel()
	return network.Dial(ctx, "tcp", net.JoinHostPort(addresses[0], port))
}
