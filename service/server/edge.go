package server

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gitlab.com/towpath/towpath/service/accept"
	"gitlab.com/towpath/towpath/service/logging"
	"gitlab.com/towpath/towpath/service/page"
	"gitlab.com/towpath/towpath/service/problem"
	"gitlab.com/towpath/towpath/service/tracing"
	"gitlab.com/towpath/towpath/service/workload"
)

// edge surrounds the router with what holds for every request.
type edge struct {
	next     fasthttp.RequestHandler
	log      *slog.Logger
	metrics  *metrics
	trusted  []netip.Prefix
	draining *atomic.Bool
	bodies   *bodies
	tracer   *tracing.Tracer // nil is no traces
}

// requestIDHeader is spelled as fasthttp keeps it, which makes it quick to find and to set;
// Fiber's constant is spelled otherwise.
var requestIDHeader = []byte("X-Request-Id")

// routeKey is where a matched route leaves its *route for the edge.
type routeKey struct{}

// spanKey is where the edge leaves the *tracing.Request for the route.
type spanKey struct{}

// handle answers one request.
func (e *edge) handle(ctx *fasthttp.RequestCtx) {
	id := e.admit(ctx)
	e.metrics.inFlight.Inc()
	var span *tracing.Request
	if e.tracer != nil && !isProbe(ctx.Path()) {
		span = e.tracer.Begin(&ctx.Request)
		ctx.SetUserValue(spanKey{}, span)
	}
	defer e.finish(ctx, id, ctx.Time(), span)
	if ctx.Request.IsBodyStream() {
		if err := e.bodies.read(ctx); err != nil {
			e.refuse(ctx, err, id)
			return
		}
	}
	e.next(ctx)
}

// reject answers a request that could not be read. The client may already be gone.
func (e *edge) reject(ctx *fasthttp.RequestCtx, err error) {
	id := e.admit(ctx)
	e.metrics.inFlight.Inc()
	e.refuse(ctx, err, id)
	e.finish(ctx, id, time.Now(), nil) // ctx.Time is that of the request before it, if any
}

// refuse answers a request that was not read to its end.
func (e *edge) refuse(ctx *fasthttp.RequestCtx, err error, id string) {
	// Before its body fasthttp drops what it had read, so the method and path are not always known.
	ctx.SetUserValue(routeKey{}, newRoute(e.metrics, e.log, methodOther, "unreadable"))
	writeProblem(ctx, problem.New(unreadable(err), ""), id)
	ctx.SetConnectionClose()
	lingerOn(ctx)
}

// writeProblem answers with a problem: as JSON, or as a page for whoever prefers HTML, which a
// program that accepts anything does not.
func writeProblem(ctx *fasthttp.RequestCtx, p *problem.Problem, id string) {
	header := string(bytes.Join(ctx.Request.Header.PeekAll(fiber.HeaderAccept), []byte(",")))
	if header != "" && accept.Best(header, problem.ContentType, fiber.MIMEApplicationJSON, fiber.MIMETextHTML) == fiber.MIMETextHTML {
		page.Error(&ctx.Response, p, id)
	} else {
		p.Write(&ctx.Response)
	}
	if !bytes.Contains(ctx.Response.Header.Peek(fiber.HeaderVary), []byte(fiber.HeaderAccept)) {
		ctx.Response.Header.Add(fiber.HeaderVary, fiber.HeaderAccept)
	}
}

// admit makes the request's headers fit for use by everyone behind the edge, and returns the
// request id.
func (e *edge) admit(ctx *fasthttp.RequestCtx) (id string) {
	header := &ctx.Request.Header
	if brought := header.PeekBytes(requestIDHeader); saneID(brought) {
		id = string(brought)
	} else {
		made := newID()
		id = string(made[:])
		header.SetCanonical(requestIDHeader, made[:])
	}
	if len(e.trusted) > 0 {
		trustClient(ctx, e.trusted)
	}
	if !knownMethod(header.Method()) {
		header.SetMethod(methodOther)
	}
	return id
}

// finish completes the answer and accounts for it. It is deferred, and so sees panics.
func (e *edge) finish(ctx *fasthttp.RequestCtx, id string, start time.Time, span *tracing.Request) {
	if reason := recover(); reason != nil {
		e.log.Error("panic", "reason", reason, "request_id", id, "stack", string(debug.Stack()))
		ctx.Response.Reset()
		writeProblem(ctx, problem.New(http.StatusInternalServerError, ""), id)
	}
	// Last, because a handler may have begun its answer anew.
	ctx.Response.Header.SetCanonical(requestIDHeader, []byte(id))
	if e.draining.Load() {
		// Clients that keep connections alive move to another pod before the listener closes.
		ctx.Response.SetConnectionClose()
	}

	now := time.Now()
	elapsed := now.Sub(start)
	matched, _ := ctx.UserValue(routeKey{}).(*route)
	if matched == nil {
		matched = newRoute(e.metrics, e.log, string(ctx.Method()), "unmatched")
	}
	status := ctx.Response.StatusCode()
	matched.observe(status, elapsed)
	e.metrics.inFlight.Dec()
	if span != nil {
		path := matched.path
		if path[0] != '/' { // unmatched or unreadable
			path = ""
		}
		span.End(path, status, workload.Reason(ctx))
	}
	e.logAccess(ctx, matched, status, now, elapsed, id, span)
}

// logAccess writes a line about a request. The line goes to the route's handler and not through
// [slog.Logger], which would first walk the stack for the line of code that is logging.
func (e *edge) logAccess(ctx *fasthttp.RequestCtx, route *route, status int, now time.Time, elapsed time.Duration, id string, span *tracing.Request) {
	level := slog.LevelInfo
	switch {
	case route.isProbe:
		level = slog.LevelDebug
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	}
	if !route.log.Enabled(ctx, level) {
		return
	}
	line := logging.Request{
		Time:     now,
		Path:     ctx.URI().PathOriginal(), // never the query: it may hold anything
		Status:   status,
		Bytes:    bodySize(&ctx.Response),
		Duration: elapsed,
		Client:   clientAddr(ctx, e.trusted),
		ID:       id,
		Reason:   workload.Reason(ctx),
	}
	if span != nil {
		line.TraceID = span.TraceID()
	} else {
		line.TraceID = string(traceID(ctx.Request.Header.Peek("Traceparent")))
	}
	_ = line.Log(ctx, route.log, level) // like slog: a log that cannot be written is no reason to fail
}

// bodySize is the length of the answer's body in bytes, without reading a stream; 0 when it is
// not known beforehand.
func bodySize(r *fasthttp.Response) int {
	if r.IsBodyStream() {
		return max(0, r.Header.ContentLength())
	}
	return len(r.Body())
}

func knownMethod(method []byte) bool {
	for _, m := range fiber.DefaultMethods { // GET comes first
		if string(method) == m {
			return true
		}
	}
	return false
}
