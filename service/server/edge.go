package server

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gitlab.com/towpath/towpath/service/problem"
)

// edge surrounds the router with what holds for every request.
type edge struct {
	next     fasthttp.RequestHandler
	log      *slog.Logger
	metrics  *metrics
	trusted  []netip.Prefix
	draining *atomic.Bool
}

// requestIDHeader is spelled as fasthttp keeps it, which makes it quick to find and to set;
// Fiber's constant is spelled otherwise.
var requestIDHeader = []byte("X-Request-Id")

// routeKey is where a matched route leaves its *route for the edge.
type routeKey struct{}

// handle answers one request.
func (e *edge) handle(ctx *fasthttp.RequestCtx) {
	id := e.admit(ctx)
	e.metrics.inFlight.Inc()
	defer e.finish(ctx, id, ctx.Time())
	e.next(ctx)
}

// reject answers a request that could not be read. The client may already be gone.
func (e *edge) reject(ctx *fasthttp.RequestCtx, err error) {
	var tooLarge *fasthttp.ErrSmallBuffer
	var network net.Error
	status := http.StatusBadRequest
	switch {
	case errors.As(err, &tooLarge):
		status = http.StatusRequestHeaderFieldsTooLarge
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		status = http.StatusRequestEntityTooLarge
	case errors.As(err, &network) && network.Timeout():
		status = http.StatusRequestTimeout
	}
	id := e.admit(ctx)
	// fasthttp has dropped what it had read, so the method and path are not to be known.
	ctx.SetUserValue(routeKey{}, newRoute(e.metrics, e.log, methodOther, "unreadable"))
	problem.New(status, "").Write(&ctx.Response)
	// The rest of the request is still on its way.
	if c, ok := ctx.Conn().(*conn); ok {
		c.linger.Store(true)
	}
	e.metrics.inFlight.Inc()
	e.finish(ctx, id, time.Now()) // ctx.Time is that of the request before it, if any
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
func (e *edge) finish(ctx *fasthttp.RequestCtx, id string, start time.Time) {
	if reason := recover(); reason != nil {
		e.log.Error("panic", "reason", reason, "request_id", id, "stack", string(debug.Stack()))
		ctx.Response.Reset()
		problem.New(http.StatusInternalServerError, "").Write(&ctx.Response)
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
	e.logAccess(ctx, matched, status, now, elapsed, id)
}

// logAccess writes a line about a request. It hands the record to the route's handler itself:
// [slog.Logger] would first walk the stack for the line of code that is logging.
func (e *edge) logAccess(ctx *fasthttp.RequestCtx, route *route, status int, now time.Time, elapsed time.Duration, id string) {
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
	record := slog.NewRecord(now, level, "request", 0)
	record.AddAttrs(
		slog.String("path", string(ctx.URI().PathOriginal())), // never the query: it may hold anything
		slog.Int("status", status),
		slog.Int("bytes", bodySize(&ctx.Response)),
		slog.Int64("duration_us", elapsed.Microseconds()),
		slog.String("client", clientAddr(ctx, e.trusted).String()),
		slog.String("request_id", id),
	)
	if trace := traceID(ctx.Request.Header.Peek("Traceparent")); trace != nil {
		record.AddAttrs(slog.String("trace_id", string(trace)))
	}
	_ = route.log.Handle(ctx, record) // like slog: a log that cannot be written is no reason to fail
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
