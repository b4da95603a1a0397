package argocd_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/argocd"
)

const token = "header.payload.very-secret"

func variables(server, token string) func(string) string {
	return func(name string) string {
		return map[string]string{argocd.ServerVariable: server, argocd.TokenVariable: token}[name]
	}
}

// serve returns a client of a server that answers so.
func serve(t *testing.T, handler http.HandlerFunc) *argocd.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client, err := argocd.FromEnvironment(variables(server.URL, token), "")
	if err != nil {
		t.Fatal(err)
	}
	argocd.Hurry(client)
	return client
}

// application is what the types of Argo CD give; argocd/verify writes it.
func application(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/application.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestApplication(t *testing.T) {
	t.Parallel()
	body := application(t)
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer "+token {
			t.Errorf("Authorization is %q", got)
		}
		want := "GET /api/v1/applications/service?appNamespace=argocd-stage&project=stage"
		if got := r.Method + " " + r.URL.String(); got != want {
			t.Errorf("asked for %s, want %s", got, want)
		}
		w.Write(body)
	})
	got, err := client.Application(t.Context(), "argocd-stage", "service")
	if err != nil {
		t.Fatal(err)
	}
	want := argocd.Application{
		Namespace: "argocd-stage", Name: "service",
		Sync: "OutOfSync", Health: "Degraded",
		Revision: "1111111111222222222233333333334444444444", LastSync: "5555555555666666666677777777778888888888",
		Images: []string{"registry.example/service:0.2.0", "registry.example/sidecar:1"}, Syncing: true,
		OperationPhase: "Failed", OperationMessage: "one or more objects failed to apply",
		Conditions:   []argocd.Condition{{Type: "ComparisonError", Message: "the chart does not render"}},
		Unhealthy:    []argocd.Object{{Kind: "Deployment", Name: "service", Health: "Degraded", Message: "its pods restart again and again"}},
		ReconciledAt: time.Date(2025, 3, 5, 12, 30, 0, 0, time.UTC),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if got.Ready() {
		t.Error("an Application that is neither synced nor healthy is ready")
	}
	if got.Deployed() != want.LastSync {
		t.Errorf("out of sync it runs %s, want what was synced last, %s", got.Deployed(), want.LastSync)
	}
	problems := []string{
		"ComparisonError: the chart does not render", "sync failed: one or more objects failed to apply",
		"Deployment service is Degraded: its pods restart again and again",
	}
	if d := cmp.Diff(problems, got.Problems()); d != "" {
		t.Errorf("problems: -want +got\n%s", d)
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	good := argocd.Application{Sync: "Synced", Health: "Healthy", Revision: "a", LastSync: "b", OperationPhase: "Failed", OperationMessage: "earlier"}
	if !good.Ready() || good.Deployed() != "a" || len(good.Problems()) != 0 {
		t.Errorf("ready %t, deployed %s, problems %q", good.Ready(), good.Deployed(), good.Problems())
	}
	for name, spoil := range map[string]func(*argocd.Application){
		"out of sync": func(a *argocd.Application) { a.Sync = "OutOfSync" },
		"not healthy": func(a *argocd.Application) { a.Health = "Progressing" },
		"syncing":     func(a *argocd.Application) { a.Syncing = true },
	} {
		app := good
		spoil(&app)
		if app.Ready() {
			t.Errorf("%s, and ready", name)
		}
	}
}

// What is asked of Git must not be what others wrote.
func TestRevisionIsCommit(t *testing.T) {
	t.Parallel()
	for revision, want := range map[string]bool{
		strings.Repeat("0123456789", 4):    true,
		strings.Repeat("abcdef01", 8):      true,
		"--upload-pack=touch /tmp/x":       false,
		"HEAD\n" + strings.Repeat("a", 35): false,
		strings.Repeat("A", 40):            false,
		"1.2.3":                            false,
		strings.Repeat("0", 39) + "\n":     false,
	} {
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"metadata":{"namespace":"argocd-stage","name":"service"},"status":{"sync":{"revision":%q},"history":[{"revision":%q}]}}`, revision, revision)
		})
		app, err := client.Application(t.Context(), "argocd-stage", "service")
		if err != nil {
			t.Fatal(err)
		}
		if got := app.Revision == revision && app.LastSync == revision; got != want || !want && app.Revision+app.LastSync != "" {
			t.Errorf("%q: revision %q, last sync %q", revision, app.Revision, app.LastSync)
		}
	}
}

// What a program of another namespace is asked for: its project could be any.
func TestOtherNamespace(t *testing.T) {
	t.Parallel()
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("project") {
			t.Errorf("asked with a project: %s", r.URL)
		}
		http.Error(w, `{"error":"permission denied","code":7,"message":"permission denied"}`, http.StatusForbidden)
	})
	if _, err := client.Application(t.Context(), "argocd", "stage-root"); !errors.Is(err, argocd.ErrUnauthorized) {
		t.Error(err)
	}
}

func TestFromEnvironment(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ server, token, want string }{
		{"argocd.example", token, "https://argocd.example"},
		{"argocd.example:8443", token, "https://argocd.example:8443"},
		{" argocd.example\n", " " + token + "\n", "https://argocd.example"},
		{"localhost:8080", token, "https://localhost:8080"},
		{"https://argocd.example/argo/", token, "https://argocd.example/argo"},
		{"http://argocd-server.argocd.svc", token, "http://argocd-server.argocd.svc"},
		{"[::1]:8080", token, "https://[::1]:8080"},
		{"", "", "error: no Argo CD is configured: set ARGOCD_SERVER and ARGOCD_AUTH_TOKEN"},
		{"", token, "error: no Argo CD is configured: set ARGOCD_SERVER and ARGOCD_AUTH_TOKEN"},
		{"argocd.example", " ", "error: no Argo CD is configured: ARGOCD_SERVER is set, and ARGOCD_AUTH_TOKEN is not"},
		{"argocd.example", token + "\r\nX: y", "error: ARGOCD_AUTH_TOKEN has characters in it that no token has, such as a space or a line end"},
		{"ftp://argocd.example", token, "error: ARGOCD_SERVER begins with ftp://; Argo CD is reached by https, or by http"},
		{"https://admin:hunter2@argocd.example", token, "error: ARGOCD_SERVER has a user in it; the token belongs into ARGOCD_AUTH_TOKEN, and nothing else is needed"},
		{"https://", token, "error: ARGOCD_SERVER is no address: write HOST, HOST:PORT or https://HOST"},
		{"argocd.example?x=y", token, "error: ARGOCD_SERVER is no address: write HOST, HOST:PORT or https://HOST"},
		{"argo cd", token, "error: ARGOCD_SERVER is no address: write HOST, HOST:PORT or https://HOST"},
	} {
		client, err := argocd.FromEnvironment(variables(test.server, test.token), "")
		var got string
		if err != nil {
			got = "error: " + err.Error()
			if want := strings.Contains(test.want, "no Argo CD is configured"); errors.Is(err, argocd.ErrNotConfigured) != want {
				t.Errorf("%q: is it ErrNotConfigured? %t, want %t", test.server, !want, want)
			}
		} else {
			got = argocd.Base(client)
		}
		if got != test.want {
			t.Errorf("%q: %s\nwant %s", test.server, got, test.want)
		}
	}
}

func TestAuthority(t *testing.T) {
	t.Parallel()
	body := application(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }))
	server.Config.ErrorLog = silent()
	server.StartTLS()
	defer server.Close()
	dir := t.TempDir()
	authority, empty := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "empty.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := errors.Join(os.WriteFile(authority, block, 0o644), os.WriteFile(empty, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(server.URL, "https://") // Without a scheme it is https.
	client, err := argocd.FromEnvironment(variables(host, token), authority)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Application(t.Context(), "argocd-stage", "service"); err != nil {
		t.Errorf("with the authority: %v", err)
	}
	if client, err = argocd.FromEnvironment(variables(host, token), ""); err != nil {
		t.Fatal(err)
	}
	_, err = client.Application(t.Context(), "argocd-stage", "service")
	if !errors.Is(err, argocd.ErrUnreachable) || !strings.Contains(err.Error(), "is not trusted") {
		t.Errorf("without the authority: %v", err)
	}
	for _, file := range []string{empty, filepath.Join(dir, "missing.pem")} {
		if _, err := argocd.FromEnvironment(variables(host, token), file); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// Whatever goes wrong, the error is of its kind, says what to do, and does not
// hold the token, even if the server repeats it.
func TestErrors(t *testing.T) {
	t.Parallel()
	denied := fmt.Sprintf(`{"error":"no: %s","code":7,"message":"no: %s"}`, token, token)
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		kind   error
		text   string
	}{
		"wrong token": {
			func(w http.ResponseWriter, _ *http.Request) { http.Error(w, denied, http.StatusUnauthorized) },
			argocd.ErrUnauthorized, `it is wrong, has expired or was taken back; it says "no: TOKEN"`,
		},
		"may not": {
			func(w http.ResponseWriter, _ *http.Request) { http.Error(w, denied, http.StatusForbidden) },
			argocd.ErrUnauthorized, `may not get argocd-stage/service; it says "no: TOKEN"`,
		},
		"missing": {
			func(w http.ResponseWriter, _ *http.Request) { http.Error(w, denied, http.StatusNotFound) },
			argocd.ErrNotFound, "argocd-stage/service at 127.0.0.1:",
		},
		"another server": {
			func(w http.ResponseWriter, _ *http.Request) { http.NotFound(w, nil) },
			argocd.ErrUnreachable, "answers 404 Not Found",
		},
		"broken": {
			func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, `{"message":"\u001b[31m`+strings.Repeat("long ", 100)+`"}`, http.StatusInternalServerError)
			},
			argocd.ErrUnreachable, `answers 500 Internal Server Error; it says "\x1b[31mlong `,
		},
		"a page to log in": {
			func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>"+token) },
			argocd.ErrUnreachable, "is not the Application argocd-stage/service; is it the address of an Argo CD?",
		},
		"another Application": {
			func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, `{"metadata":{"namespace":"argocd-prod","name":"service"}}`)
			},
			argocd.ErrUnreachable, "is not the Application argocd-stage/service",
		},
		"too long": {
			func(w http.ResponseWriter, _ *http.Request) { // Without an end.
				for err := error(nil); err == nil; {
					_, err = w.Write(make([]byte, 1<<20))
				}
			},
			argocd.ErrUnreachable, "longer than 8 MiB",
		},
		"cut off": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				fmt.Fprint(w, "{")
			},
			argocd.ErrUnreachable, "unexpected EOF",
		},
		"too late": {
			func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			argocd.ErrUnreachable, "no answer from 127.0.0.1:",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := serve(t, test.answer)
			if name == "too late" {
				argocd.GiveUpAfter(client, 20*time.Millisecond)
			}
			_, err := client.Application(t.Context(), "argocd-stage", "service")
			if !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%v\nwant %v with %q", err, test.kind, test.text)
			}
			if err != nil && (strings.Contains(err.Error(), token) || strings.ContainsRune(err.Error(), '\x1b') || len(err.Error()) > 500) {
				t.Errorf("the error holds the token, acts on the terminal or is too long: %q", err)
			}
		})
	}
}

// A server elsewhere must not be sent the token.
func TestRedirect(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("asked elsewhere, with Authorization %q", r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+"/login?"+token, http.StatusFound)
	})
	_, err := client.Application(t.Context(), "argocd-stage", "service")
	if !errors.Is(err, argocd.ErrUnreachable) || !strings.Contains(err.Error(), `redirects to "`+elsewhere.URL+`"`) || strings.Contains(err.Error(), token) {
		t.Error(err)
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(nil)
	server.Close()
	client, err := argocd.FromEnvironment(variables(server.URL, token), "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Application(t.Context(), "argocd-stage", "service")
	if !errors.Is(err, argocd.ErrUnreachable) || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Application(ctx, "argocd-stage", "service"); !errors.Is(err, context.Canceled) || errors.Is(err, argocd.ErrUnreachable) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestBusy(t *testing.T) {
	t.Parallel()
	body := application(t)
	for _, code := range []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
		var asked atomic.Int32
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) < argocd.Attempts {
				w.WriteHeader(code)
				return
			}
			w.Write(body)
		})
		if _, err := client.Application(t.Context(), "argocd-stage", "service"); err != nil || asked.Load() != argocd.Attempts {
			t.Errorf("%d: asked %d times: %v", code, asked.Load(), err)
		}
	}
	// It does not ask for ever, and what can't change it asks once.
	for code, want := range map[int]int32{http.StatusServiceUnavailable: argocd.Attempts, http.StatusInternalServerError: 1, http.StatusUnauthorized: 1} {
		var asked atomic.Int32
		client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.WriteHeader(code)
		})
		if _, err := client.Application(t.Context(), "argocd-stage", "service"); err == nil || asked.Load() != want {
			t.Errorf("%d: asked %d times, want %d: %v", code, asked.Load(), want, err)
		}
	}
}

// A server may say how long to wait, within reason.
func TestPause(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{"3": 3 * time.Second, "86400": argocd.MaxPause, "": time.Second} {
		answer := &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{}}
		if header != "" {
			answer.Header.Set("Retry-After", header)
		}
		if got := argocd.Pause(time.Second, 30*time.Second, 0, answer); got != want {
			t.Errorf("Retry-After %q: %s, want %s", header, got, want)
		}
	}
}
