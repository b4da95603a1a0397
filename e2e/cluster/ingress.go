package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"

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

// What ingress-nginx does by default: it gives a connection 5 s, and tries three times in all
// (proxy-connect-timeout, proxy-next-upstream and proxy-next-upstream-tries).
const (
	connectTimeout = 5 * time.Second
	connectTries   = 3
)

// dialAsIngress connects to an address, or to the name of a Service, from the pod. Attempts that nothing answered are told
// besides: each with what the node has tracked of it, which says which pod it was sent to.
func (c *Cluster) dialAsIngress(ctx context.Context, address string) (connection net.Conn, unanswered []string, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, nil, err
	}
	addresses, err := dialer.Resolver.LookupHost(ctx, host)
	if err != nil {
		return nil, nil, err
	}
	network, err := c.ingressNetwork(ctx)
	if err != nil {
		return nil, nil, err
	}
	target := net.JoinHostPort(addresses[0], port)
	return dialInTries(ctx, connectTimeout, func(ctx context.Context) (net.Conn, error) {
		return network.Dial(ctx, "tcp", target)
	}, func() string {
		tracked, err := exec.CommandContext(ctx, "conntrack", "-L", "-p", "tcp", "--state", "SYN_SENT", "--orig-dst", addresses[0]).Output()
		if err != nil {
			return fmt.Sprintf("%s at %s; conntrack: %v", target, time.Now().Format(time.TimeOnly), err)
		}
		return fmt.Sprintf("%s at %s; tracked: %s", target, time.Now().Format(time.TimeOnly), strings.Join(strings.Fields(string(tracked)), " "))
	})
}

// dialInTries connects, and tries again where nothing answered in time. A refusal is an answer.
func dialInTries(ctx context.Context, timeout time.Duration, dial func(context.Context) (net.Conn, error), tracked func() string) (net.Conn, []string, error) {
	var unanswered []string
	for {
		connection, err := func() (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			return dial(ctx)
		}()
		var late net.Error
		if err == nil || ctx.Err() != nil || !errors.As(err, &late) || !late.Timeout() {
			return connection, unanswered, err
		}
		unanswered = append(unanswered, tracked())
		if len(unanswered) == connectTries {
			return nil, unanswered, err
		}
	}
}
