package shout_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"gitlab.com/towpath/towpath/service/redis"
	"gitlab.com/towpath/towpath/service/redis/redistest"
	"gitlab.com/towpath/towpath/service/shout"
)

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestMemory(t *testing.T) {
	up := newSystem(t, upperCase)
	c := &clock{now: time.Unix(1000, 0)}
	w := shout.New(shout.Options{URL: up.URL, Now: c.Now})
	s := serveWorkload(t, w)
	for range 3 {
		s.want("test", 200, `{"data":"TSET"}`)
		s.want("", 200, `{"data":""}`)
	}
	up.wantAsked(t, 2)
	c.advance(300*time.Second - 1)
	s.want("test", 200, `{"data":"TSET"}`)
	up.wantAsked(t, 2)
	c.advance(1)
	s.want("test", 200, `{"data":"TSET"}`)
	up.wantAsked(t, 3)
	if hits, misses := metric(t, w, "shout_cache_lookups_total", "hit"), metric(t, w, "shout_cache_lookups_total", "miss"); hits != 5 || misses != 3 {
		t.Errorf("counted %v hits, %v misses", hits, misses)
	}
}

func TestMemoryHoldsAHundred(t *testing.T) {
	up := newSystem(t, upperCase)
	s := serve(t, shout.Options{URL: up.URL})
	for i := range 100 {
		s.want(fmt.Sprint(i+100), 200, fmt.Sprintf(`{"data":"%d%d%d"}`, i%10, i/10, 1))
	}
	s.want("100", 200, `{"data":"001"}`) // used again, so not the oldest any more
	up.wantAsked(t, 100)
	s.want("x", 200, `{"data":"X"}`) // 101 "101" goes
	s.want("100", 200, `{"data":"001"}`)
	up.wantAsked(t, 101)
	s.want("101", 200, `{"data":"101"}`)
	up.wantAsked(t, 102)
}

func redisClient(t *testing.T, url string) *redis.Client {
	t.Helper()
	a, err := redis.ParseAddress(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.New(a)
	t.Cleanup(func() { c.Close() })
	return c
}

// Two pods, one Redis: it is used, goes away, and comes back.
func TestRedis(t *testing.T) {
	server := redistest.Start(t, "")
	up := newSystem(t, upperCase)
	one := shout.New(shout.Options{URL: up.URL, Redis: redisClient(t, server.URL())})
	two := shout.New(shout.Options{URL: up.URL, Redis: redisClient(t, server.URL())})
	first, second := serveWorkload(t, one), serveWorkload(t, two)

	first.want("private", 200, `{"data":"ETAVIRP"}`)
	second.want("private", 200, `{"data":"ETAVIRP"}`)
	first.want("", 200, `{"data":""}`)
	second.want("", 200, `{"data":""}`)
	up.wantAsked(t, 2)
	if metric(t, one, "shout_cache_lookups_total", "miss") != 2 || metric(t, two, "shout_cache_lookups_total", "hit") != 2 {
		t.Error("the metrics do not show it")
	}
	// A pod whose answers come from elsewhere has no use for these.
	serve(t, shout.Options{Redis: redisClient(t, server.URL())}).want("private", 200, `{"data":"ETAVIRP"}`)

	direct, err := redigo.Dial("unix", strings.TrimPrefix(server.URL(), "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	keys, err := redigo.Strings(direct.Do("KEYS", "*"))
	if err != nil || len(keys) != 3 {
		t.Errorf("keys %v, %v", keys, err)
	}
	for _, key := range keys {
		if len(key) != len("shout:")+64 {
			t.Errorf("key %s", key)
		}
		if ttl, err := redigo.Int(direct.Do("PTTL", key)); err != nil || ttl <= 290_000 || ttl > 300_000 {
			t.Errorf("forgotten after %d ms, %v", ttl, err)
		}
	}

	server.Stop()
	start := time.Now()
	for range 20 {
		first.want("test", 200, `{"data":"TSET"}`)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("without Redis 20 requests took %v", took)
	}
	up.wantAsked(t, 22)
	if metric(t, one, "shout_cache_lookups_total", "error") != 20 {
		t.Error("the metrics do not show it")
	}
	if answer, _ := first.send("GET", "/readyz", "", nil); answer.StatusCode != 200 {
		t.Error("readiness depends on Redis")
	}

	server.Restart()
	hits := func() float64 { return metric(t, one, "shout_cache_lookups_total", "hit") }
	before, deadline := hits(), time.Now().Add(30*time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); hits() == before; <-tick.C {
		first.want("test", 200, `{"data":"TSET"}`)
		if time.Now().After(deadline) {
			t.Fatal("Redis is not used again")
		}
	}
}

// Failures stay out of Redis as they do of memory.
func TestRedisKeepsNoFailures(t *testing.T) {
	server := redistest.Start(t, "")
	up := newSystem(t, says(200, "{}"))
	s := serve(t, shout.Options{URL: up.URL, Redis: redisClient(t, server.URL())})
	for range 2 {
		s.want("test", 500, answerError)
	}
	up.answer.Store(http.HandlerFunc(upperCase))
	s.want("test", 200, `{"data":"TSET"}`)
	up.wantAsked(t, 3)
}

func BenchmarkShout(b *testing.B) {
	s := serve(b, shout.Options{})
	body, _ := json.Marshal(map[string]string{"data": "straße"})
	b.ReportAllocs()
	for b.Loop() {
		s.send("POST", "/v1", jsonType, body)
	}
}
