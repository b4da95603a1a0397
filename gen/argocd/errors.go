package argocd

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// What goes wrong; the errors of a [Client] wrap one of these, or that of its
// context.
var (
	// ErrNotConfigured says that nothing tells where Argo CD is, or who asks.
	ErrNotConfigured = errors.New("no Argo CD is configured")
	// ErrNotFound says that there is no such Application.
	ErrNotFound = errors.New("there is no such Application")
	// ErrUnauthorized says that Argo CD does not know the token, or that its
	// account may not get the Application.
	ErrUnauthorized = errors.New("the token is refused")
	// ErrUnreachable says that Argo CD gave no answer that could be read.
	ErrUnreachable = errors.New("can't reach Argo CD")
)

// failed returns the error for a request that had no answer.
func (c *Client) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// The address that it begins with is known, and longer than the reason.
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	var untrusted *tls.CertificateVerificationError
	switch {
	case os.IsTimeout(err) || errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: no answer from %s within %s", ErrUnreachable, c.Server(), requestTimeout)
	case errors.As(err, &untrusted):
		return fmt.Errorf("%w: the certificate of %s is not trusted: %w; name a file with the authority that signed it",
			ErrUnreachable, c.Server(), untrusted.Err)
	}
	return fmt.Errorf("%w: %s: %w", ErrUnreachable, c.Server(), err)
}

// refused returns the error for an answer other than 200.
func (c *Client) refused(response *http.Response, body []byte, namespace, name string) error {
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized:
		return fmt.Errorf("%w: Argo CD at %s does not take the one in %s: it is wrong, has expired or was taken back%s",
			ErrUnauthorized, c.Server(), TokenVariable, c.said(body))
	case code == http.StatusForbidden:
		return fmt.Errorf("%w: its account at %s may not get %s/%s%s", ErrUnauthorized, c.Server(), namespace, name, c.said(body))
	case code == http.StatusNotFound && isStatus(body):
		return fmt.Errorf("%w: %s/%s at %s", ErrNotFound, namespace, name, c.Server())
	case code >= 300 && code < 400:
		// Where to may be anywhere; only its host is worth repeating.
		host := "another address"
		if to, err := response.Location(); err == nil && to.Host != "" {
			host = fmt.Sprintf("%q", to.Scheme+"://"+to.Host)
		}
		return fmt.Errorf("%w: %s redirects to %s, and the token is sent to no other; write the right address into %s",
			ErrUnreachable, c.Server(), host, ServerVariable)
	default:
		return fmt.Errorf("%w: %s answers %d %s%s", ErrUnreachable, c.Server(), code, http.StatusText(code), c.said(body))
	}
}

// isStatus reports whether a body is an error of Argo CD, and not that of a proxy
// which knows nothing of it.
func isStatus(body []byte) bool { return status(body) != "" }

// status returns the text of an error of Argo CD.
func status(body []byte) string {
	var answer struct {
		Error   string `json:"error"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	if answer.Message == "" {
		return answer.Error
	}
	return answer.Message
}

// maxSaid is how much of what a server says is repeated.
const maxSaid = 300

// said returns what the server says, quoted so that nothing in it acts on a
// terminal.
func (c *Client) said(body []byte) string {
	text := strings.ReplaceAll(status(body), c.token, "TOKEN")
	if text == "" {
		return ""
	}
	if len(text) > maxSaid {
		text = strings.ToValidUTF8(text[:maxSaid], "") + "…"
	}
	return fmt.Sprintf("; it says %q", text)
}
