package server

import (
	"net"
	"net/netip"
	"testing"

	"github.com/valyala/fasthttp"
)

func TestTraceID(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	tests := map[string]string{
		"00-" + trace + "-" + span + "-01":                    trace,
		"cc-" + trace + "-" + span + "-01-what-the-future-is": trace,
		"":                                      "",
		"00-" + trace + "-" + span:              "",
		"00-" + trace + "-" + span + "-01-more": "",
		"cc-" + trace + "-" + span + "-01.more": "",
		"ff-" + trace + "-" + span + "-01":      "",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-" + span + "-01":           "",
		"00-00000000000000000000000000000000-" + span + "-01":           "",
		"00-" + trace + "-0000000000000000-01":                          "",
		"00_" + trace + "-" + span + "-01":                              "",
		"00-" + `4bf92f3577b34da6a3ce929d0e0e473"` + "-" + span + "-01": "",
	}
	for header, want := range tests {
		if got := string(traceID([]byte(header))); got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
}

func FuzzTraceID(f *testing.F) {
	f.Add([]byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
	f.Fuzz(func(t *testing.T, header []byte) {
		if got := traceID(header); got != nil && (len(got) != 32 || !saneID(got)) {
			t.Errorf("got %q", got)
		}
	})
}

func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	tests := []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"direct", "192.0.2.1", nil, "192.0.2.1"},
		{"direct, with a claim", "192.0.2.1", []string{"1.2.3.4"}, "192.0.2.1"},
		{"proxy says nothing", "10.0.0.1", nil, "10.0.0.1"},
		{"one proxy", "10.0.0.1", []string{"192.0.2.1"}, "192.0.2.1"},
		{"the client invents", "10.0.0.1", []string{"1.2.3.4, 192.0.2.1"}, "192.0.2.1"},
		{"two proxies", "10.0.0.1", []string{"192.0.2.1, 10.0.0.2"}, "192.0.2.1"},
		{"several lines", "10.0.0.1", []string{"1.2.3.4", "192.0.2.1,10.0.0.2"}, "192.0.2.1"},
		{"all are proxies", "10.0.0.1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"garbage ends the search", "10.0.0.1", []string{"192.0.2.1, what, 10.0.0.2"}, "10.0.0.2"},
		{"empty", "10.0.0.1", []string{""}, "10.0.0.1"},
		{"IPv6", "2001:db8::1", []string{"2001:dead::7"}, "2001:dead::7"},
		{"IPv4 in IPv6", "::ffff:10.0.0.1", []string{"::ffff:192.0.2.1"}, "192.0.2.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ctx fasthttp.RequestCtx
			ctx.Init(&fasthttp.Request{}, &net.TCPAddr{IP: net.ParseIP(tt.peer), Port: 1}, nil)
			for _, line := range tt.forwarded {
				ctx.Request.Header.Add("X-Forwarded-For", line)
			}
			trustClient(&ctx, trusted)
			if got := clientAddr(&ctx, trusted).String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
