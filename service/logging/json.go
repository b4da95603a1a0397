package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// jsonHandler writes the lines of [slog.JSONHandler] for half its price. It has none of
// its options but the level, and leaves locking to its writer.
type jsonHandler struct {
	w     io.Writer
	level slog.Level
	// bound is what every line has after its message: the attributes of WithAttrs and the
	// opened braces of WithGroup, of which there are open.
	bound []byte
	open  int
	// pending are groups that no attribute has entered yet; one that stays empty is not written.
	pending []string
}

func (h *jsonHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

func (h *jsonHandler) Handle(_ context.Context, r slog.Record) error {
	p := buffers.Get().(*[]byte)
	b := h.begin((*p)[:0], r.Time, r.Level, r.Message)
	open, pending := h.open, h.pending
	r.Attrs(func(a slog.Attr) bool {
		b, open, pending = appendInto(b, open, pending, a)
		return true
	})
	return h.end(p, b, open)
}

// begin appends what a line has before its own attributes.
func (h *jsonHandler) begin(b []byte, t time.Time, level slog.Level, message string) []byte {
	b = append(b, '{')
	if !t.IsZero() {
		b = append(b, `"time":"`...)
		b = appendTime(b, t)
		b = append(b, `",`...)
	}
	b = append(b, `"level":"`...)
	b = append(b, level.String()...)
	b = append(b, `","msg":`...)
	b = appendString(b, message)
	return append(b, h.bound...)
}

// end closes the open groups, writes the line and gives its memory back to p, where it came from.
func (h *jsonHandler) end(p *[]byte, b []byte, open int) error {
	for range open {
		b = append(b, '}')
	}
	b = append(b, '}', '\n')
	_, err := h.w.Write(b)
	*p = b
	buffers.Put(p)
	return err
}

func (h *jsonHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.bound = slices.Clone(h.bound)
	for _, a := range attrs {
		with.bound, with.open, with.pending = appendInto(with.bound, with.open, with.pending, a)
	}
	return &with
}

func (h *jsonHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.pending = append(slices.Clone(h.pending), name)
	return &with
}

// appendInto appends an attribute and, before it, the groups that were waiting for one.
func appendInto(b []byte, open int, pending []string, a slog.Attr) ([]byte, int, []string) {
	before := len(b)
	for _, name := range pending {
		b = appendKey(b, name)
		b = append(b, '{')
	}
	filled := len(b)
	b = appendAttr(b, a)
	if len(b) == filled {
		return b[:before], open, pending
	}
	return b, open + len(pending), nil
}

func appendAttr(b []byte, a slog.Attr) []byte {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		return appendGroup(b, a.Key, value.Group())
	}
	if a.Equal(slog.Attr{}) {
		return b
	}
	b = appendKey(b, a.Key)
	switch value.Kind() {
	case slog.KindString:
		return appendString(b, value.String())
	case slog.KindInt64:
		return strconv.AppendInt(b, value.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(b, value.Uint64(), 10)
	case slog.KindBool:
		return strconv.AppendBool(b, value.Bool())
	case slog.KindDuration:
		return strconv.AppendInt(b, int64(value.Duration()), 10)
	default:
		return appendAny(b, value.Any())
	}
}

// appendGroup appends a group with all its attributes, or nothing if it has none. Without a
// name its attributes join those around it.
func appendGroup(b []byte, name string, attrs []slog.Attr) []byte {
	before := len(b)
	if name != "" {
		b = append(appendKey(b, name), '{')
	}
	inside := len(b)
	for _, a := range attrs {
		b = appendAttr(b, a)
	}
	if len(b) == inside {
		return b[:before]
	}
	if name != "" {
		b = append(b, '}')
	}
	return b
}

func appendKey(b []byte, key string) []byte {
	if len(b) > 0 && b[len(b)-1] == '{' {
		return append(appendString(b, key), ':')
	}
	return append(appendString(append(b, ','), key), ':')
}

// appendString appends s quoted. Most strings have nothing to escape.
func appendString[T string | []byte](b []byte, s T) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return appendAny(b, string(s))
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendAny appends any value; an error as its message, and one that has no JSON as a note.
func appendAny(b []byte, v any) []byte {
	if err, ok := v.(error); ok {
		if _, own := v.(json.Marshaler); !own {
			return appendString(b, err.Error())
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return appendString(b, fmt.Sprintf("!ERROR:%v", err))
	}
	return append(b, text...)
}

// second is what the texts of all times within a second have in common. Lines come by the
// thousand within one, and taking a time apart is dear.
type second struct {
	unix       int64
	location   *time.Location
	text, zone string
}

var latest atomic.Pointer[second]

// appendTime appends what t.Format(time.RFC3339Nano) gives.
func appendTime(b []byte, t time.Time) []byte {
	s := latest.Load()
	if s == nil || s.unix != t.Unix() || s.location != t.Location() {
		s = &second{t.Unix(), t.Location(), t.Format("2006-01-02T15:04:05"), t.Format("Z07:00")}
		latest.Store(s)
	}
	b = append(b, s.text...)
	if fraction := t.Nanosecond(); fraction > 0 {
		// The leading 1 keeps the zeros after the point; the point then takes its place.
		point := len(b)
		b = strconv.AppendInt(b, 1e9+int64(fraction), 10)
		b[point] = '.'
		b = bytes.TrimRight(b, "0")
	}
	return append(b, s.zone...)
}
