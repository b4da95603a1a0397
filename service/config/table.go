package config

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// variable declares one setting.
type variable struct {
	name     string
	fallback string // the default, as a person would write it
	meaning  string
	kind     kind
	secret   bool // the value never appears in an error
}

// table lists every variable, each bound to the field of c that it fills.
func table(c *Config) []variable {
	return []variable{
		{name: "HOST", kind: host(&c.Host),
			meaning: "address to listen on; empty is every interface"},
		{name: "PORT", fallback: "8080", kind: integer(&c.Port, 0, 65535),
			meaning: "port of the service; 0 picks a free one"},
		{name: "METRICS_PORT", fallback: "9090", kind: integer(&c.MetricsPort, 0, 65535),
			meaning: "port of /metrics and a second /livez; 0 picks a free one"},

		{name: "LOG_LEVEL", fallback: "info", kind: level(&c.LogLevel),
			meaning: "least level that is logged; requests are info, probes debug, 5xx error"},
		{name: "LOG_FORMAT", fallback: "json", kind: oneOf(&c.LogFormat, "json", "text"),
			meaning: "form of a log line"},

		{name: "STARTUP_DELAY", fallback: "0", kind: startupDelay(&c.StartupDelay),
			meaning: "slow boot: time before anything listens"},
		{name: "DRAIN_DELAY", fallback: "5s", kind: duration(&c.DrainDelay, 0, 5*time.Minute),
			meaning: "after SIGTERM: time to go on serving while /readyz already fails"},
		{name: "SHUTDOWN_GRACE", fallback: "20s", kind: duration(&c.ShutdownGrace, time.Second, time.Hour),
			meaning: "after the drain delay: time for requests in flight to finish"},

		{name: "READ_TIMEOUT", fallback: "10s", kind: duration(&c.ReadTimeout, 100*time.Millisecond, time.Hour),
			meaning: "time to read one request, body included"},
		{name: "WRITE_TIMEOUT", fallback: "20s", kind: duration(&c.WriteTimeout, 100*time.Millisecond, time.Hour),
			meaning: "time to write one answer"},
		{name: "IDLE_TIMEOUT", fallback: "75s", kind: duration(&c.IdleTimeout, time.Second, 24*time.Hour),
			meaning: "time a kept-alive connection may wait; longer than the proxy's own"},
		{name: "BODY_LIMIT", fallback: "1MiB", kind: size(&c.BodyLimit, 1<<10, 1<<30),
			meaning: "largest request body; beyond it 413"},
		{name: "MAX_CONNECTIONS", fallback: "2000", kind: integer(&c.MaxConnections, 1, 1_000_000),
			meaning: "open connections; beyond it 503"},
		{name: "TRUSTED_PROXIES", kind: prefixes(&c.TrustedProxies),
			meaning: "whose X-Forwarded-* headers are believed; empty is nobody"},

		{name: "HOME_ENABLED", fallback: "true", kind: boolean(&c.HomeEnabled),
			meaning: "workload home: / and /dynamic"},
		{name: "FIBONACCI_ENABLED", fallback: "true", kind: boolean(&c.FibonacciEnabled),
			meaning: "workload fibonacci: /api/fibonacci/{n} and /api/ping"},
	}
}

// Usage writes the table for people: a line per variable with default, meaning and what is allowed.
func Usage(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "  NAME\tDEFAULT\tMEANING (ALLOWED)")
	for _, v := range table(new(Config)) {
		fallback := v.fallback
		if fallback == "" {
			fallback = "-"
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s (%s)\n", v.name, fallback, v.meaning, v.kind.allowed)
	}
	return tw.Flush()
}
