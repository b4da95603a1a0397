package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"time"
)

// apiServerAddress is where the API server listens, for those on its node.
const apiServerAddress = "127.0.0.1:6443"

func (c *Cluster) startEtcd(ctx context.Context) error {
	const client = "http://127.0.0.1:2379"
	err := c.start("etcd", c.path("bin/etcd"),
		"--data-dir="+c.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls=http://127.0.0.1:2380")
	if err != nil {
		return err
	}
	return waitFor(ctx, "etcd", 2*time.Minute, answers(http.DefaultClient, client+"/health"))
}

func (c *Cluster) startAPIServer(ctx context.Context) error {
	pki := func(name string) string { return c.path("pki/" + name) }
	err := c.start("kube-apiserver", c.path("bin/kube-apiserver"),
		"--advertise-address="+nodeAddress, "--bind-address=0.0.0.0", "--secure-port=6443",
		"--etcd-servers=http://127.0.0.1:2379",
		"--service-cluster-ip-range="+serviceNetwork,
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
		"--client-ca-file="+pki("ca.crt"),
		"--tls-cert-file="+pki("apiserver.crt"), "--tls-private-key-file="+pki("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file="+pki("accounts.pub"), "--service-account-signing-key-file="+pki("accounts.key"),
		"--kubelet-client-certificate="+pki("apiserver-kubelet.crt"), "--kubelet-client-key="+pki("apiserver-kubelet.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file="+pki("front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+pki("front-proxy.crt"), "--proxy-client-key-file="+pki("front-proxy.key"),
		"--enable-aggregator-routing=true")
	if err != nil {
		return err
	}
	authorities := x509.NewCertPool()
	data, err := os.ReadFile(pki("ca.crt"))
	if err != nil {
		return err
	}
	if !authorities.AppendCertsFromPEM(data) {
		return errors.New("ca.crt holds no certificate")
	}
	certificate, err := tls.LoadX509KeyPair(pki("admin.crt"), pki("admin.key"))
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities, Certificates: []tls.Certificate{certificate}}}}
	return waitFor(ctx, "the API server", 3*time.Minute, answers(client, "https://"+apiServerAddress+"/readyz"))
}

// startControllers starts the rest of the control plane. The two hold leases, as where there are several of each: without,
// they would survive an outage of the API server with what they knew before, and take it for the state of the nodes.
func (c *Cluster) startControllers() error {
	return errors.Join(
		c.startLeader("kube-controller-manager", c.path("bin/kube-controller-manager"),
			"--kubeconfig="+c.path("kubeconfig/controller-manager"), "--use-service-account-credentials",
			"--service-account-private-key-file="+c.path("pki/accounts.key"), "--root-ca-file="+c.path("pki/ca.crt"),
			"--cluster-signing-cert-file="+c.path("pki/ca.crt"), "--cluster-signing-key-file="+c.path("pki/ca.key"),
			"--cluster-cidr="+podNetwork),
		c.startLeader("kube-scheduler", c.path("bin/kube-scheduler"), "--kubeconfig="+c.path("kubeconfig/scheduler")),
	)
}
