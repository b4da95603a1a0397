package config

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
}

func TestDefaults(t *testing.T) {
	got, err := Load(lookup(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got.Port != 8080 || got.MetricsPort != 9090 || got.Host != "" {
		t.Errorf("got addresses %q %d %d", got.Host, got.Port, got.MetricsPort)
	}
	if got.StartupDelay != 0 || got.DrainDelay != 5*time.Second || got.ShutdownGrace != 20*time.Second {
		t.Errorf("got delays %v %v %v", got.StartupDelay, got.DrainDelay, got.ShutdownGrace)
	}
	if got.LogLevel != slog.LevelInfo || got.LogFormat != "json" {
		t.Errorf("got log %v %v", got.LogLevel, got.LogFormat)
	}
	if got.BodyLimit != 1<<20 || got.MaxConnections != 2000 || got.TrustedProxies != nil {
		t.Errorf("got limits %d %d %v", got.BodyLimit, got.MaxConnections, got.TrustedProxies)
	}
	if !got.HomeEnabled || !got.FibonacciEnabled {
		t.Error("a workload is off by default")
	}
}

func TestAccepted(t *testing.T) {
	tests := []struct {
		name, value string
		got         func(Config) any
		want        any
	}{
		{"HOST", "::1", func(c Config) any { return c.Host }, "::1"},
		{"PORT", "0", func(c Config) any { return c.Port }, 0},
		{"PORT", "65535", func(c Config) any { return c.Port }, 65535},
		{"METRICS_PORT", "1234", func(c Config) any { return c.MetricsPort }, 1234},
		{"LOG_LEVEL", "warn", func(c Config) any { return c.LogLevel }, slog.LevelWarn},
		{"LOG_FORMAT", "text", func(c Config) any { return c.LogFormat }, "text"},
		{"STARTUP_DELAY", "0", func(c Config) any { return c.StartupDelay }, time.Duration(0)},
		{"STARTUP_DELAY", "5", func(c Config) any { return c.StartupDelay }, 5 * time.Second},
		{"STARTUP_DELAY", "15", func(c Config) any { return c.StartupDelay }, 15 * time.Second},
		{"STARTUP_DELAY", "7500ms", func(c Config) any { return c.StartupDelay }, 7500 * time.Millisecond},
		{"DRAIN_DELAY", "0", func(c Config) any { return c.DrainDelay }, time.Duration(0)},
		{"SHUTDOWN_GRACE", "1m30s", func(c Config) any { return c.ShutdownGrace }, 90 * time.Second},
		{"READ_TIMEOUT", "1.5", func(c Config) any { return c.ReadTimeout }, 1500 * time.Millisecond},
		{"WRITE_TIMEOUT", "1s", func(c Config) any { return c.WriteTimeout }, time.Second},
		{"IDLE_TIMEOUT", "2m", func(c Config) any { return c.IdleTimeout }, 2 * time.Minute},
		{"BODY_LIMIT", "17MiB", func(c Config) any { return c.BodyLimit }, 17 << 20},
		{"BODY_LIMIT", "2048", func(c Config) any { return c.BodyLimit }, 2048},
		{"MAX_CONNECTIONS", "1", func(c Config) any { return c.MaxConnections }, 1},
		{"HOME_ENABLED", "false", func(c Config) any { return c.HomeEnabled }, false},
		{"FIBONACCI_ENABLED", "false", func(c Config) any { return c.FibonacciEnabled }, false},
		{"PEOPLE_ENABLED", "false", func(c Config) any { return c.PeopleEnabled }, false},
		{"API_DOCS", "true", func(c Config) any { return c.APIDocs }, true},
		{"DATABASE_URL", "postgres://u:p@h:1/n", func(c Config) any { return c.DatabaseURL }, "postgres://u:p@h:1/n"},
		{"DATABASE_URL", "postgresql:///n?host=/run/postgresql", func(c Config) any { return c.DatabaseURL }, "postgresql:///n?host=/run/postgresql"},
		{"DATABASE_URL", "", func(c Config) any { return c.DatabaseURL }, ""},
		{"DATABASE_MAX_CONNS", "3", func(c Config) any { return c.DatabaseMaxConns }, 3},
		{"DATABASE_WAIT", "0", func(c Config) any { return c.DatabaseWait }, time.Duration(0)},
		{"DATABASE_WAIT", "", func(c Config) any { return c.DatabaseWait }, time.Minute},
		{"DATA_DIR", "", func(c Config) any { return c.DataDir }, "data"},
		{"DATA_DIR", "/var/lib/x", func(c Config) any { return c.DataDir }, "/var/lib/x"},
		{"PORTAL_ENABLED", "false", func(c Config) any { return c.PortalEnabled }, false},
		{"SESSION_LIFETIME", "90m", func(c Config) any { return c.SessionLifetime }, 90 * time.Minute},
		{"NOTE_QUOTA", "", func(c Config) any { return c.NoteQuota }, 1000},
		{"NOTE_QUOTA", "5", func(c Config) any { return c.NoteQuota }, 5},
		{"IMAGE_QUOTA", "", func(c Config) any { return c.ImageQuota }, int64(256 << 20)},
		{"IMAGE_QUOTA", "1TiB", func(c Config) any { return c.ImageQuota }, int64(1 << 40)},
		{"SEED_DEMO", "true", func(c Config) any { return c.SeedDemo }, true},
		// Empty is the same as not set: a chart cannot always leave a variable out.
		{"PORT", "", func(c Config) any { return c.Port }, 8080},
	}
	for _, tt := range tests {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			c, err := Load(lookup(map[string]string{tt.name: tt.value}))
			if err != nil {
				t.Fatal(err)
			}
			if got := tt.got(c); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestTrustedProxies(t *testing.T) {
	c, err := Load(lookup(map[string]string{"TRUSTED_PROXIES": "10.1.2.3/8, 192.0.2.7,2001:db8::/32,"}))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"}
	if len(c.TrustedProxies) != len(want) {
		t.Fatalf("got %v", c.TrustedProxies)
	}
	for i, w := range want {
		if c.TrustedProxies[i] != netip.MustParsePrefix(w) {
			t.Errorf("got %v, want %v", c.TrustedProxies[i], w)
		}
	}
}

func TestPasswords(t *testing.T) {
	load := func(pairs ...string) (Config, error) {
		env := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			env[pairs[i]] = pairs[i+1]
		}
		return Load(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	}
	c, err := load("DATABASE_URL", "postgres://towpath@db:5432/x?sslmode=disable", "DATABASE_PASSWORD", "p@ss/w:rd",
		"REDIS_URL", "redis://redis:6379", "REDIS_PASSWORD", "s3cret")
	if err != nil {
		t.Fatal(err)
	}
	if want := "postgres://towpath:p%40ss%2Fw%3Ard@db:5432/x?sslmode=disable"; c.DatabaseURL != want {
		t.Errorf("DatabaseURL is %s, want %s", c.DatabaseURL, want)
	}
	if !c.RedisURL.HasPassword() {
		t.Error("the Redis address has no password")
	}
	for _, tt := range []struct {
		env  []string
		want string
	}{
		{[]string{"DATABASE_PASSWORD", "hidden"}, "there is no DATABASE_URL for it"},
		{[]string{"DATABASE_URL", "postgres://a:hidden@b/c", "DATABASE_PASSWORD", "hidden"}, "DATABASE_URL has a password too"},
		{[]string{"REDIS_PASSWORD", "hidden"}, "there is no REDIS_URL for it"},
		{[]string{"REDIS_URL", "redis://:hidden@b", "REDIS_PASSWORD", "hidden"}, "REDIS_URL has a password too"},
	} {
		_, err := load(tt.env...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%v: %v, want an error with %q and no password", tt.env[:1], err, tt.want)
		}
	}
}

func TestRefused(t *testing.T) {
	const slowBoot = "coalesce time must be between 5 and 15 seconds"
	tests := []struct{ name, value, reason string }{
		{"HOST", "localhost", "not an IP address"},
		{"PORT", "http", "not a whole number"},
		{"PORT", "65536", "out of range"},
		{"PORT", "-1", "out of range"},
		{"PORT", "99999999999999999999", "out of range"},
		{"PORT", "tcp://10.0.0.1:80", "not a whole number"}, // what Kubernetes sets for a Service
		{"METRICS_PORT", "8080", "the same as PORT"},
		{"LOG_LEVEL", "loud", "not a level"},
		{"LOG_FORMAT", "xml", "not a known word"},
		{"STARTUP_DELAY", "4", slowBoot},
		{"STARTUP_DELAY", "4.999", slowBoot},
		{"STARTUP_DELAY", "16", slowBoot},
		{"STARTUP_DELAY", "15.001s", slowBoot},
		{"STARTUP_DELAY", "-5", slowBoot},
		{"STARTUP_DELAY", "soon", slowBoot},
		{"STARTUP_DELAY", "NaN", slowBoot},
		{"DRAIN_DELAY", "-1s", "out of range"},
		{"SHUTDOWN_GRACE", "0", "out of range"},
		{"READ_TIMEOUT", "0", "out of range"},
		{"WRITE_TIMEOUT", "ten", "not a time"},
		{"IDLE_TIMEOUT", "25h", "out of range"},
		{"BODY_LIMIT", "1", "out of range"},
		{"BODY_LIMIT", "2GiB", "out of range"},
		{"BODY_LIMIT", "9223372036854775807GiB", "out of range"},
		{"BODY_LIMIT", "-1", "out of range"},
		{"BODY_LIMIT", "1 MB", "not a size"},
		{"MAX_CONNECTIONS", "0", "out of range"},
		{"TRUSTED_PROXIES", "10.0.0.0/8,proxy", `"proxy" is neither`},
		{"TRUSTED_PROXIES", "10.0.0.0/33", `"10.0.0.0/33" is neither`},
		{"HOME_ENABLED", "yes", "neither true nor false"},
		{"FIBONACCI_ENABLED", "1", "neither true nor false"},
		{"PEOPLE_ENABLED", "1", "neither true nor false"},
		{"API_DOCS", "yes", "neither true nor false"},
		{"DATABASE_MAX_CONNS", "0", "out of range"},
		{"DATABASE_WAIT", "61m", "out of range"},
		{"PORTAL_ENABLED", "on", "neither true nor false"},
		{"SESSION_LIFETIME", "1s", "out of range"},
		{"NOTE_QUOTA", "0", "out of range"},
		{"IMAGE_QUOTA", "2TiB", "out of range"},
		{"IMAGE_QUOTA", "1023KiB", "out of range"},
		{"IMAGE_QUOTA", "lots", "not a size"},
		{"SEED_DEMO", "yes", "neither true nor false"},
	}
	for _, tt := range tests {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			_, err := Load(lookup(map[string]string{tt.name: tt.value}))
			var invalid *InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v", err)
			}
			if len(invalid.Problems) != 1 {
				t.Fatalf("got %d problems: %v", len(invalid.Problems), err)
			}
			got := invalid.Problems[0]
			for _, part := range []string{tt.name + ": ", tt.reason, "(found ", tt.value, "; allowed: "} {
				if !strings.Contains(got, part) {
					t.Errorf("%q lacks %q", got, part)
				}
			}
		})
	}
}

// Accounts whose passwords everyone knows never meet a database that others reach.
func TestSeedDemoNeedsSQLite(t *testing.T) {
	_, err := Load(lookup(map[string]string{"SEED_DEMO": "true", "DATABASE_URL": "postgres://u:hunter2@db/x"}))
	if err == nil || !strings.Contains(err.Error(), "SEED_DEMO: ") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := Load(lookup(map[string]string{
		"FIBONACCI_ENABLED": "maybe", "PORT": "x", "READ_TIMEOUT": "y",
	}))
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("got %v", err)
	}
	var names []string
	for _, p := range invalid.Problems {
		name, _, _ := strings.Cut(p, ":")
		names = append(names, name)
	}
	if got := strings.Join(names, " "); got != "PORT READ_TIMEOUT FIBONACCI_ENABLED" {
		t.Errorf("got %s", got)
	}
}

func TestFiles(t *testing.T) {
	write := func(content string) string {
		path := filepath.Join(t.TempDir(), "value")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Run("value", func(t *testing.T) {
		for _, content := range []string{"3000", "3000\n", "3000\r\n"} {
			c, err := Load(lookup(map[string]string{"PORT_FILE": write(content)}))
			if err != nil || c.Port != 3000 {
				t.Errorf("%q: got %d, %v", content, c.Port, err)
			}
		}
	})
	problems := []struct {
		name string
		env  map[string]string
		want string
	}{
		{"both", map[string]string{"PORT": "1", "PORT_FILE": write("1")}, "PORT: both PORT and PORT_FILE are set"},
		{"missing", map[string]string{"PORT_FILE": filepath.Join(t.TempDir(), "nowhere")}, "PORT: cannot read PORT_FILE: "},
		{"empty", map[string]string{"PORT_FILE": write("\n")}, "is empty"},
		{"large", map[string]string{"PORT_FILE": write(strings.Repeat("1", maxFileSize+1))}, "is larger than"},
		{"invalid", map[string]string{"PORT_FILE": write("s3cret")}, "PORT: not a whole number (found the content of "},
	}
	for _, tt := range problems {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(lookup(tt.env))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%v repeats the content of a file", err)
			}
		})
	}
}

func TestSecretIsNotShown(t *testing.T) {
	var n int
	secret := []variable{{name: "PIN", kind: integer(&n, 0, 1), secret: true}}
	problems := load(secret, lookup(map[string]string{"PIN": "hunter2"}))
	if len(problems) != 1 || !strings.HasPrefix(problems[0], "PIN: ") || strings.Contains(problems[0], "hunter2") {
		t.Errorf("got %v", problems)
	}
}

// Every default must be a value that the variable itself accepts, and declared only once.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range table(new(Config)) {
		if seen[v.name] {
			t.Errorf("%s is declared twice", v.name)
		}
		seen[v.name] = true
		if v.meaning == "" || v.kind.allowed == "" {
			t.Errorf("%s is not described", v.name)
		}
		if err := v.kind.set(v.fallback); err != nil {
			t.Errorf("the default of %s: %v", v.name, err)
		}
	}
}

func TestUsage(t *testing.T) {
	var b strings.Builder
	if err := Usage(&b); err != nil {
		t.Fatal(err)
	}
	columns := regexp.MustCompile(` {2,}`)
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")[1:]
	variables := table(new(Config))
	if len(lines) != len(variables) {
		t.Fatalf("got %d lines for %d variables", len(lines), len(variables))
	}
	for i, v := range variables {
		fallback := v.fallback
		if fallback == "" {
			fallback = "-"
		}
		got := columns.Split(strings.TrimSpace(lines[i]), 3)
		want := []string{v.name, fallback, v.meaning + " (" + v.kind.allowed + ")"}
		if strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// FuzzLoad holds Load to its bounds for any text in any variable.
func FuzzLoad(f *testing.F) {
	variables := table(new(Config))
	for i, v := range variables {
		f.Add(uint8(i), v.fallback)
	}
	for _, text := range []string{"1e9", "-0", "0x10", "5s5", "1MiB", "GiB", "::1%eth0/3", "NaN", "∞", "\x00", "9223372036854775807GiB"} {
		for i := range variables {
			f.Add(uint8(i), text)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		v := variables[int(which)%len(variables)]
		c, err := Load(lookup(map[string]string{v.name: text}))
		if err != nil {
			if !strings.Contains(err.Error(), v.name) {
				t.Errorf("%v does not name %s", err, v.name)
			}
			return
		}
		within := c.Port >= 0 && c.Port <= 65535 && c.MetricsPort >= 0 && c.MetricsPort <= 65535 &&
			(c.StartupDelay == 0 || c.StartupDelay >= 5*time.Second && c.StartupDelay <= 15*time.Second) &&
			c.DrainDelay >= 0 && c.ShutdownGrace > 0 && c.ReadTimeout > 0 && c.WriteTimeout > 0 && c.IdleTimeout > 0 &&
			c.BodyLimit >= 1<<10 && c.BodyLimit <= 1<<30 && c.MaxConnections > 0
		if !within {
			t.Errorf("%s=%q gave %+v", v.name, text, c)
		}
		for _, p := range c.TrustedProxies {
			if !p.IsValid() {
				t.Errorf("%s=%q gave %v", v.name, text, p)
			}
		}
	})
}

// Part of a malformed URL may be its password.
func TestDatabaseURLIsNotShown(t *testing.T) {
	for _, url := range []string{"mysql://u:hunter2@h/n", "postgres://u:hunter2@h:%zz/n", "hunter2"} {
		_, err := Load(lookup(map[string]string{"DATABASE_URL": url}))
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "DATABASE_URL: not a PostgreSQL URL (found a value that is not shown; ") {
			t.Errorf("got %v", err)
		}
	}
}
