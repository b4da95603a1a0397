package redis_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"gitlab.com/towpath/towpath/service/redis"
	"gitlab.com/towpath/towpath/service/redis/redistest"
)

func client(t *testing.T, url string) *redis.Client {
	t.Helper()
	a, err := redis.ParseAddress(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.New(a)
	t.Cleanup(func() { c.Close() })
	return c
}

// count is the value of redis_commands_total.
func count(t *testing.T, c *redis.Client, command, result string) float64 {
	t.Helper()
	return testutil.ToFloat64(c.Metrics()[0].(*prometheus.CounterVec).WithLabelValues(command, result))
}

func state(c *redis.Client) float64 { return testutil.ToFloat64(c.Metrics()[2]) }

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

func TestCommands(t *testing.T) {
	c := client(t, redistest.Start(t, "").URL())
	ctx := context.Background()
	if _, found, err := c.Get(ctx, "k"); found || err != nil {
		t.Errorf("before: %t, %v", found, err)
	}
	for _, value := range []string{"value", "", "\x00\xff"} {
		if err := c.Set(ctx, "k", []byte(value), time.Minute); err != nil {
			t.Fatal(err)
		}
		if got, found, err := c.Get(ctx, "k"); string(got) != value || !found || err != nil {
			t.Errorf("got %q %t %v, want %q", got, found, err, value)
		}
	}
	for range 2 {
		if err := c.Delete(ctx, "k"); err != nil {
			t.Error(err)
		}
	}
	if _, found, err := c.Get(ctx, "k"); found || err != nil {
		t.Errorf("after: %t, %v", found, err)
	}
	if err := c.Set(ctx, "brief", []byte("x"), 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the key to be forgotten", func() bool {
		_, found, err := c.Get(ctx, "brief")
		return !found && err == nil
	})
	if got := count(t, c, "set", "ok"); got != 4 {
		t.Errorf("counted %v sets", got)
	}
}

// Redis goes away and comes back: commands fail, soon without even trying, and then work again.
func TestOutage(t *testing.T) {
	server := redistest.Start(t, "")
	c := client(t, server.URL())
	ctx := context.Background()
	if err := c.Set(ctx, "k", []byte("v"), time.Minute); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	eventually(t, "the breaker to open", func() bool {
		_, found, err := c.Get(ctx, "k")
		if found || err == nil {
			t.Fatal("a Redis that is down answers")
		}
		return errors.Is(err, redis.ErrUnavailable)
	})
	if count(t, c, "get", "error") == 0 || count(t, c, "get", "skipped") == 0 || state(c) == 0 {
		t.Errorf("the metrics do not show it: %v errors, %v skipped, state %v",
			count(t, c, "get", "error"), count(t, c, "get", "skipped"), state(c))
	}
	server.Restart()
	eventually(t, "Redis to be used again", func() bool { return c.Set(ctx, "k", []byte("v"), time.Minute) == nil })
	if state(c) != 0 {
		t.Errorf("state %v", state(c))
	}
}

// A server that takes connections and says nothing is as bad as none, and costs no more time.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := client(t, "redis://"+l.Addr().String())
	start := time.Now()
	for range 100 {
		if _, _, err := c.Get(context.Background(), "k"); err == nil {
			t.Fatal("it answered")
		}
	}
	// Three waits until the breaker opens, and a trial for each second after; the rest is room.
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("100 commands took %v", took)
	}
}

// A caller that gives up is no failure of Redis.
func TestCancelledCommands(t *testing.T) {
	c := client(t, redistest.Start(t, "").URL())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 10 {
		if _, _, err := c.Get(ctx, "k"); err == nil {
			t.Error("it ran nevertheless")
		}
	}
	if _, _, err := c.Get(context.Background(), "k"); err != nil {
		t.Error(err)
	}
}

func TestPassword(t *testing.T) {
	const password = "hunter2"
	server := redistest.Start(t, password)
	if err := client(t, server.URL()).Delete(context.Background(), "k"); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{strings.Replace(server.URL(), password, "s3cret", 1), strings.Replace(server.URL(), ":"+password+"@", "", 1)} {
		err := client(t, wrong).Set(context.Background(), "the-key", []byte("the-value"), time.Minute)
		if err == nil {
			t.Error("it works with a wrong password")
			continue
		}
		for _, leak := range []string{"s3cret", password, "the-key", "the-value"} {
			if strings.Contains(err.Error(), leak) {
				t.Errorf("%v has %s in it", err, leak)
			}
		}
	}
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"redis://h":                              "tcp h:6379",
		"redis://user:hunter2@h:7000/3":          "tcp h:7000",
		"rediss://:hunter2@[2001:db8::1]:1":      "tcp [2001:db8::1]:1",
		"unix:///run/redis.sock?db=2":            "unix /run/redis.sock",
		"unix://:hunter2@/run/redis.sock":        "unix /run/redis.sock",
		"redis://h?read_timeout=1s&pool_size=50": "tcp h:6379",
	} {
		a, err := redis.ParseAddress(text)
		if err != nil || a.String() != want || a.IsZero() {
			t.Errorf("%s: got %s, %v; want %s", text, a, err, want)
		}
		if printed := fmt.Sprintf("%v %+v %#v %s", struct{ A redis.Address }{a}, a, a, a); strings.Contains(printed, "hunter2") {
			t.Errorf("printed as %s", printed)
		}
	}
	for _, text := range []string{
		"", "hunter2", "h:6379", "http://hunter2", "redis://", "redis:///hunter2", "redis://:6379", "redis://h/hunter2", "redis://h/0/hunter2",
		"redis://h?hunter2=1", "redis://h?read_timeout=hunter2", "unix://", "redis://%hunter2", "redis://h:hunter2", "\x7fhunter2",
	} {
		a, err := redis.ParseAddress(text)
		if err == nil || !a.IsZero() {
			t.Errorf("%q is accepted", text)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if got := (redis.Address{}).String(); got != "none" {
		t.Errorf("got %s", got)
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add("redis://u:p@h:1/0?db=1")
	f.Add("unix://p@/s")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := redis.ParseAddress(text)
		if (err == nil) == a.IsZero() {
			t.Errorf("%v, %v", a, err)
		}
		if !bytes.HasPrefix([]byte(a.String()), []byte("tcp ")) && !strings.HasPrefix(a.String(), "unix ") && a.String() != "none" {
			t.Errorf("%s", a)
		}
	})
}
