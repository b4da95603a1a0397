package redis

import (
	"errors"
	"net/url"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Address says where a Redis is and how to sign in to it. The zero Address is no Redis at all.
// It prints without its password, so a configuration that holds one may be printed.
type Address struct {
	options *goredis.Options
}

// Every wait is short: a Redis that needs longer is of less use than none, because what it
// spares us costs less than that. A URL may say otherwise, as in ?read_timeout=1s.
const (
	dialTimeout = 250 * time.Millisecond
	waitTimeout = 200 * time.Millisecond // for a read, for a write, and for a free connection
)

// ParseAddress reads redis://user:password@host:6379/0, rediss:// for TLS, or unix:///path?db=0.
// The errors never repeat any part of the text: a wrong one may be the password itself.
func ParseAddress(text string) (Address, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return Address{}, errors.New("not a URL")
	case u.Scheme != "redis" && u.Scheme != "rediss" && u.Scheme != "unix":
		return Address{}, errors.New("neither redis, rediss nor unix")
	case u.Scheme != "unix" && u.Hostname() == "":
		// The client would take it for localhost, which in a pod is never what was meant.
		return Address{}, errors.New("without a host")
	}
	options, err := goredis.ParseURL(text)
	if err != nil {
		return Address{}, errors.New("with an invalid path or option")
	}
	options.ContextTimeoutEnabled = true
	options.DisableIdentity = true // a round trip that buys nothing
	options.MaxRetries = -1        // the breaker decides when it is worth trying again
	for wait, standard := range map[*time.Duration]time.Duration{
		&options.DialTimeout:  dialTimeout,
		&options.ReadTimeout:  waitTimeout,
		&options.WriteTimeout: waitTimeout,
		&options.PoolTimeout:  waitTimeout,
	} {
		if *wait == 0 {
			*wait = standard
		}
	}
	return Address{options}, nil
}

// IsZero tells whether no Redis is meant.
func (a Address) IsZero() bool { return a.options == nil }

// String is the address without what signs in to it.
func (a Address) String() string {
	if a.IsZero() {
		return "none"
	}
	return a.options.Network + " " + strings.ToValidUTF8(a.options.Addr, "?")
}

// GoString keeps %#v from looking inside.
func (a Address) GoString() string { return a.String() }
