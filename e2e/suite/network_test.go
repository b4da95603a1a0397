package suite

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
)

// dialThroughProxy connects to an address inside the sandbox.
func dialThroughProxy(ctx context.Context, _, address string) (net.Conn, error) {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", config.Outside.Proxy)
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
	if response.StatusCode != http.StatusOK {
		_ = connection.Close()
		return nil, fmt.Errorf("proxy: connecting to %s: %s", address, response.Status)
	}
	return connection, nil
}

// authorities are those of the cluster, which also signed Argo CD's certificate.
func authorities() *x509.CertPool {
	pool := x509.NewCertPool()
	if data, err := os.ReadFile(filepath.Join(*dir, "pki", "ca.crt")); err == nil {
		pool.AppendCertsFromPEM(data)
	}
	return pool
}
