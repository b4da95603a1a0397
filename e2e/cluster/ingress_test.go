package cluster

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestDialInTries(t *testing.T) {
	silence := func(ctx context.Context) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
	}
	answer := func(context.Context) (net.Conn, error) { return &net.TCPConn{}, nil }
	refusal := func(context.Context) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	for name, test := range map[string]struct {
		attempts   []func(context.Context) (net.Conn, error)
		unanswered int
		err        string
	}{
		"at once":                {attempts: []func(context.Context) (net.Conn, error){answer}},
		"at the second attempt":  {[]func(context.Context) (net.Conn, error){silence, answer}, 1, ""},
		"refused":                {[]func(context.Context) (net.Conn, error){refusal}, 0, "refused"},
		"refused after silence":  {[]func(context.Context) (net.Conn, error){silence, refusal}, 1, "refused"},
		"nothing answers at all": {[]func(context.Context) (net.Conn, error){silence, silence, silence}, 3, "deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			made := 0
			connection, unanswered, err := dialInTries(t.Context(), time.Millisecond, func(ctx context.Context) (net.Conn, error) {
				made++
				return test.attempts[made-1](ctx)
			}, func() string { return "tracked" })
			if made != len(test.attempts) || len(unanswered) != test.unanswered {
				t.Errorf("%d attempts, %d of them unanswered, instead of %d and %d", made, len(unanswered), len(test.attempts), test.unanswered)
			}
			if test.err == "" && (err != nil || connection == nil) || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("%v and %v, instead of the error %q", connection, err, test.err)
			}
		})
	}
	t.Run("the one who asked has gone", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, unanswered, err := dialInTries(ctx, time.Minute, silence, func() string { return "tracked" })
		if !errors.Is(err, context.Canceled) || len(unanswered) != 0 {
			t.Errorf("%v and %q", err, unanswered)
		}
	})
}
