package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/problem"
)

const (
	// lingerTime bounds how long a connection with an unread request is kept, see conn.Close.
	lingerTime = 2 * time.Second
	// maxLingering bounds how many refused connections are kept like that at once.
	maxLingering = 256
)

// listener bounds the number of open connections. One too many gets a 503 with a body and a
// request id like every other answer; fasthttp's own limit would send a bare line of text.
type listener struct {
	*net.TCPListener
	limit     int64
	slack     time.Duration // see deadline
	open      atomic.Int64
	lingering atomic.Int64
	metrics   *metrics
}

func newListener(l *net.TCPListener, cfg config.Config, m *metrics) *listener {
	return &listener{
		TCPListener: l,
		limit:       int64(cfg.MaxConnections),
		slack:       slackOf(cfg.ReadTimeout, cfg.WriteTimeout, cfg.IdleTimeout),
		metrics:     m,
	}
}

// Accept waits for the next connection within the limit.
func (l *listener) Accept() (net.Conn, error) {
	pause := time.Millisecond
	for {
		tcp, err := l.AcceptTCP()
		if err != nil {
			// Out of file descriptors, say. fasthttp would take it for the end of the listener.
			var e net.Error
			if errors.As(err, &e) && e.Temporary() { //nolint:staticcheck // There is no successor for Accept.
				time.Sleep(pause)
				pause = min(2*pause, time.Second)
				continue
			}
			return nil, err
		}
		if l.open.Add(1) > l.limit {
			l.open.Add(-1)
			l.refuse(tcp)
			continue
		}
		l.metrics.connections.Inc()
		return &conn{TCPConn: tcp, listener: l, peer: addrOf(tcp.RemoteAddr())}, nil
	}
}

func (l *listener) refuse(tcp *net.TCPConn) {
	l.metrics.refused.Inc()
	id := newID()
	body := problem.New(http.StatusServiceUnavailable, "Too many connections are open; try again.").Body()
	_ = tcp.SetWriteDeadline(time.Now().Add(lingerTime))
	fmt.Fprintf(tcp, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: %s\r\nContent-Length: %d\r\n"+
		"X-Request-Id: %s\r\nRetry-After: 1\r\nConnection: close\r\n\r\n%s",
		problem.ContentType, len(body), id[:], body)
	if l.lingering.Add(1) > maxLingering {
		l.lingering.Add(-1)
		_ = tcp.Close()
		return
	}
	go func() {
		defer l.lingering.Add(-1)
		_ = closeSlowly(tcp)
	}()
}

// conn is a connection that counts towards the limit while it is open. Deadlines are set by the
// goroutine that then reads and writes, so they need no lock.
type conn struct {
	*net.TCPConn
	listener *listener
	peer     netip.Addr
	read     deadline
	write    deadline
	linger   atomic.Bool // the request was not read to its end
	once     sync.Once
}

// SetReadDeadline takes effect with the next Read.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.read.wanted = t
	return nil
}

// SetWriteDeadline takes effect with the next Write.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.write.wanted = t
	return nil
}

// SetDeadline takes effect with the next Read and the next Write.
func (c *conn) SetDeadline(t time.Time) error {
	c.read.wanted, c.write.wanted = t, t
	return nil
}

func (c *conn) Read(p []byte) (int, error) {
	if c.read.due(c.listener.slack) {
		if err := c.TCPConn.SetReadDeadline(c.read.wanted); err != nil {
			return 0, err
		}
	}
	return c.TCPConn.Read(p)
}

func (c *conn) Write(p []byte) (int, error) {
	if err := c.armWrite(); err != nil {
		return 0, err
	}
	return c.TCPConn.Write(p)
}

// ReadFrom is how a file or a large stream is sent without passing through our memory.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	if err := c.armWrite(); err != nil {
		return 0, err
	}
	return c.TCPConn.ReadFrom(r)
}

func (c *conn) armWrite() error {
	if c.write.due(c.listener.slack) {
		return c.TCPConn.SetWriteDeadline(c.write.wanted)
	}
	return nil
}

// Close closes the connection, once.
func (c *conn) Close() (err error) {
	c.once.Do(func() {
		if c.linger.Load() {
			err = closeSlowly(c.TCPConn)
		} else {
			err = c.TCPConn.Close()
		}
		c.listener.open.Add(-1)
		c.listener.metrics.connections.Dec()
	})
	return err
}

// closeSlowly lets the client read our answer before the connection goes. Closing with
// unread data makes the kernel send a reset, and the reset overtakes the answer: a browser
// whose upload was too large would show a broken connection where it should show 413.
func closeSlowly(c *net.TCPConn) error {
	if err := c.CloseWrite(); err == nil {
		_ = c.SetReadDeadline(time.Now().Add(lingerTime))
		_, _ = io.Copy(io.Discard, c)
	}
	return c.Close()
}
