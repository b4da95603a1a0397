// Package argocd asks a running Argo CD, version 2.14, how Applications are. It
// reads and changes nothing: the account that it uses needs the permission to get
// Applications, and no other.
//
// It speaks the REST API with the few fields that gen needs. Argo CD's own client
// is twice the size of gen and takes 30 ms to start; argocd/verify, which links
// it, holds this package's idea of the fields against the real types.
//
// A server that is busy is asked again. One that can't be reached is not: gen works
// without Argo CD, and says then what it could not find out. The token is sent to
// the server that is named and to no other, so redirects are not followed, and it
// is in no error.
package argocd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"gitlab.com/towpath/towpath/gen/delivery"
)

// The variables that say where Argo CD is, and who asks. The program argocd reads
// the same.
const (
	ServerVariable = "ARGOCD_SERVER"
	TokenVariable  = "ARGOCD_AUTH_TOKEN"
)

const (
	// requestTimeout is how long one request may take, with its answer.
	requestTimeout = 10 * time.Second
	// maxBody is the size up to which an answer is read. Kubernetes stores no
	// object beyond 3 MiB.
	maxBody = 8 << 20
	// attempts is how often a busy server is asked.
	attempts = 4
	// maxPause is the longest wait between two attempts, whatever the server says.
	maxPause = 10 * time.Second
)

// Client asks one Argo CD. It can be used from many goroutines.
type Client struct {
	// Every is the time between two looks of [Client.Wait].
	Every time.Duration

	base  *url.URL
	token string
	http  *retryablehttp.Client
}

// FromEnvironment returns a client of the Argo CD that the variables ARGOCD_SERVER
// and ARGOCD_AUTH_TOKEN name. A server without a scheme, HOST or HOST:PORT, is
// reached by https; http has to be written out. If caFile is not "", it names
// certificates in PEM that are trusted besides those of the machine.
//
// The error is [ErrNotConfigured] if a variable is missing. Nothing is asked yet.
func FromEnvironment(getenv func(string) string, caFile string) (*Client, error) {
	server, token := strings.TrimSpace(getenv(ServerVariable)), strings.TrimSpace(getenv(TokenVariable))
	switch {
	case server == "":
		return nil, fmt.Errorf("%w: set %s and %s", ErrNotConfigured, ServerVariable, TokenVariable)
	case token == "":
		return nil, fmt.Errorf("%w: %s is set, and %s is not", ErrNotConfigured, ServerVariable, TokenVariable)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, fmt.Errorf("%s has characters in it that no token has, such as a space or a line end", TokenVariable)
	}
	base, err := parseServer(server)
	if err != nil {
		return nil, err
	}
	transport, err := transport(caFile)
	if err != nil {
		return nil, err
	}
	client := retryablehttp.NewClient()
	client.Logger = nil
	client.RetryMax = attempts - 1
	client.CheckRetry = isBusy
	client.Backoff = pause
	// The last answer is reported as any other.
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	client.HTTPClient = &http.Client{
		Transport:     transport,
		Timeout:       requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Client{Every: 5 * time.Second, base: base, token: token, http: client}, nil
}

// parseServer reads the value of ARGOCD_SERVER. The errors don't repeat it, as a
// password may have been written into it.
func parseServer(server string) (*url.URL, error) {
	text := server
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	base, err := url.Parse(text)
	switch {
	case err != nil || base.Hostname() == "" || base.RawQuery != "" || base.Fragment != "":
		return nil, fmt.Errorf("%s is no address: write HOST, HOST:PORT or https://HOST", ServerVariable)
	case base.User != nil:
		return nil, fmt.Errorf("%s has a user in it; the token belongs into %s, and nothing else is needed", ServerVariable, TokenVariable)
	case base.Scheme != "https" && base.Scheme != "http":
		return nil, fmt.Errorf("%s begins with %s://; Argo CD is reached by https, or by http", ServerVariable, base.Scheme)
	}
	return base, nil
}

func transport(caFile string) (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	t.DialContext = (&net.Dialer{Timeout: requestTimeout / 2, KeepAlive: 30 * time.Second}).DialContext
	if caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates that Argo CD's is checked with: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // A machine without certificates of its own.
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", caFile)
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}

// isBusy reports whether to ask again.
func isBusy(ctx context.Context, response *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		return false, nil //nolint:nilerr // The error itself is returned by the caller.
	}
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true, nil
	}
	return false, nil
}

// pause returns how long to wait before the next attempt: what the server asks
// for, within reason, or else longer each time.
func pause(shortest, longest time.Duration, attempt int, response *http.Response) time.Duration {
	return min(maxPause, retryablehttp.DefaultBackoff(shortest, longest, attempt, response))
}

// Server returns the address of Argo CD, for people.
func (c *Client) Server() string { return c.base.Host + strings.TrimSuffix(c.base.Path, "/") }

// address returns the address of an Application in the API.
func (c *Client) address(namespace, name string, refresh bool) string {
	query := url.Values{"appNamespace": {namespace}}
	// Without a project Argo CD says of an Application that does not exist what it
	// says of one that the account may not see.
	if project, ok := strings.CutPrefix(namespace, delivery.ApplicationNamespace("")); ok {
		query.Set("project", project)
	}
	if refresh {
		query.Set("refresh", "normal")
	}
	address := c.base.JoinPath("api/v1/applications", url.PathEscape(name))
	address.RawQuery = query.Encode()
	return address.String()
}
