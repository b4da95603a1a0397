// Package config reads the service's settings from the environment.
//
// Every variable is declared once, in the table of table.go: its name, default, meaning and
// the kind of value it takes. Reading, the error messages and the list in `service --help` all
// come from that table, so none of them can forget a variable or tell a different story.
//
// A variable may also be given as a file: with PORT_FILE=/run/port the value of PORT is the
// content of that file, less a final newline. That is how a mounted secret reaches the service
// without passing through its environment. Setting both forms is an error, because one of them
// would be silently ignored. An empty variable is the same as one that is not set.
package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/service/redis"
)

// Config is the complete, checked configuration of one process.
type Config struct {
	Host        string // address to bind; empty is every interface
	Port        int    // 0 picks a free one
	MetricsPort int    // 0 picks a free one

	LogLevel  slog.Level
	LogFormat string // "json" or "text"

	StartupDelay  time.Duration // 0, or 5 s to 15 s
	DrainDelay    time.Duration
	ShutdownGrace time.Duration

	ReadTimeout    time.Duration
	WriteTimeout   time.Duration
	IdleTimeout    time.Duration
	BodyLimit      int // bytes
	MaxConnections int
	TrustedProxies []netip.Prefix

	DatabaseURL      string // secret; empty is SQLite
	DatabaseMaxConns int
	DatabaseWait     time.Duration
	DataDir          string

	RedisURL redis.Address // zero is none
	ShoutURL string        // upper-casing system of workload shout; empty is the built-in one
	Tracing  Tracing

	APIDocs bool

	SessionLifetime time.Duration
	NoteQuota       int   // notes of one account
	ImageQuota      int64 // bytes of the images of one account
	SeedDemo        bool  // never with a DatabaseURL

	HomeEnabled      bool
	FibonacciEnabled bool
	PeopleEnabled    bool
	ShoutEnabled     bool
	PortalEnabled    bool

	// Those of the URLs, until Load has put them there.
	databasePassword, redisPassword string
}

// maxFileSize bounds what is read for a NAME_FILE, in bytes; a setting is a line, so anything
// larger is a path that points at the wrong thing.
const maxFileSize = 64 << 10

// InvalidError lists everything that is wrong with the environment, in the table's order.
type InvalidError struct {
	Problems []string
}

func (e *InvalidError) Error() string {
	return "invalid configuration:\n  " + strings.Join(e.Problems, "\n  ")
}

// Load reads the configuration by asking lookup, usually [os.LookupEnv], for each variable.
// The error is an [InvalidError] with all problems at once.
func Load(lookup func(name string) (string, bool)) (Config, error) {
	var c Config
	problems := load(table(&c), lookup)
	if c.Port != 0 && c.Port == c.MetricsPort {
		problems = append(problems, fmt.Sprintf("METRICS_PORT: the same as PORT (found %d; allowed: any other port)", c.Port))
	}
	problems = append(problems, c.joinPasswords()...)
	if c.SeedDemo && c.DatabaseURL != "" {
		// Whoever has a PostgreSQL has an environment that others can reach; passwords that
		// everyone knows are for a file on a developer's machine.
		problems = append(problems, "SEED_DEMO: makes accounts with well-known passwords, which are for trying things out with SQLite "+
			"(found true beside DATABASE_URL; allowed: one of them; the first account is made with: service user add --admin NAME)")
	}
	if len(problems) > 0 {
		return Config{}, &InvalidError{problems}
	}
	return c, nil
}

func load(table []variable, lookup func(string) (string, bool)) (problems []string) {
	for _, v := range table {
		text, source, err := v.find(lookup)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", v.name, err))
			continue
		}
		if err := v.kind.set(text); err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v (found %s; allowed: %s)", v.name, err, source, v.kind.allowed))
		}
	}
	return problems
}

// find gives the text of a variable and a description of it that is fit for an error message.
func (v variable) find(lookup func(string) (string, bool)) (text, found string, err error) {
	text, _ = lookup(v.name)
	path, _ := lookup(v.name + "_FILE")
	switch {
	case text != "" && path != "":
		return "", "", fmt.Errorf("both %s and %s_FILE are set (allowed: one of them)", v.name, v.name)
	case path != "":
		text, err = readFile(path)
		if err != nil {
			return "", "", fmt.Errorf("cannot read %s_FILE: %w", v.name, err)
		}
		// What people put in files is mostly secret, so the content is never repeated.
		return text, "the content of " + path, nil
	case text == "":
		return v.fallback, "the default", nil
	case v.secret:
		return text, "a value that is not shown", nil
	default:
		return text, quote(text), nil
	}
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return "", err
	}
	if len(content) > maxFileSize {
		return "", fmt.Errorf("%s is larger than %d bytes", path, maxFileSize)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if text == "" {
		return "", errors.New(path + " is empty")
	}
	return text, nil
}

// quote shortens a value to what fits on a line of an error message.
func quote(text string) string {
	const most = 60
	if len(text) > most {
		return fmt.Sprintf("%q… of %d bytes", text[:most], len(text))
	}
	return fmt.Sprintf("%q", text)
}
