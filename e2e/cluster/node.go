package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Where containerd listens. Its folder is a file system of the sandbox.
const containerdSocket = "/run/containerd/containerd.sock"

// startContainerd starts the container runtime. It takes every image from the registry of this machine, whichever
// registry the image's name says.
func (c *Cluster) startContainerd(ctx context.Context) error {
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
    bin_dir = "/usr/lib/cni"
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = %q
`, c.path("containerd"), containerdSocket, pauseImage, c.path("cni"), c.path("registries"))
	// Point to point: each packet of a pod is routed by the node, so that kube-proxy's rules see it without the
	// kernel's bridge filter.
	network := fmt.Sprintf(`{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [{
    "type": "ptp",
    "ipam": {"type": "host-local", "ranges": [[{"subnet": %q}]], "routes": [{"dst": "0.0.0.0/0"}], "dataDir": %q}
  }]
}
`, podNetwork, c.path("cni-addresses"))
	mirror := fmt.Sprintf("server = \"http://%s\"\n[host.\"http://%[1]s\"]\n  capabilities = [\"pull\", \"resolve\"]\n", registryAddress)
	for name, text := range map[string]string{
		"containerd.toml":                config,
		"cni/10-pods.conflist":           network,
		"registries/_default/hosts.toml": mirror,
	} {
		if err := c.write(name, text); err != nil {
			return err
		}
	}
	if err := c.start("containerd", "containerd", "--config="+c.path("containerd.toml")); err != nil {
		return err
	}
	return waitFor(ctx, "containerd", time.Minute, func(ctx context.Context) error {
		connection, err := (&net.Dialer{}).DialContext(ctx, "unix", containerdSocket)
		if err != nil {
			return err
		}
		return connection.Close()
	})
}

func (c *Cluster) startNode(context.Context) error {
	kubelet := fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: %q}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
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
`, c.path("pki/ca.crt"), containerdSocket, dnsAddress)
	// The limits of connection tracking are the machine's.
	proxy := fmt.Sprintf(`apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: %s
hostnameOverride: %s
clientConnection: {kubeconfig: %q}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
`, podNetwork, nodeName, c.path("kubeconfig/proxy"))
	if err := errors.Join(c.write("kubelet.yaml", kubelet), c.write("proxy.yaml", proxy)); err != nil {
		return err
	}
	for _, program := range [][]string{
		{
			"kube-controller-manager", "--kubeconfig=" + c.path("kubeconfig/controller-manager"), "--use-service-account-credentials",
			"--service-account-private-key-file=" + c.path("pki/accounts.key"), "--root-ca-file=" + c.path("pki/ca.crt"),
			"--cluster-signing-cert-file=" + c.path("pki/ca.crt"), "--cluster-signing-key-file=" + c.path("pki/ca.key"),
			"--cluster-cidr=" + podNetwork, "--leader-elect=false",
		},
		{"kube-scheduler", "--kubeconfig=" + c.path("kubeconfig/scheduler"), "--leader-elect=false"},
		{
			"kubelet", "--config=" + c.path("kubelet.yaml"), "--kubeconfig=" + c.path("kubeconfig/kubelet"),
			"--hostname-override=" + nodeName, "--node-ip=" + nodeAddress,
			"--root-dir=" + c.path("kubelet"), "--cert-dir=" + c.path("kubelet/pki"),
		},
		{"kube-proxy", "--config=" + c.path("proxy.yaml")},
	} {
		if err := c.start(program[0], c.path("bin/"+program[0]), program[1:]...); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) nodeReady(ctx context.Context) error {
	// The kubelet registers first, and only then can it be waited for.
	if err := waitFor(ctx, "the node", 2*time.Minute, func(ctx context.Context) error {
		_, err := c.kubectl(ctx, "", "get", "node", nodeName)
		return err
	}); err != nil {
		return err
	}
	_, err := c.kubectl(ctx, "", "wait", "--for=condition=Ready", "--timeout=3m", "node/"+nodeName)
	return err
}

// addons brings what a cluster has before anybody installs anything: DNS, kinds that others defined, and
// disks that claims are given. The disks are folders of the node, made beforehand; the kubelet hands them to the group of the pod.
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
        - matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [%s]}]
`, name, class, c.path("volumes/"+name), nodeName))
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
	_, err := c.kubectl(ctx, "", "-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=3m")
	return err
}

func (c *Cluster) write(name, text string) error {
	file := c.path(name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644)
}
