// Package gitlab keeps one note on a merge request: created by the first pipeline,
// rewritten by those that follow, so that people find what is true now and no
// trail of what was.
//
// It speaks to GitLab's API as a job of a pipeline sees it: [JobFrom] reads the
// variables that GitLab sets, [New] makes a client of them, and [Client.Keep]
// writes the note.
//
// The API is plain HTTP here and not GitLab's own client library: three requests
// are needed, and the library would raise the versions of gRPC, CEL and Protocol
// Buffers that the code of Kubernetes is built with.
package gitlab

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Job is where a job runs, as GitLab tells it.
type Job struct {
	// API is the address of the API, such as https://gitlab.com/api/v4.
	API string
	// Project is the id of the project that the merge request is in, which for one
	// from a fork is not that in which the job runs.
	Project string
	// MergeRequest is the number of the merge request within the project.
	MergeRequest string
	// Token is what the API lets in. It is empty where the pipeline has none, as in
	// a merge request from a fork.
	Token string
	// TokenFrom is the variable that the token is from.
	TokenFrom string
	// CAFile is a file of certificates that are trusted beside the system's, for a
	// GitLab with a certificate of an authority of one's own; empty without one.
	CAFile string
}

// TokenVariables are where a token is looked for. The first is one that can comment
// and nothing else: whoever may push a branch can read what its pipeline is given. A
// token that may push belongs in a protected variable, which it is not given.
var TokenVariables = []string{"GITLAB_NOTE_TOKEN", "GITLAB_TOKEN"}

// JobFrom reads the variables of a job. The error names those that are missing:
// the job then belongs to no pipeline of a merge request. A missing token is none.
func JobFrom(getenv func(string) string) (Job, error) {
	job := Job{
		API:          strings.TrimRight(getenv("CI_API_V4_URL"), "/"),
		Project:      getenv("CI_MERGE_REQUEST_PROJECT_ID"),
		MergeRequest: getenv("CI_MERGE_REQUEST_IID"),
		CAFile:       getenv("CI_SERVER_TLS_CA_FILE"),
	}
	for _, name := range TokenVariables {
		if token := strings.TrimSpace(getenv(name)); token != "" {
			job.Token, job.TokenFrom = token, name
			break
		}
	}
	if job.Project == "" {
		job.Project = getenv("CI_PROJECT_ID")
	}
	var missing []string
	for _, v := range []struct{ name, value string }{
		{"CI_API_V4_URL", job.API},
		{"CI_PROJECT_ID", job.Project},
		{"CI_MERGE_REQUEST_IID", job.MergeRequest},
	} {
		if v.value == "" {
			missing = append(missing, v.name)
		}
	}
	if len(missing) > 0 {
		return Job{}, fmt.Errorf("this is no job of a merge request's pipeline: GitLab would have set %s", strings.Join(missing, ", "))
	}
	return job, nil
}

// How long a request may take, and how often what fails in passing is tried.
const (
	requestTime = 30 * time.Second
	attempts    = 4
	firstPause  = time.Second
	longestWait = 30 * time.Second
)

// maxAnswer is the size up to which an answer is read, in bytes: a hundred notes
// of the longest that GitLab takes.
const maxAnswer = 512 << 20

// Client writes notes on one merge request.
type Client struct {
	job   Job
	http  *http.Client
	pause func(context.Context, time.Duration) error
}

// New returns a client for the merge request of a job.
func New(job Job) (*Client, error) {
	address, err := url.Parse(job.API)
	if err != nil || address.Scheme != "https" && address.Scheme != "http" || address.Host == "" {
		return nil, fmt.Errorf("CI_API_V4_URL is %q, which is no address such as https://gitlab.com/api/v4", job.API)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if job.CAFile != "" {
		if transport.TLSClientConfig, err = trusting(job.CAFile); err != nil {
			return nil, fmt.Errorf("CI_SERVER_TLS_CA_FILE: %w", err)
		}
	}
	return &Client{job: job, pause: pause, http: &http.Client{
		Transport: transport,
		Timeout:   requestTime,
		// The token is for the address that GitLab gave, and for no other.
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			return fmt.Errorf("GitLab sends on to %s, which the token is not given to; set the external URL of GitLab to that address", r.URL.Host)
		},
	}}, nil
}

func trusting(file string) (*tls.Config, error) {
	certificates, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(certificates) {
		return nil, fmt.Errorf("%s holds no certificates", file)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// statusError is an answer that says no.
type statusError struct {
	status  int
	message string
	token   string        // The variable that the token is from.
	after   time.Duration // How long GitLab asks to wait, 0 if it does not say.
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("GitLab answers %d %s", e.status, http.StatusText(e.status))
	// GitLab's own words, where they are more than the status once more.
	if said := strings.TrimPrefix(e.message, strconv.Itoa(e.status)+" "); said != "" && !strings.EqualFold(said, http.StatusText(e.status)) {
		text += ": " + said
	}
	switch e.status {
	case http.StatusUnauthorized:
		text += "; the token in " + e.token + " is expired, revoked, or of another GitLab"
	case http.StatusForbidden:
		text += "; the token in " + e.token + " needs the scope api, and a role that may comment, such as Reporter"
	case http.StatusNotFound:
		text += "; either there is no such merge request, or the token in " + e.token + " may not see it"
	}
	return text
}

// temporary reports whether trying again can help, and how long GitLab asks to
// wait before, 0 if it does not say.
func temporary(err error) (bool, time.Duration) {
	var status *statusError
	if errors.As(err, &status) {
		return status.status == http.StatusTooManyRequests || status.status >= http.StatusInternalServerError, status.after
	}
	var network *url.Error
	return errors.As(err, &network) && !errors.Is(err, context.Canceled), 0
}

// do sends a request, with in as JSON unless it is nil, and reads the answer into
// out. The path is below the API's address.
func (c *Client) do(ctx context.Context, method, path string, in, out any) (http.Header, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.job.API+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("PRIVATE-TOKEN", c.job.Token)
	request.Header.Set("Accept", "application/json")
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return nil, c.refusal(response)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(out); err != nil {
		// Whoever answers in something else than JSON is a proxy, or a page that asks
		// to log in.
		return nil, fmt.Errorf("%s %s: the answer is not that of GitLab's API: %w", method, request.URL.Redacted(), err)
	}
	return response.Header, nil
}

// refusal reads why GitLab says no.
func (c *Client) refusal(response *http.Response) error {
	const enough = 64 << 10
	data, _ := io.ReadAll(io.LimitReader(response.Body, enough)) // What there is of it.
	e := &statusError{status: response.StatusCode, token: c.job.TokenFrom}
	var said struct{ Message, Error any }
	if json.Unmarshal(data, &said) == nil {
		for _, what := range []any{said.Message, said.Error} {
			if what != nil && e.message == "" {
				e.message = strings.TrimSpace(fmt.Sprint(what))
			}
		}
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.after = min(time.Duration(seconds)*time.Second, longestWait)
	}
	return e
}
