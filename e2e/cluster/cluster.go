// Package cluster brings up a Kubernetes of two nodes inside a sandbox: etcd, the control plane, on each node containerd,
// the kubelet and kube-proxy, and DNS; and around it the outer world that the repository speaks of: the Git server, Argo CD's
// manifests and the registries, all on this machine and by their real names.
package cluster

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"gitlab.com/towpath/towpath/e2e/podnet"
	"gitlab.com/towpath/towpath/e2e/sandbox"
)

// Addresses inside the sandbox.
const (
	nodeName       = sandbox.NodeName
	nodeAddress    = sandbox.NodeAddress
	podNetwork     = "10.97.0.0/16" // Each node has a /24 of it.
	serviceNetwork = "10.96.0.0/16"
	serviceAddress = "10.96.0.1"
	dnsAddress     = "10.96.0.10"
)

// outerHosts are the names of the outer world that this machine answers for.
var outerHosts = []string{gitHost, manifestHost}

const (
	gitHost      = "gitlab.com"
	manifestHost = "raw.githubusercontent.com"
)

// Config says what to bring up, and from what. It travels as JSON into the sandbox.
type Config struct {
	// Programs are the paths of the executables, by name.
	Programs map[string]string
	// Cache is the folder that keeps layers of images.
	Cache string
	// Manifests is the file that Argo CD publishes as its installation.
	Manifests string
	// Scripts is the folder with the scripts of Argo CD's image.
	Scripts string
	// Debian is the root folder of the system below Argo CD's image, PostgreSQL that of one with PostgreSQL.
	Debian, PostgreSQL string
	// Service are the images of the service, OCI layouts, by version.
	Service map[string]string
	// Kinds are files that define kinds which clusters tend to have.
	Kinds []string
	// CalicoKinds is a folder with files that define the kinds which Calico reads.
	CalicoKinds string
	// Repository is the working tree whose delivery is tried.
	Repository string
	// Outside are the addresses at which the machine reaches what is inside.
	Outside Addresses
}

// Addresses are host:port pairs on the machine's loopback.
type Addresses struct {
	// Kubernetes and ArgoCD are the two APIs. Proxy is an HTTP proxy that reaches every address and every
	// name inside, with CONNECT.
	Kubernetes, ArgoCD, Proxy string
}

// Cluster is one that runs, or comes up, in this process's sandbox.
type Cluster struct {
	dir    string
	config Config
	nodes  []*node

	mu        sync.Mutex
	processes map[string]*process
	failed    chan error
	ingress   podnet.Network // Of the pod that requests come from.
	state     State
}

// State is what is known of a cluster from outside, kept in the file state.json.
type State struct {
	// Steps are those that are done or under way, in order. Some run side by side.
	Steps []Step
	// Ready tells that all of them are done, and Seconds how long that took. Failure says why they will not be.
	Ready   bool
	Seconds float64
	Failure string
	// Images are the digests of the images that were made, by their names with tag.
	Images map[string]string
}

// ReadConfig returns what the cluster in a folder is brought up from.
func ReadConfig(dir string) (Config, error) {
	var config Config
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return config, err
	}
	return config, json.Unmarshal(data, &config)
}

// Step is one step of coming up.
type Step struct {
	Name    string
	Seconds float64
	Done    bool
}

// ReadState returns the state of the cluster in a folder.
func ReadState(dir string) (State, error) {
	var state State
	data, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if err != nil {
		return state, err
	}
	return state, json.Unmarshal(data, &state)
}

// Run brings the cluster up and keeps it until the context ends or one of its servers does. It is the program of
// the sandbox; the listeners are those of [Addresses], in the same order.
func Run(ctx context.Context, dir string, listeners []net.Listener) error {
	c := &Cluster{dir: dir, processes: map[string]*process{}, failed: make(chan error, 16)}
	var err error
	if c.config, err = ReadConfig(dir); err != nil {
		return err
	}
	if len(listeners) != 3 {
		return fmt.Errorf("%d listeners instead of 3", len(listeners))
	}
	forward(listeners[0], apiServerAddress)
	forward(listeners[1], argoCDAddress)
	go serveProxy(listeners[2], c.dialAsIngress)
	c.serveControl()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case err := <-c.failed:
			cancel(err)
		case <-ctx.Done():
		}
	}()
	start := time.Now()
	if err := c.bringUp(ctx); err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
			err = cause
		}
		c.update(func(s *State) { s.Failure = err.Error() })
		return err
	}
	c.update(func(s *State) { s.Ready, s.Seconds = true, time.Since(start).Seconds() })
	<-ctx.Done()
	err = context.Cause(ctx)
	c.update(func(s *State) { s.Ready, s.Failure = false, err.Error() })
	return err
}

// bringUp runs the steps.
func (c *Cluster) bringUp(ctx context.Context) error {
	for _, folder := range []string{"logs", "bin", "volumes", "kubeconfig"} {
		if err := os.MkdirAll(c.path(folder), 0o755); err != nil {
			return err
		}
	}
	for _, group := range [][]step{
		{{"programs and certificates", c.prepare}},
		{{"images and registry", c.registry}},
		{{"containerd on both nodes", c.startContainerd}},
		{{"etcd", c.startEtcd}},
		{{"API server", c.startAPIServer}, {"the repository, with images of its own", c.repository}, {"PostgreSQL and Redis beside the cluster", c.databases}},
		{{"Calico, which enforces network policies, on both nodes", c.enforcePolicies}},
		{{"controllers, scheduler, kubelets and kube-proxies", c.startNodes}},
		{{"nodes are ready", c.nodesReady}},
		{{"DNS, kinds and disks", c.addons}, {"a pod where an Ingress controller would be", c.startIngress}},
		{{"kubectl apply -k argocd/bootstrap", c.bootstrap}, {"DNS is ready", c.dnsReady}},
		{{"Argo CD is ready", c.argoCDReady}, {"root Applications", c.rootsReady}},
	} {
		if err := c.together(ctx, group); err != nil {
			return err
		}
	}
	return nil
}

// step is one of coming up.
type step struct {
	name string
	run  func(context.Context) error
}

// together runs steps side by side that do not need each other, and waits for all.
func (c *Cluster) together(ctx context.Context, steps []step) error {
	failures := make([]error, len(steps))
	var running sync.WaitGroup
	for number, s := range steps {
		var place int // Among all steps, in the order of the list.
		c.update(func(state *State) {
			place = len(state.Steps)
			state.Steps = append(state.Steps, Step{Name: s.name})
		})
		running.Go(func() {
			start := time.Now()
			err := s.run(ctx)
			c.update(func(state *State) {
				state.Steps[place].Seconds, state.Steps[place].Done = time.Since(start).Seconds(), err == nil
			})
			if err != nil {
				failures[number] = fmt.Errorf("%s: %w", s.name, err)
			}
		})
	}
	running.Wait()
	return errors.Join(failures...)
}

func (c *Cluster) prepare(context.Context) error {
	for _, name := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"} {
		if err := os.Symlink(c.config.Programs["kubernetes"], c.path("bin/"+name)); err != nil {
			return err
		}
	}
	hosts, err := os.OpenFile("/etc/hosts", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(hosts, "%s %s\n", nodeAddress, strings.Join(outerHosts, " "))
	return errors.Join(err, hosts.Close(), c.startMachines(), c.certificates())
}

func (c *Cluster) path(name string) string { return filepath.Join(c.dir, name) }

// fail ends the cluster with an error.
func (c *Cluster) fail(err error) {
	select {
	case c.failed <- err:
	default: // Already failing.
	}
}

// update changes the state, and writes it for those outside.
func (c *Cluster) update(change func(*State)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.state)
	data, err := json.MarshalIndent(c.state, "", "  ")
	if err == nil {
		err = os.WriteFile(c.path("state.json.new"), data, 0o644)
	}
	if err == nil {
		err = os.Rename(c.path("state.json.new"), c.path("state.json"))
	}
	if err != nil {
		c.fail(err)
	}
}

func base64String(data []byte) string { return base64.StdEncoding.EncodeToString(data) }
