package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Network policies are enforced by Calico: on each node Felix writes rules of iptables for the pods there. It knows a
// pod's interface by a name that only Calico's CNI plugin gives it, so that plugin connects the pods. Addresses come from
// host-local, and nodes know each other's pods by static routes; nothing else of Calico is needed.

// pluginFolder is where containerd finds CNI plugins.
const pluginFolder = "cni-plugins"

// linkPlugins puts Calico's plugin beside those of the system that it and containerd call.
func (c *Cluster) linkPlugins() error {
	if err := os.MkdirAll(c.path(pluginFolder), 0o755); err != nil {
		return err
	}
	for name, program := range map[string]string{
		"calico":     c.config.Programs["calico"],
		"host-local": "/usr/lib/cni/host-local",
		"loopback":   "/usr/lib/cni/loopback",
	} {
		if err := os.Symlink(program, c.path(filepath.Join(pluginFolder, name))); err != nil {
			return err
		}
	}
	return os.Symlink(c.config.Programs["calico"], c.path("bin/calico-felix"))
}

// podNetworkConfig tells containerd how the node's pods are connected: each by an interface of its own, whose packets the
// node routes, so that the rules of kube-proxy and of Calico see them without the kernel's bridge filter.
func (c *Cluster) podNetworkConfig(n *node) (string, error) {
	type object = map[string]any
	text, err := json.MarshalIndent(object{
		"cniVersion": "1.0.0",
		"name":       "pods",
		"plugins": []object{{
			"type": "calico", "datastore_type": "kubernetes", "mtu": 1500,
			"nodename": n.name, "nodename_file_optional": true,
			"log_level": "error", "log_file_path": c.nodePath(n, "logs/cni.log"),
			"kubernetes": object{"kubeconfig": c.path("kubeconfig/admin")},
			"policy":     object{"type": "k8s"},
			// A pod starts once its policies are in force. Felix says so in a folder.
			"policy_setup_timeout_seconds": 60, "endpoint_status_dir": felixFolder + "/endpoint-status",
			"ipam": object{
				"type": "host-local", "dataDir": c.nodePath(n, "cni-addresses"),
				"ranges": [][]object{{{"subnet": n.pods}}},
			},
		}},
	}, "", "  ")
	return string(text), err
}

// felixFolder is where Felix tells the CNI plugin of the same node what it has done. Each node has its own /run.
const felixFolder = "/run/calico"

// calicoReady is what Calico's installation leaves for its parts to find.
const calicoReady = `apiVersion: crd.projectcalico.org/v1
kind: ClusterInformation
metadata: {name: default}
spec: {clusterType: "k8s,kdd", datastoreReady: true}
`

// enforcePolicies starts Felix on each node, before there are pods.
func (c *Cluster) enforcePolicies(ctx context.Context) error {
	if err := c.linkPlugins(); err != nil {
		return err
	}
	if _, err := c.kubectl(ctx, "", "create", "-f", c.config.CalicoKinds); err != nil {
		return err
	}
	if _, err := c.kubectl(ctx, "", "wait", "--for=condition=Established", "--timeout=1m", "-f", c.config.CalicoKinds); err != nil {
		return err
	}
	if _, err := c.kubectl(ctx, calicoReady, "create", "-f", "-"); err != nil {
		return err
	}
	for _, n := range c.nodes {
		if err := c.startFelix(n); err != nil {
			return err
		}
	}
	for _, n := range c.nodes {
		if err := waitFor(ctx, n.server("calico-felix"), 2*time.Minute, answers(http.DefaultClient, "http://"+n.address+":9099/readiness")); err != nil {
			return fmt.Errorf("%w\n%s", err, c.lastLines(n.server("calico-felix")))
		}
	}
	return nil
}

func (c *Cluster) startFelix(n *node) error {
	folder := felixFolder
	if n.machine != nil {
		folder = n.machine.Path(folder)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return c.startOn(n, "calico-felix", "env",
		"FELIX_DATASTORETYPE=kubernetes", "KUBECONFIG="+c.path("kubeconfig/admin"), "FELIX_FELIXHOSTNAME="+n.name,
		// Whatever no policy speaks of is allowed, as Kubernetes has it. Felix alone would keep pods from their node.
		"FELIX_DEFAULTENDPOINTTOHOSTACTION=ACCEPT",
		"FELIX_HEALTHENABLED=true", "FELIX_HEALTHHOST="+n.address,
		"FELIX_ENDPOINTSTATUSPATHPREFIX="+felixFolder,
		// The iptables of kube-proxy is this one on Debian. Felix would look for rules of kube-proxy, which starts later.
		"FELIX_IPTABLESBACKEND=nft",
		"FELIX_MTUIFACEPATTERN=^node0$", "FELIX_IPV6SUPPORT=false", "FELIX_XDPENABLED=false", "FELIX_USAGEREPORTINGENABLED=false",
		"FELIX_LOGFILEPATH=none", "FELIX_LOGSEVERITYSYS=none", "FELIX_LOGSEVERITYSCREEN=warning",
		c.path("bin/calico-felix"))
}
