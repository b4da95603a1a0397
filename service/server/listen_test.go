package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/server"
	"gitlab.com/towpath/towpath/service/workload"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// eventually polls until the condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(5 * time.Millisecond); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

func start(t testing.TB, env map[string]string, workloads ...workload.Workload) (*server.Server, *lines) {
	t.Helper()
	s, log := newServer(t, env, workloads...)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s, log
}

// dial opens a connection for writing requests by hand.
func dial(t testing.TB, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c, bufio.NewReader(c)
}

func read(t testing.TB, r *bufio.Reader) (*http.Response, string) {
	t.Helper()
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func metricsText(t testing.TB, s *server.Server) string {
	t.Helper()
	answer, err := http.Get("http://" + s.MetricsAddr() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 {
		t.Fatal(answer.Status, err)
	}
	return string(body)
}

func TestUnreadableRequests(t *testing.T) {
	s, log := start(t, map[string]string{"READ_TIMEOUT": "200ms", "BODY_LIMIT": "1KiB"}, fixture())
	defer s.Stop(0)
	tests := []struct {
		name, request string
		status        int
	}{
		{"no HTTP", "HELLO\r\n\r\n", 400},
		{"bad length", "POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n", 400},
		{"large header", "GET /ok HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", 431},
		{"large body", "POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 1025\r\n\r\n" + strings.Repeat("x", 1025), 413},
		{"large chunks", "POST /items HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n" + strings.Repeat("x", 1025) + "\r\n0\r\n\r\n", 413},
		{"body never comes", "POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", 408},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, r := dial(t, s.Addr())
			if _, err := io.WriteString(c, tt.request); err != nil {
				t.Fatal(err)
			}
			answer, body := read(t, r)
			if answer.StatusCode != tt.status || answer.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("got %d %s %s, want %d", answer.StatusCode, answer.Header.Get("Content-Type"), body, tt.status)
			}
			id := answer.Header.Get("X-Request-Id")
			if len(id) != 32 {
				t.Errorf("got request id %q", id)
			}
			if !answer.Close {
				t.Error("the connection stays open with half a request on it")
			}
			if got := log.last(t, "request"); got["request_id"] != id || got["status"] != float64(tt.status) || got["route"] != "unreadable" {
				t.Errorf("logged %v", got)
			}
		})
	}
	c, r := dial(t, s.Addr())
	fmt.Fprintf(c, "POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 1024\r\n\r\n%s", strings.Repeat("x", 1024))
	if answer, body := read(t, r); answer.StatusCode != 200 || len(body) != 1024 {
		t.Errorf("a body of just the limit: %d", answer.StatusCode)
	}
}

// A client that sends all of a large upload before it reads must still find the 413.
func TestLargeUploadIsToldSo(t *testing.T) {
	s, _ := start(t, nil, fixture())
	defer s.Stop(0)
	const length = 32 << 20
	c, r := dial(t, s.Addr())
	fmt.Fprintf(c, "POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", length)
	part := make([]byte, 1<<20)
	for range length / len(part) {
		if _, err := c.Write(part); err != nil {
			t.Fatalf("cut off while sending: %v", err)
		}
	}
	if answer, _ := read(t, r); answer.StatusCode != 413 {
		t.Errorf("got %d", answer.StatusCode)
	}
}

func TestConnectionLimit(t *testing.T) {
	s, _ := start(t, map[string]string{"MAX_CONNECTIONS": "2"}, fixture())
	defer s.Stop(0)
	const request = "GET /ok HTTP/1.1\r\nHost: x\r\n\r\n"
	ask := func(c net.Conn, r *bufio.Reader) int {
		io.WriteString(c, request)
		answer, _ := read(t, r)
		return answer.StatusCode
	}
	one, oneR := dial(t, s.Addr())
	two, twoR := dial(t, s.Addr())
	if a, b := ask(one, oneR), ask(two, twoR); a != 200 || b != 200 {
		t.Fatalf("within the limit: %d %d", a, b)
	}
	three, threeR := dial(t, s.Addr())
	io.WriteString(three, request)
	answer, body := read(t, threeR)
	if answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" || len(answer.Header.Get("X-Request-Id")) != 32 ||
		answer.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, `"status":503`) {
		t.Errorf("beyond the limit: %d %v %s", answer.StatusCode, answer.Header, body)
	}
	if text := metricsText(t, s); !strings.Contains(text, "http_connections_open 2\n") || !strings.Contains(text, "http_connections_refused_total 1\n") {
		t.Error("metrics do not show 2 open and 1 refused")
	}
	// The metrics' port has its own liveness, which no crowd can hide.
	if live, err := http.Get("http://" + s.MetricsAddr() + "/livez"); err != nil || live.StatusCode != 200 {
		t.Errorf("liveness under the limit: %v", err)
	}
	one.Close()
	eventually(t, "a place after one has left", func() bool {
		c, r := dial(t, s.Addr())
		defer c.Close()
		return ask(c, r) == 200
	})
}

func TestMetrics(t *testing.T) {
	s, _ := start(t, nil, fixture())
	defer s.Stop(0)
	for _, path := range []string{"/items/secret-1", "/items/secret-2", "/nowhere-3", "/error"} {
		answer, err := http.Get("http://" + s.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	text := metricsText(t, s)
	for _, want := range []string{
		`http_requests_total{method="GET",route="/items/:id",status="200"} 2`,
		`http_requests_total{method="GET",route="unmatched",status="404"} 1`,
		`http_requests_total{method="GET",route="/error",status="500"} 1`,
		`http_request_duration_seconds_count{method="GET",route="/items/:id"} 2`,
		`http_requests_in_flight 0`,
		`service_build_info{commit="abc",go="go1",version="v1.2.3"} 1`,
		`go_goroutines `,
		`process_open_fds `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, "secret") || strings.Contains(text, "nowhere") {
		t.Error("a path that a client chose is a label")
	}
	if answer, _ := send(t, s, "GET", "/metrics"); answer.StatusCode != 404 {
		t.Errorf("the service's own port answers /metrics with %d", answer.StatusCode)
	}
}

func TestTrustedProxy(t *testing.T) {
	ask := func(env map[string]string) string {
		s, log := start(t, env, fixture())
		defer s.Stop(0)
		r, _ := http.NewRequest("GET", "http://"+s.Addr()+"/ip", nil)
		r.Header.Set("X-Forwarded-For", "1.2.3.4, 192.0.2.1")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		if got := log.last(t, "request")["client"]; got != string(body) {
			t.Errorf("the log says %v, the handler %s", got, body)
		}
		return string(body)
	}
	if got := ask(nil); got != "127.0.0.1" {
		t.Errorf("nobody is trusted, and yet the client is %s", got)
	}
	if got := ask(map[string]string{"TRUSTED_PROXIES": "127.0.0.0/8"}); got != "192.0.2.1" {
		t.Errorf("behind a trusted proxy the client is %s", got)
	}
}

func TestPortTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	for _, name := range []string{"PORT", "METRICS_PORT"} {
		s, _ := newServer(t, map[string]string{name: port})
		if err := s.Start(); err == nil || !strings.Contains(err.Error(), "listen on "+name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// slow is a workload whose one request waits until it is released.
func slow() (w workload.Workload, entered, release chan struct{}) {
	entered, release = make(chan struct{}, 1), make(chan struct{})
	return workload.Workload{Name: "slow", Routes: []workload.Route{
		{Method: "GET", Path: "/slow", Handler: func(c *fiber.Ctx) error {
			entered <- struct{}{}
			<-release
			return c.SendString("done")
		}},
	}}, entered, release
}

func TestStopFinishesRequestsInFlight(t *testing.T) {
	w, entered, release := slow()
	s, _ := start(t, map[string]string{"SHUTDOWN_GRACE": patience.String()}, w)
	c, r := dial(t, s.Addr())
	io.WriteString(c, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	if text := metricsText(t, s); !strings.Contains(text, "http_requests_in_flight 1\n") {
		t.Error("the request is not counted as in flight")
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(0) }()
	eventually(t, "the listener to close", func() bool {
		c, err := net.Dial("tcp", s.Addr())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	select {
	case err := <-stopped:
		t.Fatalf("stopped with a request in flight: %v", err)
	default:
	}
	metricsText(t, s) // still served
	close(release)
	answer, body := read(t, r)
	if answer.StatusCode != 200 || body != "done" || !answer.Close {
		t.Errorf("got %d %q, close %t", answer.StatusCode, body, answer.Close)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + s.MetricsAddr() + "/metrics"); err == nil {
		t.Error("the metrics outlive the service")
	}
}

func TestStopDrainsFirst(t *testing.T) {
	s, _ := start(t, nil, fixture())
	const delay = 500 * time.Millisecond
	before := time.Now()
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(delay) }()
	status := func(path string) (int, bool) {
		answer, err := http.Get("http://" + s.Addr() + path)
		if err != nil {
			t.Fatalf("%s during the drain delay: %v", path, err)
		}
		answer.Body.Close()
		return answer.StatusCode, answer.Close
	}
	eventually(t, "readiness to fail", func() bool {
		code, _ := status("/readyz")
		return code == 503
	})
	if code, closes := status("/ok"); code != 200 || !closes {
		t.Errorf("while draining: %d, close %t", code, closes)
	}
	if code, _ := status("/livez"); code != 200 {
		t.Errorf("while draining liveness gives %d", code)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if took := time.Since(before); took < delay {
		t.Errorf("stopped after %v, before the delay of %v", took, delay)
	}
}

func TestStopGivesUpAfterTheGrace(t *testing.T) {
	w, entered, release := slow()
	s, _ := start(t, map[string]string{"SHUTDOWN_GRACE": "1s"}, w)
	defer close(release)
	c, _ := dial(t, s.Addr())
	io.WriteString(c, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	if err := s.Stop(0); err == nil || !strings.Contains(err.Error(), "still in flight after 1s") {
		t.Errorf("got %v", err)
	}
}

func TestStopRightAfterStart(t *testing.T) {
	for range 20 {
		s, _ := start(t, nil, fixture())
		if err := s.Stop(0); err != nil {
			t.Fatal(err)
		}
	}
}
