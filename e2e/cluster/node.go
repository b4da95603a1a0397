package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/e2e/sandbox"
)

// Where containerd listens. Its folder is a file system of the sandbox.
const containerdSocket = "/run/containerd/containerd.sock"

// node is a machine of the cluster: the sandbox itself, with the control plane, or one beside it.
type node struct {
	name, address string
	// pods is the network that its pods are given addresses of.
	pods string
	// machine is nil for the sandbox itself.
	machine *sandbox.Machine
}

// startMachines makes the second node's machine. The first is there already.
func (c *Cluster) startMachines() error {
	first := &node{name: nodeName, address: nodeAddress, pods: "10.97.0.0/24"}
	second := &node{name: "node-2", address: "10.98.0.2", pods: "10.97.1.0/24"}
	var err error
	second.machine, err = sandbox.StartMachine(sandbox.MachineConfig{Name: second.name, Address: second.address, Network: second.pods})
	c.nodes = []*node{first, second}
	return err
}

// server is what a server of the node is called among the cluster's: with the node's name, except on the first.
func (n *node) server(name string) string {
	if n.machine == nil {
		return name
	}
	return name + "-" + n.name
}

// startOn starts a server on a node, as root.
func (c *Cluster) startOn(n *node, name, program string, args ...string) error {
	if n.machine == nil {
		return c.start(name, program, args...)
	}
	return c.startCommand(n.server(name), 0, func() *exec.Cmd { return n.machine.Command(program, args...) })
}

// nodePath is where a node keeps something of its own. Nodes share the disk.
func (c *Cluster) nodePath(n *node, name string) string {
	if n.machine == nil {
		return c.path(name)
	}
	return c.path(filepath.Join(n.name, name))
}

// startContainerd starts the container runtime of each node.
func (c *Cluster) startContainerd(ctx context.Context) error {
	for _, n := range c.nodes {
		if err := c.startContainerdOn(n); err != nil {
			return err
		}
	}
	for _, n := range c.nodes {
		socket := containerdSocket
		if n.machine != nil {
			socket = n.machine.Path(socket)
		}
		if err := waitFor(ctx, n.server("containerd"), time.Minute, func(ctx context.Context) error {
			connection, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
			if err != nil {
				return err
			}
			return connection.Close()
		}); err != nil {
			return err
		}
	}
	for _, n := range c.nodes {
		go c.pullAhead(n)
	}
	return nil
}

// pullAhead has a node pull what Argo CD and the first Applications are made of, while there is no kubelet yet that would
// ask for it. What it does not get, the kubelet pulls later.
func (c *Cluster) pullAhead(n *node) {
	references := []string{argoCDImage, redisImage}
	for _, image := range []string{bundledPostgresImage, bundledRedisImage, serviceImage + ":" + FirstVersion} {
		name, _, _ := strings.Cut(image, ":") // An Application names a digest, and then the tag does not count.
		references = append(references, name+"@"+c.state.Images[image])
	}
	var said strings.Builder
	for _, reference := range references {
		args := []string{"--address=" + containerdSocket, "--namespace=k8s.io", "images", "pull", "--hosts-dir=" + c.path("registries"), reference}
		pull := exec.Command("ctr", args...)
		if n.machine != nil {
			pull = n.machine.Command("ctr", args...)
		}
		if output, err := pull.CombinedOutput(); err != nil {
			fmt.Fprintf(&said, "%s: %v\n%s\n", reference, err, output)
		}
	}
	_ = c.write("logs/"+n.server("pull-ahead")+".log", said.String())
}

// startContainerdOn starts the container runtime of one node. It takes every image from the registry of this machine,
// whichever registry the image's name says.
func (c *Cluster) startContainerdOn(n *node) error {
	config := fmt.Sprintf(`version = 2
root = %q
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]

[grpc]
  address = %q

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  # Without CAP_SYS_RESOURCE a container can't be made less likely to be killed than containerd is.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = %q
`, c.nodePath(n, "containerd"), containerdSocket, pauseImage, c.path(pluginFolder), c.nodePath(n, "cni"), c.path("registries"))
	network, err := c.podNetworkConfig(n)
	if err != nil {
		return err
	}
	mirror := fmt.Sprintf("server = \"http://%s\"\n[host.\"http://%[1]s\"]\n  capabilities = [\"pull\", \"resolve\"]\n", registryAddress)
	for file, text := range map[string]string{
		c.nodePath(n, "containerd.toml"):         config,
		c.nodePath(n, "cni/10-pods.conflist"):    network,
		c.path("registries/_default/hosts.toml"): mirror,
	} {
		if err := write(file, text); err != nil {
			return err
		}
	}
	return c.startOn(n, "containerd", "containerd", "--config="+c.nodePath(n, "containerd.toml"))
}

// startNodes starts what makes nodes of machines, and the controllers and the scheduler that want nodes.
func (c *Cluster) startNodes(context.Context) error {
	for _, n := range c.nodes {
		if err := c.startNode(n); err != nil {
			return err
		}
	}
	return c.startControllers()
}

func (c *Cluster) startNode(n *node) error {
	cgroupRoot := "/"
	if n.machine != nil {
		cgroupRoot = n.machine.CgroupRoot()
	}
	kubelet := fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: %q}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: %s
containerRuntimeEndpoint: unix://%s
clusterDNS: [%s]
clusterDomain: cluster.local
resolvConf: /etc/resolv.conf
failSwapOn: false
serializeImagePulls: false
registryPullQPS: 0
# The machine is shared and its disk may be fuller than a node's.
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: 100Mi, nodefs.available: 1%%, imagefs.available: 1%%}
`, c.path("pki/ca.crt"), cgroupRoot, containerdSocket, dnsAddress)
	// The limits of connection tracking are the machine's.
	proxy := fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: %s
hostnameOverride: %s
clientConnection: {kubeconfig: %q}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
`, podNetwork, n.name, c.path("kubeconfig/proxy"))
	if err := errors.Join(write(c.nodePath(n, "kubelet.yaml"), kubelet), write(c.nodePath(n, "proxy.yaml"), proxy)); err != nil {
		return err
	}
	return errors.Join(
		c.startOn(n, "kubelet", c.path("bin/kubelet"),
			"--config="+c.nodePath(n, "kubelet.yaml"), "--kubeconfig="+c.path("kubeconfig/"+n.server("kubelet")),
			"--hostname-override="+n.name, "--node-ip="+n.address,
			"--root-dir="+c.nodePath(n, "kubelet"), "--cert-dir="+c.nodePath(n, "kubelet/pki")),
		c.startOn(n, "kube-proxy", c.path("bin/kube-proxy"), "--config="+c.nodePath(n, "proxy.yaml")),
	)
}

func (c *Cluster) nodesReady(ctx context.Context) error {
	for _, n := range c.nodes {
		// The kubelet registers first, and only then can it be waited for.
		if err := waitFor(ctx, n.name, 2*time.Minute, func(ctx context.Context) error {
			_, err := c.kubectl(ctx, "", "get", "node", n.name)
			return err
		}); err != nil {
			return err
		}
	}
	_, err := c.kubectl(ctx, "", "wait", "--for=condition=Ready", "--timeout=3m", "node", "--all")
	return err
}

// addons brings what a cluster has before anybody installs anything: DNS, kinds that others defined, and
// disks that claims are given. The disks are folders, made beforehand, that every node sees, as it would a network's;
// the kubelet hands them to the group of the pod.
func (c *Cluster) addons(ctx context.Context) error {
	objects := []string{dnsObjects()}
	for _, class := range []string{"standard", "shared"} {
		objects = append(objects, fmt.Sprintf(`apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: %s
  annotations: {storageclass.kubernetes.io/is-default-class: "%t"}
provisioner: kubernetes.io/no-provisioner
`, class, class == "standard"))
		for number := range 12 {
			name := fmt.Sprintf("%s-%d", class, number)
			if err := os.MkdirAll(c.path("volumes/"+name), 0o755); err != nil {
				return err
			}
			objects = append(objects, fmt.Sprintf(`apiVersion: v1
kind: PersistentVolume
metadata: {name: %s}
spec:
  storageClassName: %s
  capacity: {storage: 20Gi}
  accessModes: [ReadWriteOnce, ReadWriteMany]
  persistentVolumeReclaimPolicy: Retain
  local: {path: %q}
  nodeAffinity:
    required:
      nodeSelectorTerms:
        - matchExpressions: [{key: kubernetes.io/hostname, operator: Exists}]
`, name, class, c.path("volumes/"+name)))
		}
	}
	if _, err := c.kubectl(ctx, strings.Join(objects, "---\n"), "apply", "-f", "-"); err != nil {
		return err
	}
	for _, file := range c.config.Kinds {
		if _, err := c.kubectl(ctx, "", "create", "-f", file); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) dnsReady(ctx context.Context) error {
	_, err := c.kubectl(ctx, "", "-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=3m")
	return err
}

func (c *Cluster) write(name, text string) error { return write(c.path(name), text) }

func write(file, text string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644)
}
