package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/problem"
	"gitlab.com/towpath/towpath/service/workload"
	"gitlab.com/towpath/towpath/service/workload/workloadtest"
)

// uploads is a workload with a route that takes a large body as a stream, up to 4 MiB.
func uploads() workload.Workload {
	return workload.Workload{Name: "uploads", Routes: []workload.Route{
		{Method: "POST", Path: "/upload", BodyLimit: 4 << 20, Handler: func(c *fiber.Ctx) error {
			stream := c.Context().RequestBodyStream()
			if stream == nil {
				stream = strings.NewReader("")
			}
			if c.Query("look") == "away" {
				return problem.New(401, "")
			}
			n, err := io.Copy(io.Discard, stream)
			if err != nil {
				return problem.New(400, "")
			}
			return c.SendString(fmt.Sprint(n))
		}},
	}}
}

func TestBodies(t *testing.T) {
	s, _ := start(t, map[string]string{"BODY_LIMIT": "10KiB"}, fixture(), uploads())
	defer s.Stop(0)
	text := func(n int) string { return strings.Repeat("0123456789", n/10+1)[:n] }
	tests := []struct {
		path   string
		size   int
		status int
	}{
		{"/items", 0, 200}, {"/items", 1, 200}, {"/items", 511, 200}, {"/items", 512, 200}, {"/items", 8191, 200}, {"/items", 8192, 200},
		{"/items", 8193, 200}, {"/items", 10 << 10, 200}, {"/items", 10<<10 + 1, 413}, {"/items", 5 << 20, 413},
		{"/upload", 0, 200}, {"/upload", 3 << 20, 200}, {"/upload", 4 << 20, 200}, {"/upload", 4<<20 + 1, 413},
		{"/upload?look=away", 3 << 20, 401}, {"/upload?look=away", 10, 401},
		{"/nowhere", 8 << 10, 404}, {"/nowhere", 4 << 20, 413},
	}
	for _, tt := range tests {
		for _, chunked := range []bool{false, true} {
			if chunked && tt.path == "/upload" && tt.status == 413 {
				continue // of an unknown length, the limit is the handler's
			}
			t.Run(fmt.Sprintf("%s %d chunked=%t", tt.path, tt.size, chunked), func(t *testing.T) {
				body := io.Reader(strings.NewReader(text(tt.size)))
				if chunked {
					body = struct{ io.Reader }{body} // hides its length
				}
				answer, err := http.Post("http://"+s.Addr()+tt.path, "text/plain", body)
				if err != nil {
					t.Fatal(err)
				}
				defer answer.Body.Close()
				got, err := io.ReadAll(answer.Body)
				if err != nil || answer.StatusCode != tt.status {
					t.Fatalf("got %d %.50s, %v", answer.StatusCode, got, err)
				}
				switch {
				case tt.status != 200:
				case tt.path == "/items" && string(got) != text(tt.size):
					t.Errorf("the handler saw %d bytes of %d", len(got), tt.size)
				case tt.path == "/upload" && string(got) != fmt.Sprint(tt.size):
					t.Errorf("the handler saw %s bytes of %d", got, tt.size)
				}
			})
		}
	}
}

// What follows a body is the next request; what was left of a body never is.
func TestBodyIsNeverTakenForARequest(t *testing.T) {
	s, _ := start(t, nil, fixture(), uploads())
	defer s.Stop(0)
	c, r := dial(t, s.Addr())
	fmt.Fprint(c, "POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcPOST /items HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+
		"2\r\nde\r\n0\r\n\r\nGET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
	for _, want := range []string{"abc", "de", "fine"} {
		if answer, body := read(t, r); answer.StatusCode != 200 || body != want {
			t.Errorf("got %d %q, want %q", answer.StatusCode, body, want)
		}
	}
	const smuggled = "GET /items/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, head := range []string{
		"POST /upload?look=away HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 20000),
		"POST /upload?look=away HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n",
	} {
		c, r := dial(t, s.Addr())
		fmt.Fprint(c, head, smuggled)
		answer, _ := read(t, r)
		if answer.StatusCode != 401 && answer.StatusCode != 413 || !answer.Close {
			t.Errorf("got %d, close %t", answer.StatusCode, answer.Close)
		}
		c.(interface{ CloseWrite() error }).CloseWrite()
		if rest, _ := io.ReadAll(r); strings.Contains(string(rest), "smuggled") {
			t.Errorf("the body was taken for a request: %s", rest)
		}
	}
}

// A body that ends early is no body.
func TestTruncatedBody(t *testing.T) {
	s, _ := start(t, map[string]string{"READ_TIMEOUT": "200ms"}, fixture(), uploads())
	defer s.Stop(0)
	for _, path := range []string{"/items", "/upload"} {
		c, r := dial(t, s.Addr())
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\nhalf", path)
		c.(interface{ CloseWrite() error }).CloseWrite()
		if answer, err := http.ReadResponse(bufio.NewReader(r), nil); err != nil || answer.StatusCode != 400 {
			t.Errorf("%s: got %v, %v", path, answer, err)
		}
	}
	c, r := dial(t, s.Addr())
	fmt.Fprint(c, "POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\nhalf")
	if answer, _ := read(t, r); answer.StatusCode != 408 {
		t.Errorf("a body that never comes: got %d", answer.StatusCode)
	}
}

// People get pages, programs get problems.
func TestErrorsForBrowsers(t *testing.T) {
	s, _ := newServer(t, nil, fixture())
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for path, status := range map[string]int{"/nowhere": 404, "/items": 405, "/panic": 500, "/error": 500, "/problem": 409} {
		for accept, want := range map[string]string{
			browser: "text/html; charset=utf-8", "*/*": "application/problem+json", "": "application/problem+json",
			"application/json": "application/problem+json", "text/html;q=0": "application/problem+json",
		} {
			answer, body := send(t, s, "GET", path, "Accept", accept)
			if answer.StatusCode != status || answer.Header.Get("Content-Type") != want {
				t.Errorf("%s for %q: got %d %s", path, accept, answer.StatusCode, answer.Header.Get("Content-Type"))
			}
			if strings.Contains(body, "passwd") || !strings.Contains(answer.Header.Get("Vary"), "Accept") {
				t.Errorf("%s for %q: %v\n%s", path, accept, answer.Header, body)
			}
		}
	}
	r := httptest.NewRequest("POST", "/items", strings.NewReader(strings.Repeat("x", 2<<20)))
	r.Header.Set("Accept", browser)
	answer, _ := workloadtest.Send(t, s.App(), r)
	if answer.StatusCode != 413 || answer.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("got %d %s", answer.StatusCode, answer.Header.Get("Content-Type"))
	}
}
