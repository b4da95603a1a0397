package server_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/workload"
)

func TestIdleConnectionIsClosed(t *testing.T) {
	s, _ := start(t, map[string]string{"READ_TIMEOUT": "100ms", "IDLE_TIMEOUT": "1s"}, fixture())
	defer s.Stop(0)
	c, r := dial(t, s.Addr())
	var last time.Time
	// Busy for longer than either timeout: as long as requests come, the connection stays.
	for busy := time.Now(); time.Since(busy) < 1500*time.Millisecond; last = time.Now() {
		io.WriteString(c, "GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
		if answer, _ := read(t, r); answer.StatusCode != 200 {
			t.Fatalf("got %d", answer.StatusCode)
		}
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Fatalf("got %v", err)
	}
	if idle := time.Since(last); idle < 800*time.Millisecond {
		t.Errorf("closed after only %v", idle)
	}
}

// On a connection that has been busy, half a request still has READ_TIMEOUT and no more.
func TestReadTimeoutOnAUsedConnection(t *testing.T) {
	s, _ := start(t, map[string]string{"READ_TIMEOUT": "200ms", "IDLE_TIMEOUT": "1h"}, fixture())
	defer s.Stop(0)
	c, r := dial(t, s.Addr())
	io.WriteString(c, "GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
	read(t, r)
	io.WriteString(c, "GET /ok HT")
	if answer, _ := read(t, r); answer.StatusCode != 408 {
		t.Errorf("got %d", answer.StatusCode)
	}
}

// A client that does not read its answer is let go after WRITE_TIMEOUT.
func TestWriteTimeout(t *testing.T) {
	const size = 64 << 20 // more than the kernel's buffers take
	s, _ := start(t, map[string]string{"WRITE_TIMEOUT": "200ms"}, workload.Workload{Name: "large", Routes: []workload.Route{
		{Method: "GET", Path: "/large", Handler: func(c *fiber.Ctx) error {
			return c.SendStream(strings.NewReader(strings.Repeat("x", size)), size)
		}},
	}})
	defer s.Stop(0)
	c, _ := dial(t, s.Addr())
	c.(*net.TCPConn).SetReadBuffer(4096)
	fmt.Fprint(c, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
	eventually(t, "the connection to be counted", func() bool { return strings.Contains(metricsText(t, s), `route="/large",status="200"} 1`) })
	eventually(t, "the connection to be given up", func() bool { return strings.Contains(metricsText(t, s), "http_connections_open 0\n") })
}
