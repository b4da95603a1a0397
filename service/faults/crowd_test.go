package faults

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/cli/clitest"
)

// held is a connection that a client keeps.
type held struct {
	net.Conn
	r *bufio.Reader
}

func hold(t testing.TB, addr string) held {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(2 * clitest.Patience))
	return held{c, bufio.NewReaderSize(c, 512)}
}

// ask sends a request for / and returns the answer.
func (h held) ask() (*http.Response, error) {
	if _, err := io.WriteString(h, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(h.r, nil)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	return answer, err
}

// The service holds 2,000 connections, all of which get answers, and refuses one more politely.
func TestTwoThousandConnections(t *testing.T) {
	t.Parallel()
	const limit = 2000
	needFiles(t, limit+500)
	p := clitest.Launch(t)
	p.Listening(t)
	var all []held
	for range limit {
		all = append(all, hold(t, p.Addr))
	}
	for round := range 2 {
		var answered atomic.Int64
		var clients sync.WaitGroup
		for _, h := range all {
			clients.Go(func() {
				if answer, err := h.ask(); err == nil && answer.StatusCode == 200 {
					answered.Add(1)
				}
			})
		}
		clients.Wait()
		if n := answered.Load(); n != limit {
			t.Fatalf("round %d: %d of %d connections got an answer", round, n, limit)
		}
		answer, err := hold(t, p.Addr).ask()
		if err != nil || answer.StatusCode != 503 || answer.Header.Get("Retry-After") == "" {
			t.Errorf("one more: %v, %v", answer, err)
		}
	}
	if status, _ := get(t, "http://"+p.MetricsAddr+"/livez"); status != 200 {
		t.Errorf("liveness in a crowd: %d", status)
	}
	metric(t, p, fmt.Sprintf("http_connections_open %d", limit))
	all[0].Close()
	clitest.Eventually(t, "the place of one that left", func() bool {
		answer, err := hold(t, p.Addr).ask()
		return err == nil && answer.StatusCode == 200
	})
}

// Clients that send or read next to nothing hold all connections there are. They are cut off,
// although something always moves, and others get their turn.
func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	const limit = 40
	p := clitest.Launch(t, fmt.Sprintf("MAX_CONNECTIONS=%d", limit), "READ_TIMEOUT=1s", "WRITE_TIMEOUT=1s")
	p.Listening(t)
	for name, request := range map[string]string{
		"headers": "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"body":    "POST /people HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n",
		"readers": "GET /api/fibonacci/10000 HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		var drippers sync.WaitGroup
		for range limit {
			h := hold(t, p.Addr)
			h.Conn.(*net.TCPConn).SetReadBuffer(4096)
			if _, err := io.WriteString(h, request); err != nil {
				t.Fatal(err)
			}
			if name == "readers" {
				continue
			}
			ended := make(chan struct{})
			go drip(h, ended)
			drippers.Go(func() {
				defer close(ended)
				answer, err := http.ReadResponse(h.r, nil)
				if err != nil {
					t.Errorf("a client with slow %s was cut off without a word: %v", name, err)
					return
				}
				defer answer.Body.Close()
				body, _ := io.ReadAll(answer.Body)
				if answer.StatusCode != 408 || !strings.Contains(string(body), `"status":408`) {
					t.Errorf("a client with slow %s got %s %s", name, answer.Status, body)
				}
			})
		}
		drippers.Wait()
		metric(t, p, "http_connections_open 0")
		if status, _ := get(t, "http://"+p.Addr+"/"); status != 200 {
			t.Errorf("after slow %s: %d", name, status)
		}
	}
}

// drip sends a byte now and then, more often than any timeout.
func drip(w io.Writer, ended <-chan struct{}) {
	for {
		if _, err := io.WriteString(w, "1"); err != nil {
			return
		}
		select {
		case <-ended:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}
