package load_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/e2e/load"
)

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// until polls, as the load takes the time that it takes.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 20 s: ", what)
		}
	}
}

func TestEachRequestIsCounted(t *testing.T) {
	var served, connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		served.Add(1)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	l := load.Start(load.Config{URL: server.URL, Dial: dial, Fresh: 50, Kept: 2, Slow: 1, SlowTime: 50 * time.Millisecond})
	until(t, "40 requests", func() bool { return served.Load() >= 40 })
	result := l.Stop()
	if int64(result.Requests) != served.Load() || len(result.Failures) != 0 {
		t.Errorf("%s, though %d were answered: %v", result, served.Load(), result.Failures)
	}
	if n := connections.Load(); n >= served.Load() || n < 5 {
		t.Errorf("%d connections for %d requests, some of which share one", n, served.Load())
	}
}

func TestFailuresAreSeen(t *testing.T) {
	for _, c := range []struct {
		name, want string
		handler    http.HandlerFunc
	}{
		{"status", "503", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }},
		{"no answer", "EOF", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"half an answer", "half an answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("ten bytes."))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			l := load.Start(load.Config{URL: server.URL, Dial: dial, Fresh: 50})
			until(t, "a failure", func() bool { return len(l.SoFar().Failures) > 0 })
			result := l.Stop()
			if len(result.Failures) != result.Requests || !strings.Contains(result.Failures[0].String(), c.want) || result.Failures[0].Refused {
				t.Errorf("%s, and no %q in %v", result, c.want, result.Failures)
			}
		})
	}
}

func TestRefusedRequestIsToldApart(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close() // Nobody listens there now.
	l := load.Start(load.Config{URL: "http://" + listener.Addr().String(), Dial: dial, Fresh: 50, Kept: 1})
	until(t, "failures", func() bool { return len(l.SoFar().Failures) > 3 })
	for _, failure := range l.Stop().Failures {
		if !failure.Refused {
			t.Errorf("not refused: %s", failure)
		}
	}
}

// A kept connection that breaks under a request is a failure, though Go's client mends it by itself.
func TestRequestSentAgainIsSeen(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				request := make([]byte, 4096)
				for range 3 { // The third is read and not answered.
					if _, err := connection.Read(request); err != nil {
						return
					}
					_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
				_, _ = connection.Read(request)
			}()
		}
	}()
	l := load.Start(load.Config{URL: "http://" + listener.Addr().String(), Dial: dial, Kept: 1})
	until(t, "a failure", func() bool { return len(l.SoFar().Failures) > 0 })
	if result := l.Stop(); !strings.Contains(result.Failures[0].Err.Error(), "sent again") || result.Failures[0].Refused {
		t.Errorf("%s: %v", result, result.Failures)
	}
}

// A service that answers nobody is not sent more and more.
func TestLoadIsBounded(t *testing.T) {
	answer := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-answer }))
	defer server.Close()
	l := load.Start(load.Config{URL: server.URL, Dial: dial, Fresh: 500})
	until(t, "requests held back", func() bool { return l.SoFar().HeldBack > 50 })
	if n := l.InFlight(); n > 100 {
		t.Errorf("%d in flight", n)
	}
	close(answer)
	if result := l.Stop(); len(result.Failures) != 0 || !strings.Contains(result.String(), "held back") {
		t.Errorf("%s: %v", result, result.Failures)
	}
}

func TestSlowRequestIsUnderWay(t *testing.T) {
	var begun atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadFull(r.Body, make([]byte, 4)); err == nil {
			begun.Add(1)
		}
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	l := load.Start(load.Config{URL: server.URL, Dial: dial, Slow: 3, SlowTime: 2 * time.Second})
	until(t, "three begun", func() bool { return begun.Load() == 3 })
	if n := l.InFlight(); n != 3 {
		t.Errorf("%d in flight", n)
	}
	if result := l.Stop(); result.Requests != 3 || len(result.Failures) != 0 {
		t.Errorf("%s: %v", result, result.Failures)
	}
}
