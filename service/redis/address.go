package redis

import (
	"errors"
	"net"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Address says where a Redis is and how to sign in to it. The zero Address is no Redis at all.
// It prints without its password, so a configuration that holds one may be printed.
type Address struct {
	options *options
}

// options is what a URL says, with what it leaves unsaid filled in.
type options struct {
	network, addr  string
	tls            bool
	user, password string
	db             int

	dialTimeout  time.Duration // connecting, TLS and signing in each
	readTimeout  time.Duration
	writeTimeout time.Duration
	poolTimeout  time.Duration // for one of the connections to be free
	poolSize     int
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
	if err != nil {
		return Address{}, errors.New("not a URL")
	}
	o := options{
		dialTimeout: dialTimeout, readTimeout: waitTimeout, writeTimeout: waitTimeout, poolTimeout: waitTimeout,
		poolSize: 10 * runtime.GOMAXPROCS(0),
	}
	path := strings.Trim(u.Path, "/")
	switch u.Scheme {
	case "redis", "rediss":
		if u.Hostname() == "" {
			// Others take it for localhost, which in a pod is never what was meant.
			return Address{}, errors.New("without a host")
		}
		port := u.Port()
		if port == "" {
			port = "6379"
		}
		o.network, o.addr, o.tls = "tcp", net.JoinHostPort(u.Hostname(), port), u.Scheme == "rediss"
		if path != "" && !number(path, &o.db, 0) {
			return Address{}, errors.New("with an invalid path")
		}
	case "unix":
		if path == "" {
			return Address{}, errors.New("without a path")
		}
		o.network, o.addr = "unix", u.Path
	default:
		return Address{}, errors.New("neither redis, rediss nor unix")
	}
	o.user = u.User.Username()
	o.password, _ = u.User.Password()
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || !o.take(query) {
		return Address{}, errors.New("with an invalid option; those there are: " +
			"db, pool_size, and the times dial_timeout, read_timeout, write_timeout and pool_timeout")
	}
	return Address{&o}, nil
}

// take reads the options behind the question mark, and tells whether all are known and valid.
func (o *options) take(query url.Values) bool {
	for name, values := range query {
		value, ok := values[len(values)-1], false
		switch name {
		case "db":
			ok = number(value, &o.db, 0)
		case "pool_size":
			ok = number(value, &o.poolSize, 1)
		case "dial_timeout":
			ok = wait(value, &o.dialTimeout)
		case "read_timeout":
			ok = wait(value, &o.readTimeout)
		case "write_timeout":
			ok = wait(value, &o.writeTimeout)
		case "pool_timeout":
			ok = wait(value, &o.poolTimeout)
		}
		if !ok {
			return false
		}
	}
	return true
}

func number(text string, to *int, least int) bool {
	n, err := strconv.ParseUint(text, 10, 16) // no sign, and no pool that would eat the memory
	*to = int(n)
	return err == nil && *to >= least
}

func wait(text string, to *time.Duration) (ok bool) {
	d, err := time.ParseDuration(text)
	*to = d
	return err == nil && d > 0
}

// IsZero tells whether no Redis is meant.
func (a Address) IsZero() bool { return a.options == nil }

// HasPassword tells whether the address signs in with a password.
func (a Address) HasPassword() bool { return !a.IsZero() && a.options.password != "" }

// WithPassword is the address with another password.
func (a Address) WithPassword(password string) Address {
	o := *a.options
	o.password = password
	return Address{&o}
}

// String is the address without what signs in to it.
func (a Address) String() string {
	if a.IsZero() {
		return "none"
	}
	return a.options.network + " " + strings.ToValidUTF8(a.options.addr, "?")
}

// GoString keeps %#v from looking inside.
func (a Address) GoString() string { return a.String() }
