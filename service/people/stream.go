package people

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
)

// batchRows is how many persons of a stream are in memory at once.
const batchRows = 1000

// listReader is a list as a JSON array, read from the store in batches while it is being sent.
// Between two batches it holds neither a connection nor a transaction, so a slow client costs
// a buffer and keeps nobody waiting. In turn the list is not a snapshot: it has each person
// once who is there from beginning to end, and may or may not have those who come or go meanwhile.
type listReader struct {
	ctx    context.Context
	store  Store
	query  query
	begun  bool
	done   bool
	buffer *listBuffer
	unread []byte // rest of buffer.text
	before func() // each batch
	failed func(error)
}

// listBuffer is one batch, as persons and as text.
type listBuffer struct {
	batch []Entry
	text  []byte
}

// listBuffers are those that no list uses. Most lists are one batch, and grow it to the same size.
var listBuffers = sync.Pool{New: func() any { return new(listBuffer) }}

// newListReader makes a reader, to be closed.
func newListReader(ctx context.Context, store Store, q query) *listReader {
	return &listReader{ctx: ctx, store: store, query: q, buffer: listBuffers.Get().(*listBuffer),
		before: func() {}, failed: func(error) {}}
}

// Close gives back the buffer: nothing that was read may be used any more.
func (r *listReader) Close() error {
	if r.buffer != nil {
		listBuffers.Put(r.buffer)
		r.buffer, r.unread, r.done = nil, nil, true
	}
	return nil
}

// Read gives the next bytes of the array. A failing store ends it early, with an error.
func (r *listReader) Read(p []byte) (int, error) {
	if len(r.unread) == 0 {
		if r.done {
			return 0, io.EOF
		}
		r.before()
		if err := r.fill(); err != nil {
			r.failed(err)
			return 0, err
		}
	}
	n := copy(p, r.unread)
	r.unread = r.unread[n:]
	return n, nil
}

// fill encodes the next batch.
func (r *listReader) fill() error {
	ctx, cancel := context.WithTimeout(r.ctx, queryTimeout)
	defer cancel()
	batch, err := r.store.Page(ctx, r.query.filter, r.query.after, batchRows, r.buffer.batch[:0])
	if err != nil {
		return err
	}
	text := r.buffer.text[:0]
	switch {
	case !r.begun:
		text = append(text, '[')
	case len(batch) > 0:
		text = append(text, ',')
	}
	if text, err = appendPeople(text, batch); err != nil {
		return fmt.Errorf("encode a person: %w", err)
	}
	if len(batch) < batchRows {
		r.done = true
		text = append(text, ']')
	} else {
		r.query.after = batch[len(batch)-1].Seq
	}
	r.begun = true
	r.buffer.batch, r.buffer.text, r.unread = batch, text, text
	return nil
}

// stream sends the whole list. When the store fails half-way the answer breaks off without its
// last chunk, so no client takes the part for the whole.
func (h *handlers) stream(c *fiber.Ctx, q query) error {
	// The request's context ends with the handler, and the stream is read after that.
	r := newListReader(context.WithoutCancel(c.UserContext()), h.store, q)
	// The first batch now: a store that is down should give a status that says so.
	if err := r.fill(); err != nil {
		_ = r.Close() // never fails
		return err
	}
	id := c.Get(fiber.HeaderXRequestID)
	r.failed = func(err error) { h.log.Error("a list broke off", "error", err, "request_id", id) }
	if h.stall > 0 {
		r.before = extend(c.Context().Conn(), h.stall)
	}
	c.Response().Header.SetContentType(fiber.MIMEApplicationJSON)
	if r.done {
		// A copy, which c.Send does not make: the answer is written after the buffer is given back.
		c.Response().SetBody(r.unread)
		return r.Close()
	}
	if c.Method() == fiber.MethodHead {
		_ = r.Close() // never fails
		// fasthttp ends even a chunked body that it does not send with an empty line, and the client
		// would take that for the start of the next answer.
		c.Response().Header.SetContentLength(-1)
		return nil
	}
	c.Response().SetBodyStream(r, -1)
	return nil
}

// extend makes a function that gives the client more time to read.
func extend(conn net.Conn, stall time.Duration) func() {
	return func() {
		if conn != nil {
			_ = conn.SetWriteDeadline(time.Now().Add(stall))
		}
	}
}
