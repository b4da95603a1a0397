package suite

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"gitlab.com/towpath/towpath/e2e/cluster"
)

// serviceClient reaches Services and pods, by name or address.
func serviceClient() *http.Client {
	return &http.Client{
		Timeout: 20 * time.Second,
		Transport: &http.Transport{
			// A CONNECT for plain http too: the proxy does nothing else.
			DialContext:       dialThroughProxy,
			DisableKeepAlives: true,
		},
	}
}

// dialThroughProxy connects to an address inside the cluster: through the sandbox's proxy, which is a process in the
// cluster's network, or else through kubectl port-forward, which reaches one pod of a Service by way of the API server.
func dialThroughProxy(ctx context.Context, _, address string) (net.Conn, error) {
	if here.proxy == "" {
		return dialThroughKubernetes(ctx, address)
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", here.proxy)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = connection.SetDeadline(deadline)
	}
	fmt.Fprintf(connection, "CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n\r\n", address)
	response, err := http.ReadResponse(bufio.NewReaderSize(connection, 1), nil)
	if err != nil {
		_ = connection.Close()
		return nil, fmt.Errorf("proxy: %w", err)
	}
	unanswered.add(response.Header[cluster.Unanswered])
	if response.StatusCode != http.StatusOK {
		_ = connection.Close()
		said, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return nil, fmt.Errorf("proxy: connecting to %s: %s: %s", address, response.Status, bytes.TrimSpace(said))
	}
	return connection, nil
}

// unanswered has the attempts to connect that nothing answered, so that the proxy tried again, as an Ingress controller does.
var unanswered attempts

type attempts struct {
	mu   sync.Mutex
	list []string
}

func (a *attempts) add(list []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, list...)
}

// take returns those since the last call.
func (a *attempts) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := a.list
	a.list = nil
	return list
}

// forwarding is what kubectl says once it listens.
var forwarding = regexp.MustCompile(`Forwarding from (127\.0\.0\.1:\d+) `)

// dialThroughKubernetes starts a port-forward for one connection, and ends it with that.
func dialThroughKubernetes(ctx context.Context, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	namespace, resource, err := find(host)
	if err != nil {
		return nil, err
	}
	forward := kubectlCommand("-n", namespace, "port-forward", resource, ":"+port)
	out, err := forward.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var messages bytes.Buffer
	forward.Stderr = &messages
	if err := forward.Start(); err != nil {
		return nil, err
	}
	end := sync.OnceFunc(func() {
		_ = forward.Process.Kill()
		_ = forward.Wait()
	})
	stop := context.AfterFunc(ctx, end)
	line, err := bufio.NewReader(out).ReadString('\n')
	stop()
	found := forwarding.FindStringSubmatch(line)
	if found == nil {
		end()
		return nil, fmt.Errorf("kubectl port-forward %s: %w: %s%s", resource, err, line, messages.Bytes())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", found[1])
	if err != nil {
		end()
		return nil, err
	}
	return &forwarded{connection, end}, nil
}

// forwarded is a connection that ends the port-forward that it came by.
type forwarded struct {
	net.Conn
	end func()
}

func (f *forwarded) Close() error {
	defer f.end()
	return f.Conn.Close()
}

// find returns the Service or pod of a name in the cluster's DNS, or of an address.
func find(host string) (namespace, resource string, err error) {
	if net.ParseIP(host) == nil {
		part := strings.Split(host, ".")
		if len(part) < 3 || part[2] != "svc" {
			return "", "", fmt.Errorf("%s is no name of a Service", host)
		}
		return part[1], "service/" + part[0], nil
	}
	for kind, field := range map[string]string{"service": ".spec.clusterIP", "pod": ".status.podIP"} {
		text, err := tryKubectl("get", kind, "--all-namespaces", "-o", "jsonpath={range .items[*]}{"+field+"} {.metadata.namespace} {.metadata.name}{'\\n'}{end}")
		if err != nil {
			return "", "", err
		}
		for line := range strings.Lines(text) {
			if part := strings.Fields(line); len(part) == 3 && part[0] == host {
				return part[1], kind + "/" + part[2], nil
			}
		}
	}
	return "", "", fmt.Errorf("no Service and no pod has the address %s", host)
}
