// Package redis is the service's one way to Redis.
//
// Redis is a convenience here: it shares among pods what each could also do without. So the
// client never makes a request wait for a Redis that is not there. Waits are short, nothing is
// retried, and after a few failures in a row a circuit breaker answers in its place, at no cost,
// until a trial now and then finds it well again:
//
//	value, found, err := client.Get(ctx, key)
//	if err != nil {
//		// go on without; the client has counted it
//	}
//
// The errors and the metrics never hold a key, a value or a part of the URL.
package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	redigo "github.com/gomodule/redigo/redis"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"
)

// ErrUnavailable says that Redis was not asked, because it failed a moment ago.
var ErrUnavailable = errors.New("redis is unavailable")

const (
	// failuresToOpen is how many commands in a row fail before the breaker opens.
	failuresToOpen = 3
	// restTime is how long it then stays open before one command is let through as a trial.
	restTime = time.Second
)

// Client speaks to one Redis. It is safe for concurrent use, and connects when first used.
type Client struct {
	pool      *pool
	breaker   *gobreaker.CircuitBreaker[any]
	commands  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	state     prometheus.GaugeFunc
}

// The results of a command, as the metrics have them.
const (
	resultOK      = "ok"
	resultError   = "error"
	resultSkipped = "skipped" // the breaker was open
)

var commandNames = []string{"get", "set", "del"}

// New makes a client. It panics for the zero Address.
func New(a Address) *Client {
	if a.IsZero() {
		panic("redis: no address")
	}
	c := &Client{
		pool: newPool(*a.options),
		breaker: gobreaker.NewCircuitBreaker[any](gobreaker.Settings{
			Timeout:     restTime,
			ReadyToTrip: func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= failuresToOpen },
			// A caller that gives up says nothing about Redis.
			IsExcluded: func(err error) bool { return errors.Is(err, context.Canceled) },
		}),
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redis_commands_total",
			Help: "Redis commands, by name and result: ok, error, or skipped while Redis is taken to be down.",
		}, []string{"command", "result"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "redis_command_duration_seconds",
			Help:    "Time that Redis commands took, failed ones included and skipped ones not.",
			Buckets: []float64{.0002, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5},
		}, []string{"command"}),
	}
	c.state = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "redis_breaker_state",
		Help: "Whether Redis is asked: 0 yes, 1 on trial, 2 no, because it is taken to be down.",
	}, func() float64 { return float64(c.breaker.State()) })
	for _, name := range commandNames { // from the start, so that the first failure is an increase
		for _, result := range []string{resultOK, resultError, resultSkipped} {
			c.commands.WithLabelValues(name, result)
		}
		c.durations.WithLabelValues(name)
	}
	return c
}

// Metrics are the client's own, to be registered once.
func (c *Client) Metrics() []prometheus.Collector {
	return []prometheus.Collector{c.commands, c.durations, c.state}
}

// Get reads a key. A key that is not there is no error.
func (c *Client) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	err = c.do("get", func() error {
		value, err = redigo.Bytes(c.pool.do(ctx, "GET", key))
		if errors.Is(err, redigo.ErrNil) {
			return nil
		}
		found = err == nil
		return err
	})
	return value, found, err
}

// Set writes a key that is forgotten after ttl, of at least a millisecond.
func (c *Client) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return c.do("set", func() error {
		_, err := c.pool.do(ctx, "SET", key, value, "PX", ttl.Milliseconds())
		return err
	})
}

// Delete forgets a key, if it is there.
func (c *Client) Delete(ctx context.Context, key string) error {
	return c.do("del", func() error {
		_, err := c.pool.do(ctx, "DEL", key)
		return err
	})
}

// Close ends the connections.
func (c *Client) Close() error { return c.pool.idle.Close() }

// do runs a command, unless Redis is taken to be down, and accounts for it.
func (c *Client) do(name string, command func() error) error {
	_, err := c.breaker.Execute(func() (any, error) {
		start := time.Now()
		err := command()
		c.durations.WithLabelValues(name).Observe(time.Since(start).Seconds())
		return nil, err
	})
	switch {
	case err == nil:
		c.commands.WithLabelValues(name, resultOK).Inc()
		return nil
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		c.commands.WithLabelValues(name, resultSkipped).Inc()
		return ErrUnavailable
	default:
		c.commands.WithLabelValues(name, resultError).Inc()
		return fmt.Errorf("redis %s: %w", name, err)
	}
}
