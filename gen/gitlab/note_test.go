package gitlab

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/gen/gitlab/gitlabtest"
)

var marker = Marker("diff")

// start returns a GitLab, and a client of it that keeps the pauses it would make.
func start(t *testing.T) (*gitlabtest.Server, *Client, *[]time.Duration) {
	t.Helper()
	server := gitlabtest.Start()
	t.Cleanup(server.Close)
	client := newClient(t, server.Variables())
	var pauses []time.Duration
	client.pause = func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
	return server, client, &pauses
}

func newClient(t *testing.T, variables map[string]string) *Client {
	t.Helper()
	job, err := JobFrom(func(name string) string { return variables[name] })
	if err != nil {
		t.Fatal(err)
	}
	client, err := New(job)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func keep(t *testing.T, client *Client, body string) Kept {
	t.Helper()
	kept, err := client.Keep(t.Context(), marker, body)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func TestKeepCreatesOnce(t *testing.T) {
	server, client, _ := start(t)
	first := keep(t, client, "one\n")
	second := keep(t, client, "two\n")
	if !first.Created || second.Created || first.ID != second.ID {
		t.Errorf("kept %+v, then %+v; want one note, created by the first", first, second)
	}
	notes := server.Notes()
	if len(notes) != 1 || notes[0].Body != marker+"two\n" {
		t.Errorf("notes are %+v", notes)
	}
	if got := methods(server); !slices.Equal(got, []string{"POST", "PUT"}) {
		t.Errorf("writes are %v", got)
	}
}

func methods(server *gitlabtest.Server) (all []string) {
	for _, w := range server.Writes() {
		all = append(all, w.Method)
	}
	return all
}

func TestKeepFindsTheNoteBehindOthers(t *testing.T) {
	server, client, _ := start(t)
	mine := server.Add(gitlabtest.Me, false, marker+"old")
	for i := range 250 {
		server.Add(7, i%2 == 0, fmt.Sprint("comment ", i))
	}
	if kept := keep(t, client, "new"); kept.Created || kept.ID != mine {
		t.Errorf("kept %+v, want note %d", kept, mine)
	}
	if n := len(server.Notes()); n != 251 {
		t.Errorf("%d notes, want 251", n)
	}
}

func TestKeepWritesTheNewestOfItsOwn(t *testing.T) {
	server, client, _ := start(t)
	server.Add(gitlabtest.Me, false, marker+"oldest")
	newest := server.Add(gitlabtest.Me, false, marker+"newest")
	server.Add(gitlabtest.Me, false, "quotes "+marker)
	server.Add(gitlabtest.Me, false, Marker("other")+"another note")
	server.Add(gitlabtest.Me, true, marker+"said by the system")
	server.Add(7, false, marker+"somebody's copy")
	if kept := keep(t, client, "new"); kept.Created || kept.ID != newest {
		t.Errorf("kept %+v, want note %d", kept, newest)
	}
	for _, n := range server.Notes() {
		if n.Body == marker+"new" && n.ID != newest {
			t.Errorf("note %d was written too", n.ID)
		}
	}
}

func TestKeepWaitsForFaultsThatPass(t *testing.T) {
	for name, fault := range map[string]gitlabtest.Fault{
		"bad gateway":           {Status: http.StatusBadGateway},
		"too many":              {Status: http.StatusTooManyRequests},
		"connection is cut":     {},
		"created, answer lost":  {Method: "POST", Done: true},
		"created, and then 502": {Method: "POST", Status: http.StatusBadGateway, Done: true},
	} {
		t.Run(name, func(t *testing.T) {
			server, client, pauses := start(t)
			server.Fail(fault)
			keep(t, client, "text")
			if n := len(server.Notes()); n != 1 {
				t.Errorf("%d notes, want 1", n)
			}
			if !slices.Equal(*pauses, []time.Duration{time.Second}) {
				t.Errorf("pauses are %v", *pauses)
			}
		})
	}
}

func TestKeepWaitsAsLongAsGitLabAsks(t *testing.T) {
	for asked, want := range map[string]time.Duration{"7": 7 * time.Second, "86400": longestWait, "soon": time.Second} {
		server, client, pauses := start(t)
		server.Fail(gitlabtest.Fault{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": asked}})
		keep(t, client, "text")
		if !slices.Equal(*pauses, []time.Duration{want}) {
			t.Errorf("Retry-After %s: pauses are %v, want %v", asked, *pauses, want)
		}
	}
}

func TestKeepGivesUp(t *testing.T) {
	server, client, pauses := start(t)
	for range 10 {
		server.Fail(gitlabtest.Fault{Status: http.StatusServiceUnavailable})
	}
	_, err := client.Keep(t.Context(), marker, "text")
	if err == nil || !strings.Contains(err.Error(), "note on merge request 7: GitLab answers 503 Service Unavailable") {
		t.Errorf("error is %v", err)
	}
	if want := []time.Duration{1 * time.Second, 2 * time.Second, 4 * time.Second}; !slices.Equal(*pauses, want) {
		t.Errorf("pauses are %v, want %v", *pauses, want)
	}
}

func TestKeepEndsWithItsContext(t *testing.T) {
	server, client, _ := start(t)
	client.pause = pause
	server.Fail(gitlabtest.Fault{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "30"}})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := client.Keep(ctx, marker, "text")
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 20*time.Second {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
}

func TestKeepSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		variable, value, body, want string
	}{
		"token":         {"GITLAB_NOTE_TOKEN", "glpat-somebody-elses", "text", "GitLab answers 401 Unauthorized; the token in GITLAB_NOTE_TOKEN is expired, revoked, or of another GitLab"},
		"merge request": {"CI_MERGE_REQUEST_IID", "8", "text", "note on merge request 8: GitLab answers 404 Not Found; either there is no such merge request"},
		"project":       {"CI_MERGE_REQUEST_PROJECT_ID", "../../users", "text", "404 Not Found: Project Not Found; either"},
		"length":        {"", "", strings.Repeat("é", gitlabtest.NoteLimit), "400 Bad Request: Bad request - Note {:note=>[\"is too long (maximum is 1000000 characters)\"]}"},
	} {
		t.Run(name, func(t *testing.T) {
			server, _, _ := start(t)
			variables := server.Variables()
			variables[c.variable] = c.value
			client := newClient(t, variables)
			client.pause = func(context.Context, time.Duration) error { t.Error("tried again"); return nil }
			_, err := client.Keep(t.Context(), marker, c.body)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v\nwant        %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), variables["GITLAB_NOTE_TOKEN"]) {
				t.Errorf("the error has the token in it: %v", err)
			}
			if len(server.Notes()) > 0 {
				t.Error("a note was written")
			}
		})
	}
}

// A proxy that asks people to log in sends them elsewhere.
func TestTheTokenGoesNowhereElse(t *testing.T) {
	var elsewhere []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		elsewhere = append(elsewhere, r.Header.Get("PRIVATE-TOKEN"))
	}))
	defer other.Close()
	proxy := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer proxy.Close()
	client := newClient(t, map[string]string{"CI_API_V4_URL": proxy.URL, "CI_PROJECT_ID": "1", "CI_MERGE_REQUEST_IID": "2", "GITLAB_NOTE_TOKEN": "glpat-secret"})
	client.pause = func(context.Context, time.Duration) error { return nil }
	_, err := client.Keep(t.Context(), marker, "text")
	if err == nil || !strings.Contains(err.Error(), "which the token is not given to") || strings.Contains(err.Error(), "glpat-secret") {
		t.Errorf("error is %v", err)
	}
	if len(elsewhere) > 0 {
		t.Errorf("another server was asked, with %q", elsewhere)
	}
}

func TestKeepWantsGitLabsAnswer(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>Log in") }))
	defer page.Close()
	client := newClient(t, map[string]string{"CI_API_V4_URL": page.URL, "CI_PROJECT_ID": "1", "CI_MERGE_REQUEST_IID": "2", "GITLAB_NOTE_TOKEN": "x"})
	if _, err := client.Keep(t.Context(), marker, "text"); err == nil || !strings.Contains(err.Error(), "the answer is not that of GitLab's API") {
		t.Errorf("error is %v", err)
	}
}

func TestKeepTrustsTheAuthorityOfTheRunner(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/user", r.Method == http.MethodPost:
			_ = json.NewEncoder(w).Encode(map[string]int{"id": 5})
		default:
			fmt.Fprint(w, "[]")
		}
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{"CI_API_V4_URL": server.URL, "CI_PROJECT_ID": "1", "CI_MERGE_REQUEST_IID": "2", "GITLAB_NOTE_TOKEN": "x", "CI_SERVER_TLS_CA_FILE": file}
	if kept := keep(t, newClient(t, variables), "text"); !kept.Created {
		t.Errorf("kept %+v", kept)
	}

	if err := os.WriteFile(file, bytes.TrimPrefix(certificate, []byte("-----BEGIN")), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Job{API: server.URL, CAFile: file}); err == nil || !strings.Contains(err.Error(), "CI_SERVER_TLS_CA_FILE: "+file+" holds no certificates") {
		t.Errorf("error is %v", err)
	}
}

func TestJobFrom(t *testing.T) {
	_, err := JobFrom(func(string) string { return "" })
	if want := "this is no job of a merge request's pipeline: GitLab would have set CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID"; err == nil || err.Error() != want {
		t.Errorf("error is %v\nwant        %s", err, want)
	}
	fork := map[string]string{"CI_API_V4_URL": "https://gitlab.example/api/v4/", "CI_PROJECT_ID": "99", "CI_MERGE_REQUEST_PROJECT_ID": "1217", "CI_MERGE_REQUEST_IID": "7"}
	job, err := JobFrom(func(name string) string { return fork[name] })
	if want := (Job{API: "https://gitlab.example/api/v4", Project: "1217", MergeRequest: "7"}); err != nil || job != want {
		t.Errorf("job is %+v, %v; want %+v", job, err, want)
	}
	if _, err := New(Job{API: "gitlab.example"}); err == nil || !strings.Contains(err.Error(), `CI_API_V4_URL is "gitlab.example"`) {
		t.Errorf("error is %v", err)
	}
}

// The token that can only comment goes before the one that may do more.
func TestToken(t *testing.T) {
	for _, c := range []struct{ note, other, token, from string }{
		{"", "", "", ""},
		{"", "b\n", "b", "GITLAB_TOKEN"},
		{"a", "b", "a", "GITLAB_NOTE_TOKEN"},
		{" ", "b", "b", "GITLAB_TOKEN"},
	} {
		variables := map[string]string{"CI_API_V4_URL": "https://x/api/v4", "CI_PROJECT_ID": "1", "CI_MERGE_REQUEST_IID": "2", "GITLAB_NOTE_TOKEN": c.note, "GITLAB_TOKEN": c.other}
		job, err := JobFrom(func(name string) string { return variables[name] })
		if err != nil || job.Token != c.token || job.TokenFrom != c.from {
			t.Errorf("%q and %q give %q from %q, %v", c.note, c.other, job.Token, job.TokenFrom, err)
		}
	}
}
