package tracing_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"gitlab.com/towpath/towpath/service/build"
	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/home"
	"gitlab.com/towpath/towpath/service/logging"
	"gitlab.com/towpath/towpath/service/server"
	"gitlab.com/towpath/towpath/service/shout"
	"gitlab.com/towpath/towpath/service/tracing"
)

const (
	callerTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callerSpan  = "00f067aa0ba902b7"
)

// lines collects what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// collector receives OTLP over HTTP and decodes it.
type collector struct {
	*httptest.Server
	mu       sync.Mutex
	header   http.Header
	resource map[string]string
	spans    []*tracepb.Span
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := new(collector)
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var data tracepb.TracesData
		if err != nil || r.Method != "POST" || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("got %s %s %v, %v", r.Method, r.URL, r.Header, err)
		}
		if err := proto.Unmarshal(body, &data); err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.header = r.Header
		for _, group := range data.ResourceSpans {
			c.resource = map[string]string{}
			for _, a := range group.Resource.Attributes {
				c.resource[a.Key] = a.Value.GetStringValue()
			}
			for _, scope := range group.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// service is a traced service with home and shout in it.
type service struct {
	t      *testing.T
	server *server.Server
	tracer *tracing.Tracer
	log    *lines
}

func serve(t *testing.T, env map[string]string) *service {
	t.Helper()
	cfg, err := config.Load(func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	log := new(lines)
	logger := logging.New(log, "json", slog.LevelDebug)
	info := build.Info{Version: "v1.2.3"}
	s, err := server.New(cfg, logger, info, home.New(nil), shout.New(shout.Options{URL: cfg.ShoutURL}))
	if err != nil {
		t.Fatal(err)
	}
	tracer, err := tracing.New(cfg.Tracing, info, logger)
	if err != nil {
		t.Fatal(err)
	}
	s.Trace(tracer)
	return &service{t, s, tracer, log}
}

// send makes a request and returns its access log line.
func (s *service) send(method, path, traceparent string) map[string]any {
	s.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(`{"data":"test"}`))
	r.Header.Set("Content-Type", "application/json")
	if traceparent != "" {
		r.Header.Set("traceparent", traceparent)
	}
	if _, err := s.server.App().Test(r, -1); err != nil {
		s.t.Fatal(err)
	}
	all := strings.Split(strings.TrimSpace(s.log.String()), "\n")
	var line map[string]any
	if err := json.Unmarshal([]byte(all[len(all)-1]), &line); err != nil || line["msg"] != "request" {
		s.t.Fatalf("%s: %v", all[len(all)-1], err)
	}
	return line
}

func (s *service) stop() {
	s.t.Helper()
	if err := s.tracer.Stop(); err != nil {
		s.t.Error(err)
	}
}

// attributes are those of a span, as text.
func attributes(span *tracepb.Span) map[string]string {
	m := map[string]string{}
	for _, a := range span.Attributes {
		m[a.Key] = a.Value.GetStringValue()
		if m[a.Key] == "" {
			b, _ := json.Marshal(a.Value.GetIntValue())
			m[a.Key] = string(b)
		}
	}
	return m
}

func names(spans []*tracepb.Span) (list []string) {
	for _, s := range spans {
		list = append(list, s.Name)
	}
	return list
}

// upstream is an upper-casing system that keeps the traceparent it was called with.
func upstream(t *testing.T, status int) (address string, traceparent func() string) {
	t.Helper()
	var mu sync.Mutex
	var got string
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got = r.Header.Get("traceparent")
		w.WriteHeader(status)
		io.WriteString(w, `{"OUTPUT":"TSET"}`)
	}))
	t.Cleanup(up.Close)
	return up.URL, func() string {
		mu.Lock()
		defer mu.Unlock()
		return got
	}
}

// A trace comes in, passes through, and goes out to the next system.
func TestTrace(t *testing.T) {
	to := newCollector(t)
	address, traceparent := upstream(t, 200)
	s := serve(t, map[string]string{
		"SHOUT_URL":                   address,
		"OTEL_EXPORTER_OTLP_ENDPOINT": to.URL + "/",
		"OTEL_EXPORTER_OTLP_HEADERS":  "Authorization=Bearer%20s3cret, X-Team=a",
		"OTEL_SERVICE_NAME":           "towpath",
		"OTEL_RESOURCE_ATTRIBUTES":    "deployment.environment.name=stage,service.name=other",
	})
	line := s.send("POST", "/v1?token=hunter2", "00-"+callerTrace+"-"+callerSpan+"-01")
	s.stop()

	if line["trace_id"] != callerTrace {
		t.Errorf("logged %v", line["trace_id"])
	}
	if to.header.Get("Authorization") != "Bearer s3cret" || to.header.Get("X-Team") != "a" {
		t.Errorf("headers %v", to.header)
	}
	for key, want := range map[string]string{"service.name": "towpath", "service.version": "v1.2.3", "deployment.environment.name": "stage", "telemetry.sdk.language": "go"} {
		if to.resource[key] != want {
			t.Errorf("%s is %q, want %q", key, to.resource[key], want)
		}
	}
	if len(to.spans) != 2 { // the inner one ends first
		t.Fatalf("spans %v", names(to.spans))
	}
	client, in := to.spans[0], to.spans[1]
	if in.Name != "POST /v1" || in.Kind != tracepb.Span_SPAN_KIND_SERVER || client.Name != "POST" || client.Kind != tracepb.Span_SPAN_KIND_CLIENT {
		t.Errorf("got %v", to.spans)
	}
	if hex.EncodeToString(in.TraceId) != callerTrace || hex.EncodeToString(in.ParentSpanId) != callerSpan {
		t.Errorf("it does not continue the caller's trace: %v", in)
	}
	if !bytes.Equal(client.TraceId, in.TraceId) || !bytes.Equal(client.ParentSpanId, in.SpanId) {
		t.Errorf("the call is not part of the request: %v", client)
	}
	if want := "00-" + callerTrace + "-" + hex.EncodeToString(client.SpanId) + "-01"; traceparent() != want {
		t.Errorf("the next system was told %s, want %s", traceparent(), want)
	}
	for key, want := range map[string]string{
		"http.route": "/v1", "http.request.method": "POST", "http.response.status_code": "200", "url.path": "/v1", "url.scheme": "http",
	} {
		if got := attributes(in)[key]; got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if got := attributes(client); got["server.address"] != "127.0.0.1" || got["http.response.status_code"] != "200" {
		t.Errorf("got %v", got)
	}
	if in.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR {
		t.Error("it counts as an error")
	}
	for _, span := range to.spans {
		if text := span.String(); strings.Contains(text, "hunter2") || span.EndTimeUnixNano < span.StartTimeUnixNano {
			t.Errorf("got %s", text)
		}
	}
}

func TestSpans(t *testing.T) {
	tests := []struct {
		method, path string
		name         string // "" is no span
		route        string
		failed       bool
	}{
		{"GET", "/dynamic", "GET /dynamic", "/dynamic", false},
		{"HEAD", "/dynamic", "HEAD /dynamic", "/dynamic", false},
		{"GET", "/nowhere/at/all", "GET", "", false},
		{"DELETE", "/dynamic", "DELETE", "", false},
		{"BREW", "/dynamic", "_OTHER", "", false},
		{"GET", "/health", "GET /health", "/health", true},
		{"GET", "/livez", "", "", false},
		{"GET", "/readyz", "", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			to := newCollector(t)
			address, _ := upstream(t, 404)
			s := serve(t, map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": to.URL + "/v1/traces", "SHOUT_URL": address})
			line := s.send(tt.method, tt.path, "")
			s.stop()
			if tt.name == "" {
				if len(to.spans) != 0 {
					t.Errorf("spans %v", names(to.spans))
				}
				return
			}
			if len(to.spans) == 0 {
				t.Fatal("no span")
			}
			span := to.spans[len(to.spans)-1]
			if span.Name != tt.name || attributes(span)["http.route"] != tt.route {
				t.Errorf("got %v", span)
			}
			if failed := span.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR; failed != tt.failed || failed && len(span.Events) != 1 {
				t.Errorf("got %v", span)
			}
			if line["trace_id"] != hex.EncodeToString(span.TraceId) {
				t.Errorf("logged %v for %x", line["trace_id"], span.TraceId)
			}
			if to.resource["service.name"] != "service" {
				t.Errorf("got %v", to.resource)
			}
		})
	}
}

// A caller that does not keep its trace is followed in that too; the id passes on all the same.
func TestUnsampled(t *testing.T) {
	for _, tt := range []struct {
		name, sampler, arg, traceparent string
		spans                           int
	}{
		{"the caller's wish", "", "", "00-" + callerTrace + "-" + callerSpan + "-00", 0},
		{"against the caller's wish", "always_on", "", "00-" + callerTrace + "-" + callerSpan + "-00", 2},
		{"never", "always_off", "", "00-" + callerTrace + "-" + callerSpan + "-01", 0},
		{"none of them", "traceidratio", "0", "00-" + callerTrace + "-" + callerSpan + "-01", 0},
		{"all of them", "traceidratio", "1", "", 2},
		{"none that begin here", "parentbased_traceidratio", "0", "", 0},
		{"nor so", "parentbased_always_off", "", "", 0},
		{"malformed", "parentbased_always_on", "", "00-" + callerTrace + "-0000000000000000-00", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			to := newCollector(t)
			address, traceparent := upstream(t, 200)
			s := serve(t, map[string]string{
				"SHOUT_URL": address, "OTEL_EXPORTER_OTLP_ENDPOINT": to.URL,
				"OTEL_TRACES_SAMPLER": tt.sampler, "OTEL_TRACES_SAMPLER_ARG": tt.arg,
			})
			line := s.send("POST", "/", tt.traceparent)
			s.stop()
			if len(to.spans) != tt.spans {
				t.Errorf("spans %v", names(to.spans))
			}
			out := strings.Split(traceparent(), "-")
			if len(out) != 4 || out[1] != line["trace_id"] || (out[3] == "01") != (tt.spans > 0) {
				t.Errorf("passed on %v, logged %v", out, line["trace_id"])
			}
		})
	}
}

// Without an endpoint nothing is traced, and the caller's trace is still in the log.
func TestOff(t *testing.T) {
	to := newCollector(t)
	for name, env := range map[string]map[string]string{
		"no endpoint": {"OTEL_SERVICE_NAME": "towpath"},
		"disabled":    {"OTEL_EXPORTER_OTLP_ENDPOINT": to.URL, "OTEL_SDK_DISABLED": "true"},
		"no exporter": {"OTEL_EXPORTER_OTLP_ENDPOINT": to.URL, "OTEL_TRACES_EXPORTER": "none"},
	} {
		t.Run(name, func(t *testing.T) {
			address, traceparent := upstream(t, 200)
			env["SHOUT_URL"] = address
			s := serve(t, env)
			if s.tracer != nil {
				t.Fatal("there is a tracer")
			}
			line := s.send("POST", "/", "00-"+callerTrace+"-"+callerSpan+"-01")
			s.stop()
			if line["trace_id"] != callerTrace || traceparent() != "" || len(to.spans) != 0 {
				t.Errorf("logged %v, passed on %q, sent %d", line["trace_id"], traceparent(), len(to.spans))
			}
		})
	}
}

// A collector that hangs holds up neither requests nor, for long, the end of the process.
func TestCollectorThatHangs(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	to := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer to.Close()
	defer close(hang)
	s := serve(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": to.URL})
	if line := s.send("GET", "/dynamic", ""); line["status"] != 200.0 {
		t.Errorf("got %v", line)
	}
	start := time.Now()
	if err := s.tracer.Stop(); err == nil {
		t.Error("spans that were not sent are not missed")
	}
	if took := time.Since(start); took > 8*time.Second {
		t.Errorf("it took %v to stop", took)
	}
}
