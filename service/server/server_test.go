package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/build"
	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/logging"
	"gitlab.com/towpath/towpath/service/problem"
	"gitlab.com/towpath/towpath/service/server"
	"gitlab.com/towpath/towpath/service/workload"
	"gitlab.com/towpath/towpath/service/workload/workloadtest"
)

var testBuild = build.Info{Version: "v1.2.3", Commit: "abc", Go: "go1"}

// testConfig is the default configuration on free ports of the loopback, changed by env.
func testConfig(t testing.TB, env map[string]string) config.Config {
	t.Helper()
	values := map[string]string{"HOST": "127.0.0.1", "PORT": "0", "METRICS_PORT": "0"}
	for name, value := range env {
		values[name] = value
	}
	cfg, err := config.Load(func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// lines collects log lines.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// all returns the log so far, a map per line.
func (l *lines) all(t testing.TB) (logged []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		logged = append(logged, m)
	}
	return logged
}

// last returns the newest line with this message.
func (l *lines) last(t testing.TB, message string) map[string]any {
	t.Helper()
	all := l.all(t)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i]["msg"] == message {
			return all[i]
		}
	}
	t.Fatalf("no %q in %v", message, all)
	return nil
}

// fixture is a workload with a route for each thing that can happen.
func fixture() workload.Workload {
	get := func(path string, h fiber.Handler) workload.Route {
		return workload.Route{Method: "GET", Path: path, Handler: h}
	}
	return workload.Workload{Name: "fixture", Routes: []workload.Route{
		get("/ok", func(c *fiber.Ctx) error { return c.SendString("fine") }),
		get("/items/:id", func(c *fiber.Ctx) error { return c.SendString(c.Params("id")) }),
		get("/ip", func(c *fiber.Ctx) error { return c.SendString(c.IP()) }),
		get("/id", func(c *fiber.Ctx) error { return c.SendString(c.Get("X-Request-Id")) }),
		get("/panic", func(*fiber.Ctx) error { panic("SELECT * FROM /etc/passwd") }),
		get("/error", func(*fiber.Ctx) error { return errors.New("SELECT * FROM /etc/passwd") }),
		get("/library", func(*fiber.Ctx) error { return fiber.NewError(422, "parser.go:12: SELECT") }),
		get("/unavailable", func(*fiber.Ctx) error { return fiber.NewError(503, "SELECT") }),
		get("/problem", func(*fiber.Ctx) error {
			return problem.New(409, "The name is taken.", problem.Field{Field: "name", Detail: "is taken"})
		}),
		get("/reset", func(c *fiber.Ctx) error {
			c.Context().Error("gone", 410) // fasthttp's helpers drop all headers
			return nil
		}),
		{Method: "POST", Path: "/items", Handler: func(c *fiber.Ctx) error { return c.Send(c.Body()) }},
	}}
}

func newServer(t testing.TB, env map[string]string, workloads ...workload.Workload) (*server.Server, *lines) {
	t.Helper()
	cfg := testConfig(t, env)
	log := new(lines)
	s, err := server.New(cfg, logging.New(log, cfg.LogFormat, cfg.LogLevel), testBuild, workloads...)
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

// send makes a request in memory; headers are name, value pairs.
func send(t testing.TB, s *server.Server, method, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return workloadtest.Send(t, s.App(), r)
}

func TestAnswers(t *testing.T) {
	s, _ := newServer(t, nil, fixture())
	tests := []struct {
		method, path string
		status       int
		allow        string
		body         string // exact unless empty
	}{
		{"GET", "/ok", 200, "", "fine"},
		{"GET", "/ok?q=1", 200, "", "fine"},
		{"HEAD", "/ok", 200, "", ""},
		{"GET", "/items/7", 200, "", "7"},
		{"POST", "/ok", 405, "GET, HEAD", ""},
		{"OPTIONS", "/ok", 405, "GET, HEAD", ""},
		{"BREW", "/ok", 405, "GET, HEAD", ""},
		{"GET", "/items", 405, "POST", ""},
		{"HEAD", "/items", 405, "POST", ""},
		{"GET", "/ok/", 404, "", ""},
		{"GET", "/OK", 404, "", ""},
		{"GET", "//ok", 404, "", ""},
		{"GET", "/nowhere", 404, "", ""},
		{"BREW", "/nowhere", 404, "", ""},
		{"GET", "/problem", 409, "", `{"type":"about:blank","title":"Conflict","status":409,"detail":"The name is taken.","errors":[{"field":"name","detail":"is taken"}]}`},
		{"GET", "/panic", 500, "", ""},
		{"GET", "/error", 500, "", ""},
		{"GET", "/library", 422, "", ""},
		{"GET", "/unavailable", 500, "", ""},
		{"GET", "/reset", 410, "", "gone"},
		{"GET", "/livez", 200, "", "ok\n"},
		{"GET", "/readyz", 200, "", "ok\n"},
		{"GET", "/version", 200, "", `{"version":"v1.2.3","commit":"abc","go":"go1"}`},
		{"DELETE", "/readyz", 405, "GET, HEAD", ""},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			answer, body := send(t, s, tt.method, tt.path)
			if answer.StatusCode != tt.status {
				t.Errorf("got %d, want %d", answer.StatusCode, tt.status)
			}
			if got := answer.Header.Get("Allow"); got != tt.allow {
				t.Errorf("got Allow %q, want %q", got, tt.allow)
			}
			if tt.body != "" && body != tt.body {
				t.Errorf("got %q, want %q", body, tt.body)
			}
			if len(answer.Header.Get("X-Request-Id")) != 32 {
				t.Errorf("got request id %q", answer.Header.Get("X-Request-Id"))
			}
			if tt.status >= 400 && tt.path != "/reset" && tt.method != "HEAD" {
				var p problem.Problem
				if err := json.Unmarshal([]byte(body), &p); err != nil || p.Status != tt.status || p.Type == "" || p.Title == "" {
					t.Errorf("not a problem: %q", body)
				}
				if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
					t.Errorf("got %s", got)
				}
			}
			for _, leak := range []string{"SELECT", "passwd", ".go", "goroutine", "nowhere"} {
				if strings.Contains(body, leak) {
					t.Errorf("%q leaks %s", body, leak)
				}
			}
		})
	}
}

func TestHeadSaysWhatGetWouldSend(t *testing.T) {
	s, _ := newServer(t, nil, fixture())
	for _, path := range []string{"/ok", "/items/12345", "/version", "/problem", "/nowhere"} {
		get, body := send(t, s, "GET", path)
		head, none := send(t, s, "HEAD", path)
		if head.StatusCode != get.StatusCode || head.ContentLength != int64(len(body)) || none != "" {
			t.Errorf("%s: HEAD gave %d %d %q, GET %d with %d bytes", path, head.StatusCode, head.ContentLength, none, get.StatusCode, len(body))
		}
	}
}

func TestRequestID(t *testing.T) {
	s, _ := newServer(t, nil, fixture())
	for _, id := range []string{"a", "0f8fad5b-d9cb-469f-a165-70867728950e", "Root=1:2/3+4~5.6_7", strings.Repeat("x", 128)} {
		answer, body := send(t, s, "GET", "/id", "X-Request-Id", id)
		if got := answer.Header.Get("X-Request-Id"); got != id || body != id {
			t.Errorf("sent %q, handler saw %q, answer has %q", id, body, got)
		}
	}
	for _, id := range []string{"", "two words", `quote"`, "ünï", "<script>", strings.Repeat("x", 129)} {
		answer, body := send(t, s, "GET", "/id", "X-Request-Id", id)
		if got := answer.Header.Get("X-Request-Id"); len(got) != 32 || got == id || body != got {
			t.Errorf("sent %q, handler saw %q, answer has %q", id, body, got)
		}
	}
	one, _ := send(t, s, "GET", "/ok")
	two, _ := send(t, s, "GET", "/ok")
	if one.Header.Get("X-Request-Id") == two.Header.Get("X-Request-Id") {
		t.Error("two requests have one id")
	}
}

func TestAccessLog(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	s, log := newServer(t, nil, fixture())
	send(t, s, "GET", "/items/7?token=s3cret", "X-Request-Id", "abc", "Traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	got := log.last(t, "request")
	want := map[string]any{
		"level": "INFO", "method": "GET", "route": "/items/:id", "path": "/items/7", "status": 200.0, "bytes": 1.0,
		"client": "0.0.0.0", "request_id": "abc", "trace_id": trace,
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s is %v, want %v", key, got[key], value)
		}
	}
	if us, ok := got["duration_us"].(float64); !ok || us < 0 || us > 60e6 {
		t.Errorf("duration_us is %v", got["duration_us"])
	}
	if text := log.text.String(); strings.Contains(text, "s3cret") {
		t.Errorf("the query is in the log: %s", text)
	}

	send(t, s, "GET", "/nowhere")
	if got := log.last(t, "request"); got["route"] != "unmatched" || got["trace_id"] != nil {
		t.Errorf("got %v", got)
	}
	send(t, s, "GET", "/error")
	if got := log.last(t, "request"); got["level"] != "ERROR" {
		t.Errorf("a 500 is logged as %v", got["level"])
	}
	if got := log.last(t, "request failed"); got["error"] != "SELECT * FROM /etc/passwd" || got["request_id"] == "" {
		t.Errorf("got %v", got)
	}
	before := len(log.all(t))
	send(t, s, "GET", "/livez")
	if after := len(log.all(t)); after != before {
		t.Error("a probe is logged above debug")
	}
}

func TestPanicIsLogged(t *testing.T) {
	s, log := newServer(t, nil, fixture())
	answer, _ := send(t, s, "GET", "/panic")
	got := log.last(t, "panic")
	if got["reason"] != "SELECT * FROM /etc/passwd" || got["request_id"] != answer.Header.Get("X-Request-Id") {
		t.Errorf("got %v", got)
	}
	if stack, _ := got["stack"].(string); !strings.Contains(stack, "fixture") {
		t.Errorf("the stack does not lead to the handler: %s", stack)
	}
	if answer, body := send(t, s, "GET", "/ok"); answer.StatusCode != 200 || body != "fine" {
		t.Errorf("after a panic: %d %q", answer.StatusCode, body)
	}
}

func TestReadinessChecks(t *testing.T) {
	var broken error
	w := fixture()
	w.Checks = []workload.Check{
		{Name: "database", Run: func(ctx context.Context) error {
			if _, ok := ctx.Deadline(); !ok {
				return errors.New("no deadline")
			}
			return broken
		}},
		{Name: "migrations", Run: func(context.Context) error { return nil }},
	}
	s, log := newServer(t, nil, w)
	if answer, body := send(t, s, "GET", "/readyz"); answer.StatusCode != 200 {
		t.Errorf("got %d %s", answer.StatusCode, body)
	}
	broken = errors.New("dial tcp 10.1.2.3:5432: refused")
	answer, body := send(t, s, "GET", "/readyz")
	if answer.StatusCode != 503 || !strings.Contains(body, `[{"field":"database","detail":"does not hold"}]`) {
		t.Errorf("got %d %s", answer.StatusCode, body)
	}
	if strings.Contains(body, "10.1.2.3") {
		t.Errorf("the reason reaches the client: %s", body)
	}
	if got := log.last(t, "not ready"); got["check"] != "database" || got["error"] != broken.Error() {
		t.Errorf("got %v", got)
	}
	if answer, _ := send(t, s, "GET", "/livez"); answer.StatusCode != 200 {
		t.Error("liveness depends on something outside the process")
	}
}

func TestClashesAreFoundAtStart(t *testing.T) {
	route := func(path string) workload.Workload {
		w := fixture()
		w.Name, w.Routes = "other", w.Routes[:1]
		w.Routes[0].Path = path
		return w
	}
	discard := slog.New(slog.DiscardHandler)
	for path, want := range map[string]string{
		"/ok":     "other: GET /ok is taken by fixture: GET /ok",
		"/readyz": "other: GET /readyz is taken by probes: GET /readyz",
	} {
		_, err := server.New(testConfig(t, nil), discard, testBuild, fixture(), route(path))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := server.New(testConfig(t, nil), discard, testBuild, fixture(), route("/other")); err != nil {
		t.Error(err)
	}
}
