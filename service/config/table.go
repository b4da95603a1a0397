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

		{name: "DATABASE_URL", kind: databaseURL(&c.DatabaseURL), secret: true,
			meaning: "PostgreSQL to use; empty is SQLite, a file in DATA_DIR"},
		{name: "DATABASE_PASSWORD", kind: text(&c.databasePassword), secret: true,
			meaning: "password for DATABASE_URL, where the URL has none"},
		{name: "DATABASE_MAX_CONNS", fallback: "10", kind: integer(&c.DatabaseMaxConns, 1, 1000),
			meaning: "PostgreSQL connections of one process, beside one for readiness"},
		{name: "DATABASE_WAIT", fallback: "60s", kind: duration(&c.DatabaseWait, 0, time.Hour),
			meaning: "time to wait for the database on start, before giving up"},
		{name: "DATA_DIR", fallback: "data", kind: folder(&c.DataDir),
			meaning: "folder of the SQLite file and of uploaded files; made when needed"},

		{name: "REDIS_URL", kind: redisAddress(&c.RedisURL), secret: true,
			meaning: "Redis that the pods share; without one each keeps its own cache"},
		{name: "REDIS_PASSWORD", kind: text(&c.redisPassword), secret: true,
			meaning: "password for REDIS_URL, where the URL has none"},
		{name: "SHOUT_URL", kind: webURL(&c.ShoutURL), secret: true,
			meaning: "upper-casing system of workload shout; empty is the built-in one"},

		{name: "OTEL_EXPORTER_OTLP_ENDPOINT", kind: webURL(&c.Tracing.Endpoint), secret: true,
			meaning: "collector of traces, which go to its /v1/traces; empty is no traces"},
		{name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", kind: webURL(&c.Tracing.TracesEndpoint), secret: true,
			meaning: "the same with its whole path, and first choice"},
		{name: "OTEL_EXPORTER_OTLP_HEADERS", kind: pairs(&c.Tracing.Headers), secret: true,
			meaning: "headers for the collector, such as a key"},
		{name: "OTEL_EXPORTER_OTLP_PROTOCOL", fallback: "http/protobuf", kind: oneOf(&c.Tracing.Protocol, "http/protobuf"),
			meaning: "how the collector is spoken to"},
		{name: "OTEL_SERVICE_NAME", kind: text(&c.Tracing.Service),
			meaning: "whose traces these are; empty is service.name of the next, or service"},
		{name: "OTEL_RESOURCE_ATTRIBUTES", kind: pairs(&c.Tracing.Resource),
			meaning: "what else to say of the service in traces"},
		{name: "OTEL_TRACES_SAMPLER", fallback: "parentbased_always_on", kind: oneOf(&c.Tracing.Sampler, samplers...),
			meaning: "which traces are kept"},
		{name: "OTEL_TRACES_SAMPLER_ARG", fallback: "1", kind: ratio(&c.Tracing.SamplerArg),
			meaning: "share of traces that a traceidratio sampler keeps"},
		{name: "OTEL_TRACES_EXPORTER", fallback: "otlp", kind: oneOf(&c.Tracing.Exporter, "otlp", "none"),
			meaning: "none is no traces"},
		{name: "OTEL_SDK_DISABLED", fallback: "false", kind: boolean(&c.Tracing.Disabled),
			meaning: "true is no traces"},

		{name: "API_DOCS", fallback: "false", kind: boolean(&c.APIDocs),
			meaning: "serve /openapi.json and /docs, the description of /people"},

		{name: "SESSION_LIFETIME", fallback: "12h", kind: duration(&c.SessionLifetime, time.Minute, 30*24*time.Hour),
			meaning: "time after which a person must sign in to the web app again"},
		{name: "NOTE_QUOTA", fallback: "1000", kind: integer(&c.NoteQuota, 1, 1_000_000),
			meaning: "notes that one account of the web app may have"},
		{name: "IMAGE_QUOTA", fallback: "256MiB", kind: size(&c.ImageQuota, 1<<20, 1<<40),
			meaning: "size of all images that one account may have; each counts as 4 KiB at least"},
		{name: "SEED_DEMO", fallback: "false", kind: boolean(&c.SeedDemo),
			meaning: "for development: accounts ADMIN/admin and TEST/123456, if there is none; not with DATABASE_URL"},

		{name: "HOME_ENABLED", fallback: "true", kind: boolean(&c.HomeEnabled),
			meaning: "workload home: / and /dynamic"},
		{name: "FIBONACCI_ENABLED", fallback: "true", kind: boolean(&c.FibonacciEnabled),
			meaning: "workload fibonacci: /api/fibonacci/{n} and /api/ping"},
		{name: "PEOPLE_ENABLED", fallback: "true", kind: boolean(&c.PeopleEnabled),
			meaning: "workload people: /people and /api/v1/people"},
		{name: "SHOUT_ENABLED", fallback: "true", kind: boolean(&c.ShoutEnabled),
			meaning: "workload shout: POST /, /v1 and /v1/, and /health"},
		{name: "PORTAL_ENABLED", fallback: "true", kind: boolean(&c.PortalEnabled),
			meaning: "workload portal: the web app with users, notes and images"},
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
