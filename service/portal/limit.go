package portal

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Guessing is limited twice: against one account from anywhere, and from one address against
// any account. An attempt that succeeds is given back, so only failures use anything up.
const (
	accountBurst = 10
	accountEvery = time.Minute // after the burst, one more attempt per
	addressBurst = 50
	addressEvery = 10 * time.Second
)

// limiterSlots is how many buckets a limiter has. Names that nobody has ever heard of are
// limited too, or the limit would tell which exist; so an attacker chooses the keys, and a table
// that grew with them, or forgot the oldest, would be a weapon. This one is of a fixed size, and two keys
// share a bucket once in thousands of times.
const limiterSlots = 1 << 14

// limiter grants a burst of attempts per key, then one per interval. It is the generic cell rate
// algorithm: for each bucket it stores the moment at which the bucket is full again.
type limiter struct {
	burst int
	every time.Duration
	seed  maphash.Seed

	mu   sync.Mutex
	full [limiterSlots]time.Time
}

func newLimiter(burst int, every time.Duration) *limiter {
	return &limiter{burst: burst, every: every, seed: maphash.MakeSeed()}
}

func (l *limiter) slot(key string) *time.Time {
	return &l.full[maphash.String(l.seed, key)%limiterSlots]
}

// take uses one attempt up. If there is none left it returns how long until there is.
func (l *limiter) take(key string, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slot := l.slot(key)
	full := *slot
	if full.Before(now) {
		full = now
	}
	if over := full.Add(l.every).Sub(now) - time.Duration(l.burst)*l.every; over > 0 {
		return over
	}
	*slot = full.Add(l.every)
	return 0
}

// giveBack undoes one take.
func (l *limiter) giveBack(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slot := l.slot(key)
	*slot = slot.Add(-l.every)
}

// addressKey is what counts as one address: with IPv6 a whole /64, because a single customer
// gets at least that.
func addressKey(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	addr = addr.Unmap()
	if addr.Is4() {
		return addr.String()
	}
	prefix, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return ip
	}
	return prefix.String()
}
