package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// authority signs the certificates of one cluster, which lives for hours.
type authority struct {
	folder      string
	name        string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newAuthority writes NAME.crt and NAME.key into a folder.
func newAuthority(folder, name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &authority{folder: folder, name: name, key: key}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	a.certificate = template
	a.certificate, err = a.write(name, template, key)
	return a, err
}

// issue writes a certificate with its key, as NAME.crt and NAME.key. Clients are known by common name and
// organization, servers by their names and addresses.
func (a *authority) issue(name string, subject pkix.Name, hosts ...string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		Subject: subject, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if address := net.ParseIP(host); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	_, err = a.write(name, template, key)
	return err
}

func (a *authority) write(name string, template *x509.Certificate, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(30 * 24 * time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", name, err)
	}
	if err := os.WriteFile(filepath.Join(a.folder, name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return nil, err
	}
	if err := writeKey(filepath.Join(a.folder, name+".key"), key); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func writeKey(file string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

// certificates makes all that the cluster and the hosts of the outer world need.
func (c *Cluster) certificates() error {
	folder := c.path("pki")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	ca, err := newAuthority(folder, "ca")
	if err != nil {
		return err
	}
	front, err := newAuthority(folder, "front-proxy-ca")
	if err != nil {
		return err
	}
	outer, err := newAuthority(folder, "hosts-ca")
	if err != nil {
		return err
	}
	accounts, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if err := writeKey(c.path("pki/accounts.key"), accounts); err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&accounts.PublicKey)
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.path("pki/accounts.pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o644); err != nil {
		return err
	}
	if err := front.issue("front-proxy", pkix.Name{CommonName: "front-proxy-client"}); err != nil {
		return err
	}
	if err := outer.issue("hosts", pkix.Name{CommonName: "hosts"}, outerHosts...); err != nil {
		return err
	}
	if err := ca.issue("apiserver", pkix.Name{CommonName: "kube-apiserver"}, "localhost", "127.0.0.1", nodeAddress, serviceAddress,
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"); err != nil {
		return err
	}
	if err := ca.issue("argocd-server", pkix.Name{CommonName: "argocd-server"}, "localhost", "127.0.0.1", "argocd-server.argocd.svc.cluster.local"); err != nil {
		return err
	}
	clients := map[string]pkix.Name{
		"admin":              {CommonName: "admin", Organization: []string{"system:masters"}},
		"apiserver-kubelet":  {CommonName: "kube-apiserver", Organization: []string{"system:masters"}},
		"controller-manager": {CommonName: "system:kube-controller-manager"},
		"scheduler":          {CommonName: "system:kube-scheduler"},
		"proxy":              {CommonName: "system:kube-proxy"},
	}
	for _, n := range c.nodes {
		clients[n.server("kubelet")] = pkix.Name{CommonName: "system:node:" + n.name, Organization: []string{"system:nodes"}}
	}
	for name, subject := range clients {
		if err := ca.issue(name, subject); err != nil {
			return err
		}
		if err := c.writeKubeconfig("kubeconfig/"+name, name, "https://"+nodeAddress+":6443"); err != nil {
			return err
		}
	}
	return c.writeKubeconfig("kubeconfig/outside", "admin", "https://"+c.config.Outside.Kubernetes)
}

// writeKubeconfig writes a kubeconfig that holds its certificates, so that the file can be carried off.
func (c *Cluster) writeKubeconfig(to, user, server string) error {
	read := func(name string) string {
		data, _ := os.ReadFile(c.path("pki/" + name)) // An empty one is refused by whoever reads the kubeconfig.
		return base64String(data)
	}
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
  - name: towpath-e2e
    cluster: {server: %q, certificate-authority-data: %s}
users:
  - name: %s
    user: {client-certificate-data: %s, client-key-data: %s}
contexts:
  - name: towpath-e2e
    context: {cluster: towpath-e2e, user: %s}
current-context: towpath-e2e
`, server, read("ca.crt"), user, read(user+".crt"), read(user+".key"), user)
	file := c.path(to)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o600)
}
