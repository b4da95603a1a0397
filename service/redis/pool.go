package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"sync/atomic"
	"time"

	redigo "github.com/gomodule/redigo/redis"
)

const (
	// askAfter is how long a connection may have been idle and still be used unasked. It is less
	// than restTime, so that the trial after an outage comes upon no dead one.
	askAfter = restTime / 2
	// idleTimeout gives back what a busy hour has opened.
	idleTimeout = 5 * time.Minute
)

var errBusy = errors.New("all connections are in use")

// pool keeps the connections.
type pool struct {
	options options
	places  chan struct{} // one for each command under way
	idle    redigo.Pool
	// failed is when a connection last turned out dead, in nanoseconds since 1970. What was idle
	// at that time is not trusted: after an outage all of it goes at once, not one a second.
	failed atomic.Int64
}

func newPool(o options) *pool {
	dial := []redigo.DialOption{
		redigo.DialConnectTimeout(o.dialTimeout),
		redigo.DialTLSHandshakeTimeout(o.dialTimeout),
		redigo.DialReadTimeout(o.readTimeout),
		redigo.DialWriteTimeout(o.writeTimeout),
		redigo.DialUsername(o.user),
		redigo.DialPassword(o.password),
		redigo.DialDatabase(o.db),
		redigo.DialUseTLS(o.tls),
		redigo.DialTLSConfig(&tls.Config{MinVersion: tls.VersionTLS12}),
	}
	p := &pool{options: o, places: make(chan struct{}, o.poolSize)}
	p.idle = redigo.Pool{
		DialContext: func(ctx context.Context) (redigo.Conn, error) {
			return redigo.DialContext(ctx, o.network, o.addr, dial...)
		},
		TestOnBorrow: p.trust,
		MaxIdle:      o.poolSize,
		IdleTimeout:  idleTimeout,
	}
	return p
}

// trust tells whether an idle connection may be used again.
func (p *pool) trust(c redigo.Conn, lastUsed time.Time) error {
	if lastUsed.UnixNano() <= p.failed.Load() {
		return errors.New("idle since before an outage")
	}
	if time.Since(lastUsed) < askAfter {
		return nil
	}
	_, err := c.Do("PING")
	p.note(c)
	return err
}

// note remembers that a connection is dead, if it is.
func (p *pool) note(c redigo.Conn) {
	if c.Err() != nil {
		p.failed.Store(time.Now().UnixNano())
	}
}

// enter takes a place, of which there are as many as there may be connections. The pool's own
// limit would need a context with a timeout for each command, free connection or not.
func (p *pool) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case p.places <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(p.options.poolTimeout)
	defer timer.Stop()
	select {
	case p.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errBusy
	}
}

// do runs one command. It ends with ctx while it waits for a connection, and at ctx's deadline
// when it waits for Redis; a mere cancellation then makes no difference, as the answer is
// milliseconds away and the goroutine to watch for it would cost more.
func (p *pool) do(ctx context.Context, name string, args ...any) (any, error) {
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	defer func() { <-p.places }()
	c, err := p.idle.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }() // it goes back among the idle ones
	timeout := p.options.readTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline))
		if timeout <= 0 { // which the library takes for no limit at all
			return nil, context.DeadlineExceeded
		}
	}
	answer, err := redigo.DoWithTimeout(c, timeout, name, args...)
	if err != nil {
		p.note(c)
	}
	return answer, err
}
