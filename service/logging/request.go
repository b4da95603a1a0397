package logging

import (
	"context"
	"log/slog"
	"net/netip"
	"strconv"
	"time"
)

// Request is what the access log tells about one request.
type Request struct {
	Time     time.Time // when it was answered
	Path     []byte
	Status   int
	Bytes    int // of the answer's body
	Duration time.Duration
	Client   netip.Addr
	ID       string
	TraceID  string // empty is none
	Reason   error  // for an answer that needs one, else nil
}

// Log writes the line of a request that h is enabled for. The JSON handler takes it as it is:
// putting it into a [slog.Record] first, which any other handler needs, doubles its price.
func (r *Request) Log(ctx context.Context, h slog.Handler, level slog.Level) error {
	if j, ok := h.(*jsonHandler); ok && len(j.pending) == 0 {
		return j.writeRequest(level, r)
	}
	return h.Handle(ctx, r.record(level))
}

const requestMessage = "request"

// record holds what writeRequest writes.
func (r *Request) record(level slog.Level) slog.Record {
	record := slog.NewRecord(r.Time, level, requestMessage, 0)
	record.AddAttrs(
		slog.String("path", string(r.Path)),
		slog.Int("status", r.Status),
		slog.Int("bytes", r.Bytes),
		slog.Int64("duration_us", r.Duration.Microseconds()),
		slog.String("client", r.Client.String()),
		slog.String("request_id", r.ID),
	)
	if r.TraceID != "" {
		record.AddAttrs(slog.String("trace_id", r.TraceID))
	}
	if r.Reason != nil {
		record.AddAttrs(slog.String("error", r.Reason.Error()))
	}
	return record
}

func (h *jsonHandler) writeRequest(level slog.Level, r *Request) error {
	p := buffers.Get().(*[]byte)
	b := h.begin((*p)[:0], r.Time, level, requestMessage)
	b = appendString(append(b, `,"path":`...), r.Path)
	b = strconv.AppendInt(append(b, `,"status":`...), int64(r.Status), 10)
	b = strconv.AppendInt(append(b, `,"bytes":`...), int64(r.Bytes), 10)
	b = strconv.AppendInt(append(b, `,"duration_us":`...), r.Duration.Microseconds(), 10)
	b = appendAddr(append(b, `,"client":`...), r.Client)
	b = appendString(append(b, `,"request_id":`...), r.ID)
	if r.TraceID != "" {
		b = appendString(append(b, `,"trace_id":`...), r.TraceID)
	}
	if r.Reason != nil {
		b = appendString(append(b, `,"error":`...), r.Reason.Error())
	}
	return h.end(p, b, h.open)
}

func appendAddr(b []byte, addr netip.Addr) []byte {
	if !addr.IsValid() || addr.Zone() != "" { // no text of its own, or one that may need escaping
		return appendString(b, addr.String())
	}
	b = addr.AppendTo(append(b, '"'))
	return append(b, '"')
}
