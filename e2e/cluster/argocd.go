package cluster

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// argoCDAddress is the Service of Argo CD's API.
const argoCDAddress = "argocd-server.argocd.svc.cluster.local:443"

// kubectl runs kubectl as the cluster's administrator, in the repository's clone if there is one yet.
func (c *Cluster) kubectl(ctx context.Context, input string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, c.path("bin/kubectl"), args...)
	cmd.Dir = c.dir
	if _, err := os.Stat(c.path("repository")); err == nil {
		cmd.Dir = c.path("repository")
	}
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.path("kubeconfig/admin"), "HOME="+c.dir, "SSL_CERT_FILE="+c.path("pki/hosts-ca.crt"))
	if input != "" {
		cmd.Stdin = strings.NewReader(input)
	}
	var output, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &messages
	if err := cmd.Run(); err != nil {
		return output.String(), fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, messages.Bytes())
	}
	return output.String(), nil
}

// bootstrap runs the documented command, unchanged. What comes before is what an administrator does whose Git
// server, and whose Argo CD, have certificates of a private authority.
func (c *Cluster) bootstrap(ctx context.Context) error {
	if err := c.serveOuterHosts(); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"create", "namespace", "argocd"},
		{"-n", "argocd", "create", "configmap", "argocd-tls-certs-cm", "--from-file=" + gitHost + "=" + c.path("pki/hosts-ca.crt")},
		{"-n", "argocd", "create", "secret", "tls", "argocd-server-tls", "--cert=" + c.path("pki/argocd-server.crt"), "--key=" + c.path("pki/argocd-server.key")},
	} {
		if _, err := c.kubectl(ctx, "", args...); err != nil {
			return err
		}
	}
	output, err := c.kubectl(ctx, "", "apply", "-k", "argocd/bootstrap")
	if err := c.write("logs/bootstrap.log", output); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	return c.secrets(ctx)
}

func (c *Cluster) argoCDReady(ctx context.Context) error {
	for _, workload := range []string{
		"deployment/argocd-redis", "deployment/argocd-repo-server", "statefulset/argocd-application-controller", "deployment/argocd-server",
		"deployment/argocd-applicationset-controller", "deployment/argocd-notifications-controller", "deployment/argocd-dex-server",
	} {
		if _, err := c.kubectl(ctx, "", "-n", "argocd", "rollout", "status", workload, "--timeout=5m"); err != nil {
			pods, _ := c.kubectl(ctx, "", "-n", "argocd", "get", "pods")
			return fmt.Errorf("%w\n%s", err, pods)
		}
	}
	return nil
}

// rootsReady waits for the roots that follow main. Those that follow approvals have nothing to follow yet. Where Argo CD
// has looked before all of it was there it would look again a minute later, and is asked to do so at once.
func (c *Cluster) rootsReady(ctx context.Context) error {
	return waitFor(ctx, "a root Application", 10*time.Minute, func(ctx context.Context) error {
		for _, root := range []string{"dev-root", "stage-root"} {
			status, err := c.kubectl(ctx, "", "-n", "argocd", "get", "applications.argoproj.io", root, "-o", "jsonpath={.status.sync.status}")
			if err != nil {
				return err
			}
			if status == "Unknown" {
				if _, err := c.kubectl(ctx, "", "-n", "argocd", "annotate", "--overwrite", "applications.argoproj.io", root, "argocd.argoproj.io/refresh=normal"); err != nil {
					return err
				}
			}
			if status != "Synced" {
				return fmt.Errorf("%s is %q", root, status)
			}
		}
		return nil
	})
}

// clusterDNS connects to the cluster's DNS, for the names of Services.
func clusterDNS(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, dnsAddress+":53")
}
