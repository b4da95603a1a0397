package faults

import (
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// balancer passes connections on to those backends that are ready. It looks at connections and
// not at requests, as a Kubernetes Service does.
type balancer struct {
	addr  string
	ended chan struct{}
	work  sync.WaitGroup
	mu    sync.Mutex
	ready []string
	next  int
}

func newBalancer(t testing.TB) *balancer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{addr: l.Addr().String(), ended: make(chan struct{})}
	t.Cleanup(func() {
		close(b.ended)
		l.Close()
		b.work.Wait()
	})
	b.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go b.pass(c)
		}
	})
	return b
}

// follow asks a backend for its readiness until the end.
func (b *balancer) follow(addr string) {
	b.work.Go(func() {
		for {
			answer, err := patient.Get("http://" + addr + "/readyz")
			if err == nil {
				answer.Body.Close()
			}
			b.mu.Lock()
			at := slices.Index(b.ready, addr)
			switch ready := err == nil && answer.StatusCode == http.StatusOK; {
			case ready && at < 0:
				b.ready = append(b.ready, addr)
			case !ready && at >= 0:
				b.ready = slices.Delete(b.ready, at, at+1)
			}
			b.mu.Unlock()
			select {
			case <-b.ended:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
}

// pass connects a client to a backend. One that refuses has got nothing, so the next may be tried.
func (b *balancer) pass(client net.Conn) {
	defer client.Close()
	for range 100 {
		b.mu.Lock()
		addr := ""
		if n := len(b.ready); n > 0 {
			b.next++
			addr = b.ready[b.next%n]
		}
		b.mu.Unlock()
		backend, err := net.Dial("tcp", addr)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		go func() {
			_, _ = io.Copy(backend, client)
			backend.Close()
		}()
		_, _ = io.Copy(client, backend)
		return
	}
}
