package redis_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"gitlab.com/towpath/towpath/service/redis"
	"gitlab.com/towpath/towpath/service/redis/redistest"
)

// direct is a connection to a server without a password, past the client.
func direct(t *testing.T, server *redistest.Server) redigo.Conn {
	t.Helper()
	c, err := redigo.Dial("unix", strings.TrimPrefix(server.URL(), "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func do(t *testing.T, c redigo.Conn, command string, args ...any) any {
	t.Helper()
	answer, err := c.Do(command, args...)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// A user of Redis's access control list signs in by name, and may do no more than it is allowed.
func TestUserAndDatabase(t *testing.T) {
	server := redistest.Start(t, "")
	admin := direct(t, server)
	do(t, admin, "ACL", "SETUSER", "towpath", "on", ">hunter2", "~shared:*", "+get", "+set", "+del", "+ping", "+select")
	c := client(t, strings.Replace(server.URL(), "unix://", "unix://towpath:hunter2@", 1)+"?db=3")
	ctx := context.Background()
	if err := c.Set(ctx, "shared:k", []byte("v"), time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := c.Set(ctx, "other", []byte("v"), time.Minute); err == nil {
		t.Error("it may write what it must not")
	}
	if n, err := redigo.Int(admin.Do("EXISTS", "shared:k")); n != 0 || err != nil {
		t.Errorf("found in another database: %d, %v", n, err)
	}
	do(t, admin, "SELECT", 3)
	if n, err := redigo.Int(admin.Do("EXISTS", "shared:k")); n != 1 || err != nil {
		t.Errorf("not found in its database: %d, %v", n, err)
	}
}

// Many commands at once share the few connections that there may be.
func TestPoolIsBounded(t *testing.T) {
	server := redistest.Start(t, "")
	c := client(t, server.URL()+"?pool_size=3&pool_timeout=10s")
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			for range 20 {
				if _, _, err := c.Get(context.Background(), "k"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	list := fmt.Sprintf("%s", do(t, direct(t, server), "CLIENT", "LIST"))
	if n := strings.Count(list, "cmd=get"); n == 0 || n > 3 {
		t.Errorf("%d connections:\n%s", n, list)
	}
}

// Nothing waits longer than its deadline, nor than the limits of the URL.
func TestWaits(t *testing.T) {
	server := redistest.Start(t, "")
	admin := direct(t, server)
	for _, tt := range []struct {
		query string
		limit time.Duration
		most  time.Duration
	}{{"?read_timeout=10s", 50 * time.Millisecond, time.Second}, {"?read_timeout=100ms", time.Minute, time.Second}, {"", time.Minute, time.Second}} {
		c := client(t, server.URL()+tt.query)
		if _, _, err := c.Get(context.Background(), "k"); err != nil {
			t.Fatal(err)
		}
		do(t, admin, "CLIENT", "PAUSE", 3000, "ALL")
		ctx, cancel := context.WithTimeout(context.Background(), tt.limit)
		start := time.Now()
		_, _, err := c.Get(ctx, "k")
		cancel()
		if took := time.Since(start); err == nil || took > tt.most {
			t.Errorf("%s: %v after %v", tt.query, err, took)
		}
		server.Restart()
		admin = direct(t, server)
	}
	full := client(t, server.URL()+"?pool_size=1&read_timeout=2s&pool_timeout=50ms")
	if _, _, err := full.Get(context.Background(), "k"); err != nil {
		t.Fatal(err)
	}
	// Of two commands at once, one has the connection and the other soon gives up.
	do(t, admin, "CLIENT", "PAUSE", 1000, "ALL")
	results := make(chan error, 2)
	for range 2 {
		go func() {
			_, _, err := full.Get(context.Background(), "k")
			results <- err
		}()
	}
	start := time.Now()
	if err := <-results; err == nil || time.Since(start) > 900*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	if err := <-results; err != nil {
		t.Error(err)
	}
}

// All connections of a busy time die with the server. One trial after that finds all of it out.
func TestManyDeadConnections(t *testing.T) {
	server := redistest.Start(t, "")
	c := client(t, server.URL()+"?pool_size=20&pool_timeout=10s")
	do(t, direct(t, server), "CLIENT", "PAUSE", 100, "ALL") // so that the commands are there at the same time
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { _ = c.Delete(context.Background(), "k") })
	}
	group.Wait()
	server.Restart()
	start := time.Now()
	eventually(t, "Redis to be used again", func() bool { return c.Delete(context.Background(), "k") == nil })
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("that took %v", took)
	}
}

// What is not TLS does not pass for it, nor does it take long to notice.
func TestTLSIsInsistedOn(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	first := make(chan byte, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		b := make([]byte, 1)
		_, _ = conn.Read(b)
		first <- b[0]
		_, _ = conn.Write([]byte("+OK\r\n"))
	}()
	c := client(t, "rediss://"+l.Addr().String())
	start := time.Now()
	if err := c.Delete(context.Background(), "k"); err == nil || time.Since(start) > 2*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	if got := <-first; got != 0x16 { // a handshake
		t.Errorf("the client began with %q", got)
	}
}

func TestOptionsOfAddress(t *testing.T) {
	for _, good := range []string{
		"redis://h/?db=2", "redis://h:1/15", "redis://h?dial_timeout=1s&write_timeout=10ms&pool_timeout=1m", "redis://u:p@h",
	} {
		if _, err := redis.ParseAddress(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"redis://h/-1", "redis://h/1.5", "redis://h?db=x", "redis://h?pool_size=0", "redis://h?pool_size=99999999", "redis://h?read_timeout=0",
		"redis://h?read_timeout=-1s", "redis://h?max_retries=3", "redis://h?a=" + url.QueryEscape("%"), "redis://h?%zz", "unix:///",
	} {
		if a, err := redis.ParseAddress(bad); err == nil {
			t.Errorf("%s is taken for %s", bad, a)
		}
	}
}
