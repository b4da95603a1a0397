package server

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// maxIDLength bounds a request id that a client brings, in bytes.
const maxIDLength = 128

// saneID tells whether a client's request id may pass into our logs and headers.
func saneID(id []byte) bool {
	if len(id) == 0 || len(id) > maxIDLength {
		return false
	}
	for _, b := range id {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		case bytes.IndexByte([]byte("-_.~:+/="), b) >= 0:
		default:
			return false
		}
	}
	return true
}

// newID makes a request id: 128 random bits in hex, the form of a trace id. It has to be
// unique, not secret.
func newID() (id [32]byte) {
	var raw [16]byte
	binary.NativeEndian.PutUint64(raw[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(raw[8:], rand.Uint64())
	hex.Encode(id[:], raw[:])
	return id
}

// traceID gives the trace id of a W3C traceparent header, or nil if the header is not valid.
// See https://www.w3.org/TR/trace-context/#traceparent-header.
func traceID(header []byte) []byte {
	const length = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
	if len(header) < length || header[2] != '-' || header[35] != '-' || header[52] != '-' {
		return nil
	}
	// Version 00 ends here; a later one may go on after another dash, and ff is not a version.
	version := string(header[:2])
	if version == "ff" || len(header) > length && (version == "00" || header[length] != '-') {
		return nil
	}
	for i, b := range header[:length] {
		if i != 2 && i != 35 && i != 52 && !(b >= '0' && b <= '9' || b >= 'a' && b <= 'f') {
			return nil
		}
	}
	trace := header[3:35]
	if allZero(trace) || allZero(header[36:52]) {
		return nil
	}
	return trace
}

func allZero(b []byte) bool {
	return len(bytes.Trim(b, "0")) == 0
}

// trustClient replaces X-Forwarded-For by the one address in it that can be believed, or takes it away.
// A proxy appends the address it was called from, so everything to the left of what our own
// proxies wrote is the client's invention. From here on c.IP() is the client's address.
func trustClient(ctx *fasthttp.RequestCtx, trusted []netip.Prefix) {
	lines := ctx.Request.Header.PeekAll(fiber.HeaderXForwardedFor)
	if len(lines) == 0 {
		return
	}
	header := string(bytes.Join(lines, []byte(",")))
	client := peer(ctx)
	ctx.Request.Header.Del(fiber.HeaderXForwardedFor)
	if !contains(trusted, client) {
		return
	}
	for header != "" && contains(trusted, client) {
		cut := strings.LastIndexByte(header, ',')
		addr, err := netip.ParseAddr(strings.TrimSpace(header[cut+1:]))
		if err != nil {
			break
		}
		client, header = addr.Unmap().WithZone(""), header[:max(cut, 0)]
	}
	ctx.Request.Header.Set(fiber.HeaderXForwardedFor, client.String())
}

// clientAddr is the client's address, after trustClient.
func clientAddr(ctx *fasthttp.RequestCtx, trusted []netip.Prefix) netip.Addr {
	if len(trusted) > 0 && contains(trusted, peer(ctx)) {
		if addr, err := netip.ParseAddr(string(ctx.Request.Header.Peek(fiber.HeaderXForwardedFor))); err == nil {
			return addr
		}
	}
	return peer(ctx)
}

// peer is the address at the other end of the connection; for an in-memory one, the zero Addr.
func peer(ctx *fasthttp.RequestCtx) netip.Addr {
	if c, ok := ctx.Conn().(*conn); ok {
		return c.peer
	}
	return addrOf(ctx.RemoteAddr())
}

func addrOf(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

func contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func prefixStrings(prefixes []netip.Prefix) []string {
	texts := make([]string, len(prefixes))
	for i, p := range prefixes {
		texts[i] = p.String()
	}
	return texts
}
