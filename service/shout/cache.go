package shout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"gitlab.com/towpath/towpath/service/redis"
)

const (
	// freshness is how long an answer is remembered.
	freshness = 300 * time.Second
	// memoryEntries is how many answers a process remembers.
	memoryEntries = 100
	// memoryBytes bounds the answers that a process remembers, in bytes: a hundred of the largest
	// would be more than the container's memory.
	memoryBytes = 16 << 20
)

// store remembers answers by key for the span of freshness.
type store interface {
	name() string // in the metrics
	get(ctx context.Context, key string) (answer string, found bool, err error)
	set(ctx context.Context, key, answer string)
}

// cache is an upper-caser that remembers what another one said. Errors are not remembered.
type cache struct {
	store   store
	origin  string
	next    upper
	flight  singleflight.Group
	lookups *prometheus.CounterVec

	hit, miss, failed prometheus.Counter
}

// newCache remembers the answers of next. The name of its origin keeps answers of different ones apart,
// as there are in a Redis while SHOUT_URL changes from pod to pod.
func newCache(s store, origin string, next upper) *cache {
	c := &cache{store: s, origin: origin, next: next, lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "shout_cache_lookups_total",
		Help: "Lookups in the cache of shouted texts, by store (memory, redis) and result: hit, miss, or error when the store did not answer.",
	}, []string{"store", "result"})}
	c.hit = c.lookups.WithLabelValues(s.name(), "hit")
	c.miss = c.lookups.WithLabelValues(s.name(), "miss")
	c.failed = c.lookups.WithLabelValues(s.name(), "error")
	return c
}

// Upper looks the text up and, if it is new, asks for it: once, however many want it right now.
func (c *cache) Upper(ctx context.Context, text string) (string, error) {
	key := c.key(text)
	answer, err, _ := c.flight.Do(key, func() (any, error) {
		answer, found, err := c.store.get(ctx, key)
		switch {
		case err != nil:
			c.failed.Inc()
		case found:
			c.hit.Inc()
			return answer, nil
		default:
			c.miss.Inc()
		}
		answer, err = c.next.Upper(ctx, text)
		if err != nil {
			return "", err
		}
		c.store.set(ctx, key, answer)
		return answer, nil
	})
	if err != nil {
		return "", err
	}
	return answer.(string), nil
}

// key is a hash, so that it is short whatever the text is, and so that the texts of clients are not to
// be read in a list of Redis's keys.
func (c *cache) key(text string) string {
	sum := sha256.Sum256([]byte(c.origin + "\x00" + text))
	return "shout:" + hex.EncodeToString(sum[:])
}

// remote is the store that all pods share. The client counts what fails in it.
type remote struct{ client *redis.Client }

func (remote) name() string { return "redis" }

func (r remote) get(ctx context.Context, key string) (string, bool, error) {
	value, found, err := r.client.Get(ctx, key)
	return string(value), found, err
}

func (r remote) set(ctx context.Context, key, answer string) {
	_ = r.client.Set(ctx, key, []byte(answer), freshness) // an answer that is not remembered is still an answer
}

// memory is the store of one process: the answers used last.
type memory struct {
	now func() time.Time

	mu      sync.Mutex
	entries *simplelru.LRU[string, entry]
	bytes   int
}

type entry struct {
	answer string
	until  time.Time
}

func newMemory(now func() time.Time) *memory {
	if now == nil {
		now = time.Now
	}
	m := &memory{now: now}
	var err error
	m.entries, err = simplelru.NewLRU(memoryEntries, func(_ string, e entry) { m.bytes -= len(e.answer) })
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return m
}

func (*memory) name() string { return "memory" }

func (m *memory) get(_ context.Context, key string) (string, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, found := m.entries.Get(key)
	if found && !m.now().Before(e.until) {
		m.entries.Remove(key)
		found = false
	}
	if !found {
		return "", false, nil
	}
	return e.answer, true, nil
}

func (m *memory) set(_ context.Context, key, answer string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries.Remove(key) // replacing would not tell the old answer's size
	m.bytes += len(answer)
	m.entries.Add(key, entry{answer, m.now().Add(freshness)})
	for m.bytes > memoryBytes {
		m.entries.RemoveOldest()
	}
}
