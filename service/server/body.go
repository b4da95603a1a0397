package server

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"gitlab.com/towpath/towpath/service/workload"
)

// streamTimeout is the least time for a request to a route that takes large bodies: 16 MiB from
// a telephone with a weak signal.
const streamTimeout = 2 * time.Minute

// firstRead is how much memory a body gets before any of it has arrived, in bytes. What a client
// announces is no reason to set a megabyte aside for each of two thousand connections.
const firstRead = 8 << 10

// bodies decides how the body of a request is read. fasthttp hands every body over as a stream,
// of which it has read the first few kilobytes. For nearly all routes the edge then reads it to
// its end, within BODY_LIMIT, and handlers see a plain body. A route with a limit of its own
// gets the stream, and so the largest upload passes through a few kilobytes of memory.
type bodies struct {
	limit   int
	timeout time.Duration
	streams map[string]int // limits in bytes, by method and path
}

func newBodies(limit int, timeout time.Duration, workloads []workload.Workload) *bodies {
	b := &bodies{limit: limit, timeout: max(timeout, streamTimeout), streams: map[string]int{}}
	for _, w := range workloads {
		for _, r := range w.Routes {
			if r.BodyLimit > 0 {
				b.streams[r.Method+" "+r.Path] = r.BodyLimit
			}
		}
	}
	return b
}

// headerReceived gives an upload more time than READ_TIMEOUT. fasthttp asks for every request.
func (b *bodies) headerReceived(header *fasthttp.RequestHeader) (c fasthttp.RequestConfig) {
	limit := b.limit
	if len(b.streams) > 0 && !header.IsGet() && !header.IsHead() {
		path, _, _ := strings.Cut(string(header.RequestURI()), "?")
		if own, ok := b.streams[string(header.Method())+" "+path]; ok {
			limit, c.ReadTimeout = own, b.timeout
		}
	}
	if header.ContentLength() > limit {
		// The request is refused as soon as it gets to read, which is after this many bytes of
		// the body; otherwise some kilobytes would have to arrive first.
		c.MaxRequestBodySize = 1
	}
	return c
}

// read makes the body fit for the handler. With an error the body has not been read to its end,
// and the connection cannot be used again.
func (b *bodies) read(ctx *fasthttp.RequestCtx) error {
	length := ctx.Request.Header.ContentLength() // below zero: not known beforehand
	if len(b.streams) > 0 {
		if limit, ok := b.streams[string(ctx.Method())+" "+string(ctx.Path())]; ok {
			if length > limit {
				return fasthttp.ErrBodyTooLarge
			}
			// Where the next request would begin depends on how far the handler reads.
			ctx.SetConnectionClose()
			lingerOn(ctx)
			return nil
		}
	}
	if length > b.limit {
		return fasthttp.ErrBodyTooLarge
	}
	body, err := readAll(ctx.RequestBodyStream(), length, b.limit)
	if err != nil {
		return err
	}
	ctx.Request.SetBodyRaw(body)
	return nil
}

// readAll reads to the end, at most limit bytes.
func readAll(r io.Reader, length, limit int) ([]byte, error) {
	// One byte more, so that the end is seen without growing.
	body := make([]byte, 0, min(max(length, 511)+1, firstRead))
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > limit:
			return nil, fasthttp.ErrBodyTooLarge
		case errors.Is(err, io.EOF) && (length < 0 || len(body) == length):
			return body, nil
		case errors.Is(err, io.EOF):
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
	}
}

// unreadable is the status for a request that could not be read.
func unreadable(err error) int {
	var smallBuffer *fasthttp.ErrSmallBuffer
	var network net.Error
	switch {
	case errors.As(err, &smallBuffer):
		return http.StatusRequestHeaderFieldsTooLarge
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.As(err, &network) && network.Timeout():
		return http.StatusRequestTimeout
	}
	return http.StatusBadRequest
}

// lingerOn lets the client read the answer although the rest of its request is still on its way.
func lingerOn(ctx *fasthttp.RequestCtx) {
	if c, ok := ctx.Conn().(*conn); ok {
		c.linger.Store(true)
	}
}
