package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"reflect"
	"testing"
	"testing/slogtest"
	"time"
)

func TestHandlerContract(t *testing.T) {
	var b bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		b.Reset()
		return &jsonHandler{w: &b}
	}, func(t *testing.T) map[string]any {
		var line map[string]any
		if err := json.Unmarshal(b.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v", b.String(), err)
		}
		return line
	})
}

// The standard library's handler is the reference for every kind of value.
func TestSameAsStandard(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 987654321, time.FixedZone("", 3600))
	logs := map[string]func(*slog.Logger){
		"plain": func(l *slog.Logger) { l.Info("hello") },
		"strings": func(l *slog.Logger) {
			l.Info(`say "hi"`, "a\n", "tab\t", "path", `c:\x`, "ü", "→ \u2028 <&> \x7f", "bad", "\xff")
		},
		"scalars": func(l *slog.Logger) {
			l.Warn("x", "int", -7, "uint", uint64(math.MaxUint64), "bool", true, "float", 1.5, "duration", time.Second, "time", now)
		},
		"any": func(l *slog.Logger) {
			l.Error("x", "error", errors.New("broken \"pipe\""), "nil", nil, "list", []int{1, 2}, "addr", netip.MustParseAddr("::1"), "channel", make(chan int))
		},
		"groups": func(l *slog.Logger) {
			l.With("a", 1).WithGroup("g").With("b", 2).WithGroup("h").Info("x", "c", 3, slog.Group("i", "d", 4, slog.Group("empty")), slog.Group("", "e", 5))
		},
		"empty groups": func(l *slog.Logger) { l.WithGroup("g").With("a", 1).WithGroup("h").Info("x") },
		"nothing":      func(l *slog.Logger) { l.WithGroup("g").Info("x", slog.Attr{}) },
		"level":        func(l *slog.Logger) { l.Log(t.Context(), slog.LevelInfo+2, "x") },
		"below":        func(l *slog.Logger) { l.Debug("x") },
	}
	for name, log := range logs {
		t.Run(name, func(t *testing.T) {
			var got, want bytes.Buffer
			log(slog.New(&jsonHandler{w: &got}))
			log(slog.New(slog.NewJSONHandler(&want, nil)))
			if bytes.Count(got.Bytes(), []byte("\n")) != bytes.Count(want.Bytes(), []byte("\n")) {
				t.Fatalf("got %q, want %q", got.String(), want.String())
			}
			if g, w := parse(t, got.Bytes()), parse(t, want.Bytes()); !reflect.DeepEqual(g, w) {
				t.Errorf("got  %s\nwant %s", got.String(), want.String())
			}
		})
	}
}

// parse reads a line, if there is one, and takes away the time, which no two lines share.
func parse(t *testing.T, line []byte) map[string]any {
	t.Helper()
	if len(line) == 0 {
		return nil
	}
	var m map[string]any
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if _, err := time.Parse(time.RFC3339Nano, m["time"].(string)); err != nil {
		t.Error(err)
	}
	delete(m, "time")
	return m
}

func FuzzString(f *testing.F) {
	f.Add("plain")
	f.Add("\"\\\x00\xff\u2028")
	f.Fuzz(func(t *testing.T, s string) {
		var got, want string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &want); err != nil || got != want {
			t.Errorf("got %q, want %q, %v", got, want, err)
		}
	})
}

func BenchmarkLine(b *testing.B) {
	for name, h := range map[string]slog.Handler{
		"ours":     &jsonHandler{w: io.Discard},
		"standard": slog.NewJSONHandler(io.Discard, nil),
	} {
		b.Run(name, func(b *testing.B) {
			r := slog.NewRecord(time.Now(), slog.LevelInfo, "request", 0)
			r.AddAttrs(slog.String("path", "/dynamic"), slog.Int("status", 200), slog.Int("bytes", 34),
				slog.String("client", "192.0.2.1"), slog.String("request_id", "4bf92f3577b34da6a3ce929d0e0e4736"))
			for b.Loop() {
				h.Handle(b.Context(), r)
			}
		})
	}
}
