package logging

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"testing"
	"time"
)

var requests = map[string]Request{
	"plain": {
		Time: time.Date(2026, 5, 4, 3, 2, 1, 987654321, time.UTC), Path: []byte("/dynamic"), Status: 200, Bytes: 34,
		Duration: 123456 * time.Nanosecond, Client: netip.MustParseAddr("192.0.2.1"), ID: "4bf92f3577b34da6a3ce929d0e0e4736",
	},
	"everything": {
		Time: time.Date(2026, 5, 4, 3, 2, 1, 500, time.FixedZone("", -9000)), Path: []byte("/people/\"\n\\ü\xff<"), Status: 503,
		Duration: time.Minute, Client: netip.MustParseAddr("2001:db8::1"), ID: "a-1",
		TraceID: "0af7651916cd43dd8448eb211c80319c", Reason: errors.New("broken \"pipe\""),
	},
	"nothing": {},
	"zone":    {Client: netip.MustParseAddr(`fe80::1%"0`)},
}

// A request gives the same line, whichever way it takes.
func TestRequestIsItsRecord(t *testing.T) {
	attrs := []slog.Attr{slog.String("method", "GET"), slog.String("route", "/dynamic")}
	for shape, with := range map[string]func(slog.Handler) slog.Handler{
		"bare":          func(h slog.Handler) slog.Handler { return h },
		"attributes":    func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs) },
		"group":         func(h slog.Handler) slog.Handler { return h.WithGroup("g").WithAttrs(attrs) },
		"pending group": func(h slog.Handler) slog.Handler { return h.WithAttrs(attrs).WithGroup("g") },
	} {
		for name, r := range requests {
			t.Run(shape+"/"+name, func(t *testing.T) {
				var got, want bytes.Buffer
				if err := r.Log(t.Context(), with(&jsonHandler{w: &got}), slog.LevelError); err != nil {
					t.Fatal(err)
				}
				with(&jsonHandler{w: &want}).Handle(t.Context(), r.record(slog.LevelError))
				if got.String() != want.String() {
					t.Errorf("got  %swant %s", got.String(), want.String())
				}
			})
		}
	}
}

func TestRequestLine(t *testing.T) {
	plain := requests["plain"]
	for _, tt := range []struct {
		name    string
		handler func(io.Writer) slog.Handler
		want    string
	}{
		{
			"json", func(w io.Writer) slog.Handler { return New(w, "json", slog.LevelInfo).Handler() },
			`{"time":"2026-05-04T03:02:01.987654321Z","level":"INFO","msg":"request","path":"/dynamic","status":200,` +
				`"bytes":34,"duration_us":123,"client":"192.0.2.1","request_id":"4bf92f3577b34da6a3ce929d0e0e4736"}` + "\n",
		},
		{
			"text", func(w io.Writer) slog.Handler { return New(w, "text", slog.LevelInfo).Handler() },
			`time=2026-05-04T03:02:01.987Z level=INFO msg=request path=/dynamic status=200 ` +
				`bytes=34 duration_us=123 client=192.0.2.1 request_id=4bf92f3577b34da6a3ce929d0e0e4736` + "\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := plain.Log(t.Context(), tt.handler(&b), slog.LevelInfo); err != nil {
				t.Fatal(err)
			}
			if b.String() != tt.want {
				t.Errorf("got  %swant %s", b.String(), tt.want)
			}
		})
	}
}

func TestTime(t *testing.T) {
	start := time.Date(2026, 12, 31, 23, 59, 58, 0, time.UTC)
	for _, location := range []*time.Location{time.UTC, time.Local, time.FixedZone("", 5*3600+1800), time.FixedZone("", -3600)} {
		for _, after := range []time.Duration{0, 1, 10, 1000, 999_999_999, time.Second, 1100 * time.Millisecond, 2 * time.Second, 0} {
			at := start.Add(after).In(location)
			if got, want := string(appendTime(nil, at)), at.Format(time.RFC3339Nano); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	r := requests["plain"]
	for name, h := range map[string]slog.Handler{
		"json": &jsonHandler{w: io.Discard},
		"text": slog.NewTextHandler(io.Discard, nil),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Log(b.Context(), h, slog.LevelInfo)
			}
		})
	}
}
