package tracing

import (
	"context"
	"net/http"

	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Request is the span of a request that came in.
type Request struct {
	ctx  context.Context
	span trace.Span
}

// Begin starts the span of a request, below the caller's if the request names one.
func (t *Tracer) Begin(r *fasthttp.Request) *Request {
	method := methodName(string(r.Header.Method()))
	ctx := traceContext.Extract(context.Background(), incoming{&r.Header})
	ctx, span := t.tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindServer))
	if span.IsRecording() {
		uri := r.URI()
		span.SetAttributes(
			attribute.String("http.request.method", method),
			attribute.String("url.scheme", string(uri.Scheme())),
			attribute.String("url.path", string(uri.PathOriginal())), // never the query: it may hold anything
		)
		if agent := r.Header.UserAgent(); len(agent) > 0 {
			span.SetAttributes(attribute.String("user_agent.original", string(agent)))
		}
	}
	return &Request{ctx, span}
}

// Context is for whoever works on the request: what they do becomes part of its trace.
func (r *Request) Context() context.Context { return r.ctx }

// TraceID is the trace that the request belongs to, in hex.
func (r *Request) TraceID() string { return r.span.SpanContext().TraceID().String() }

// End completes the span. An empty route is one that does not exist. The reason, if there is
// one, is what the log has too.
func (r *Request) End(route string, status int, reason error) {
	if r.span.IsRecording() {
		if route != "" {
			// Names have to be few, so they are made of the template and not of the path.
			if s, ok := r.span.(interface{ Name() string }); ok {
				r.span.SetName(s.Name() + " " + route)
			}
			r.span.SetAttributes(attribute.String("http.route", route))
		}
		r.span.SetAttributes(attribute.Int("http.response.status_code", status))
		if reason != nil {
			r.span.RecordError(reason)
		}
		if status >= http.StatusInternalServerError {
			r.span.SetStatus(codes.Error, "")
		}
	}
	r.span.End()
}

// methodName is the name of a span without a route. Methods that HTTP does not define share one.
func methodName(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH":
		return method
	default:
		return "_OTHER"
	}
}

// incoming reads the headers of a request.
type incoming struct{ header *fasthttp.RequestHeader }

var _ propagation.TextMapCarrier = incoming{}

func (c incoming) Get(key string) string { return string(c.header.Peek(key)) }
func (c incoming) Set(key, value string) { c.header.Set(key, value) }
func (c incoming) Keys() (names []string) {
	for name := range c.header.All() {
		names = append(names, string(name))
	}
	return names
}
