// Package tracing follows requests across systems with OpenTelemetry.
//
// A request that comes in becomes a span, named by its route; a request that goes out becomes a
// span below it. The two ends meet in the header "traceparent" of W3C Trace Context: it is read
// from what comes in and written to what goes out, so spans of several systems make one trace.
//
// Finished spans leave in batches, in the background. A collector that is slow or gone costs
// spans, never a request. Without an endpoint in the configuration there is no Tracer, and
// neither the server nor [Transport] does anything beyond noticing that.
package tracing

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"gitlab.com/towpath/towpath/service/build"
	"gitlab.com/towpath/towpath/service/config"
)

// scope names this package as the maker of the spans.
const scope = "gitlab.com/towpath/towpath/service/tracing"

// stopTimeout bounds how long the end of the process waits for the last spans to leave.
const stopTimeout = 3 * time.Second

// traceContext is the one form of propagation we speak. Baggage is left out: it would carry what
// any client wrote to every system behind us.
var traceContext propagation.TraceContext

// Tracer makes spans of requests and sends them away.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// New makes a Tracer, or nil when the configuration asks for none. What goes wrong with sending
// is logged. Stop it to send what is left.
func New(c config.Tracing, info build.Info, log *slog.Logger) (*Tracer, error) {
	if !c.On() {
		return nil, nil
	}
	// The SDK knows this one place only for errors; ours is the one Tracer of a process.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces", "error", err) }))

	exporter, err := otlptrace.New(context.Background(), newUploader(c))
	if err != nil {
		return nil, fmt.Errorf("start sending traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(describe(c, info)),
		sdktrace.WithSampler(sampler(c)),
	)
	return &Tracer{provider, provider.Tracer(scope)}, nil
}

// Stop sends the spans that are left, for a few seconds at most. A nil Tracer has none.
func (t *Tracer) Stop() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}

// describe says whose spans these are.
func describe(c config.Tracing, info build.Info) *resource.Resource {
	attributes := []attribute.KeyValue{
		attribute.String("telemetry.sdk.name", "opentelemetry"),
		attribute.String("telemetry.sdk.language", "go"),
		attribute.String("telemetry.sdk.version", otel.Version()),
		attribute.String("service.version", info.Version),
	}
	for name, value := range c.Resource {
		attributes = append(attributes, attribute.String(name, value))
	}
	// The last of a name counts, so OTEL_SERVICE_NAME wins.
	name := cmp.Or(c.Service, c.Resource["service.name"], "service")
	return resource.NewSchemaless(append(attributes, attribute.String("service.name", name))...)
}

// sampler decides which traces are kept. Those that are "parentbased" follow the system that
// called us, and decide for themselves only where a trace begins.
func sampler(c config.Tracing) sdktrace.Sampler {
	ratio := sdktrace.TraceIDRatioBased(c.SamplerArg)
	switch c.Sampler {
	case "always_on":
		return sdktrace.AlwaysSample()
	case "always_off":
		return sdktrace.NeverSample()
	case "traceidratio":
		return ratio
	case "parentbased_always_off":
		return sdktrace.ParentBased(sdktrace.NeverSample())
	case "parentbased_traceidratio":
		return sdktrace.ParentBased(ratio)
	default:
		return sdktrace.ParentBased(sdktrace.AlwaysSample())
	}
}
