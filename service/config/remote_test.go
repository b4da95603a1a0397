package config

import (
	"errors"
	"maps"
	"strings"
	"testing"
)

func TestOtherSystems(t *testing.T) {
	c, err := Load(lookup(map[string]string{
		"REDIS_URL":                   "redis://:hunter2@cache:6380/1",
		"SHOUT_URL":                   "https://shout.example/V1/SHOUT?key=1",
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318",
		"OTEL_EXPORTER_OTLP_HEADERS":  " api-key = a%2Cb=c , x=,",
		"OTEL_RESOURCE_ATTRIBUTES":    "a=b",
		"OTEL_SERVICE_NAME":           "towpath",
		"OTEL_TRACES_SAMPLER_ARG":     "0.25",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if c.RedisURL.String() != "tcp cache:6380" || c.ShoutURL != "https://shout.example/V1/SHOUT?key=1" || !c.ShoutEnabled {
		t.Errorf("got %v %v %v", c.RedisURL, c.ShoutURL, c.ShoutEnabled)
	}
	if !maps.Equal(c.Tracing.Headers, map[string]string{"api-key": "a,b=c", "x": ""}) || !maps.Equal(c.Tracing.Resource, map[string]string{"a": "b"}) {
		t.Errorf("got %v %v", c.Tracing.Headers, c.Tracing.Resource)
	}
	if c.Tracing.Service != "towpath" || c.Tracing.SamplerArg != 0.25 || c.Tracing.Sampler != "parentbased_always_on" {
		t.Errorf("got %+v", c.Tracing)
	}
	none, err := Load(lookup(nil))
	if err != nil || !none.RedisURL.IsZero() || none.ShoutURL != "" || none.Tracing.On() {
		t.Errorf("by default: %v, %v", none, err)
	}
}

func TestTracesURL(t *testing.T) {
	tests := []struct {
		tracing Tracing
		want    string
		on      bool
	}{
		{Tracing{}, "", false},
		{Tracing{Endpoint: "http://h:4318"}, "http://h:4318/v1/traces", true},
		{Tracing{Endpoint: "http://h/base/"}, "http://h/base/v1/traces", true},
		{Tracing{TracesEndpoint: "http://h/"}, "http://h/", true},
		{Tracing{Endpoint: "http://one", TracesEndpoint: "http://two/x"}, "http://two/x", true},
		{Tracing{Endpoint: "http://h", Disabled: true}, "http://h/v1/traces", false},
		{Tracing{Endpoint: "http://h", Exporter: "none"}, "http://h/v1/traces", false},
	}
	for _, tt := range tests {
		if tt.tracing.URL() != tt.want || tt.tracing.On() != tt.on {
			t.Errorf("%+v: got %s, %t", tt.tracing, tt.tracing.URL(), tt.tracing.On())
		}
	}
}

// What is wrong with another system's address is said without the address, which may hold a key.
func TestOtherSystemsRefused(t *testing.T) {
	tests := []struct{ name, value, reason string }{
		{"REDIS_URL", "hunter2", "neither redis, rediss nor unix"},
		{"REDIS_URL", "tcp://hunter2:6379", "neither redis, rediss nor unix"}, // what Kubernetes sets for a Service
		{"REDIS_URL", "redis://:hunter2@", "without a host"},
		{"SHOUT_URL", "hunter2", "not an http or https URL"},
		{"SHOUT_URL", "hunter2.example/x", "not an http or https URL"},
		{"SHOUT_URL", "ftp://hunter2", "not an http or https URL"},
		{"SHOUT_URL", "http://", "not an http or https URL"},
		{"SHOUT_URL", "http:///hunter2", "not an http or https URL"},
		{"SHOUT_URL", "http://:80/hunter2", "not an http or https URL"},
		{"SHOUT_URL", "http://h/%hunter2", "not an http or https URL"},
		{"SHOUT_URL", "http://h/#hunter2", "not an http or https URL"},
		{"SHOUT_URL", "http://h:hunter2", "not an http or https URL"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "hunter2:4317", "not an http or https URL"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://hunter2", "not an http or https URL"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "hunter2", "not key=value pairs"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "=hunter2", "not key=value pairs"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "a b=hunter2", "not key=value pairs"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "a=hunter2%0d%0ab: c", "not key=value pairs"},
		{"OTEL_EXPORTER_OTLP_HEADERS", "a=hunter2%", "not key=value pairs"},
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "not a known word"},
		{"OTEL_TRACES_SAMPLER", "sometimes", "not a known word"},
		{"OTEL_TRACES_SAMPLER_ARG", "1.5", "out of range"},
		{"OTEL_TRACES_SAMPLER_ARG", "NaN", "out of range"},
		{"OTEL_TRACES_SAMPLER_ARG", "half", "not a number"},
		{"OTEL_TRACES_EXPORTER", "zipkin", "not a known word"},
		{"OTEL_SDK_DISABLED", "1", "neither true nor false"},
	}
	for _, tt := range tests {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			_, err := Load(lookup(map[string]string{tt.name: tt.value}))
			var invalid *InvalidError
			if !errors.As(err, &invalid) || len(invalid.Problems) != 1 || !strings.Contains(err.Error(), tt.name+": "+tt.reason+" (found ") {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v repeats the value", err)
			}
		})
	}
}
