package people

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"
)

// batchRows is how many persons of a stream are in memory at once.
const batchRows = 500

// listReader is a list as a JSON array, read from the store in batches while it is being sent.
// Between two batches it holds neither a connection nor a transaction, so a slow client costs
// a buffer and keeps nobody waiting. In turn the list is not a snapshot: it has each person
// once who is there from beginning to end, and may or may not have those who come or go meanwhile.
type listReader struct {
	ctx     context.Context
	store   Store
	query   query
	batch   []Entry
	begun   bool
	done    bool
	buffer  bytes.Buffer
	encoder *json.Encoder
	before  func() // each batch
	failed  func(error)
}

func newListReader(ctx context.Context, store Store, q query) *listReader {
	r := &listReader{ctx: ctx, store: store, query: q, before: func() {}, failed: func(error) {}}
	r.encoder = json.NewEncoder(&r.buffer)
	return r
}

// Read gives the next bytes of the array. A failing store ends it early, with an error.
func (r *listReader) Read(p []byte) (int, error) {
	if r.buffer.Len() == 0 {
		if r.done {
			return 0, io.EOF
		}
		r.before()
		if err := r.fill(); err != nil {
			r.failed(err)
			return 0, err
		}
	}
	return r.buffer.Read(p)
}

// fill encodes the next batch.
func (r *listReader) fill() error {
	ctx, cancel := context.WithTimeout(r.ctx, queryTimeout)
	defer cancel()
	var err error
	r.batch, err = r.store.Page(ctx, r.query.filter, r.query.after, batchRows, r.batch[:0])
	if err != nil {
		return err
	}
	for i := range r.batch {
		separator := byte(',')
		if !r.begun {
			r.begun, separator = true, '['
		}
		r.buffer.WriteByte(separator)
		if err := r.encoder.Encode(&r.batch[i].Person); err != nil {
			return fmt.Errorf("encode a person: %w", err)
		}
		r.buffer.Truncate(r.buffer.Len() - 1) // the encoder ends each value with a line feed
		r.query.after = r.batch[i].Seq
	}
	if len(r.batch) < batchRows {
		r.done = true
		if !r.begun {
			r.buffer.WriteByte('[')
		}
		r.buffer.WriteByte(']')
	}
	return nil
}

// stream sends the whole list. When the store fails half-way the answer breaks off without its
// last chunk, so no client takes the part for the whole.
func (h *handlers) stream(c *fiber.Ctx, q query) error {
	// The request's context ends with the handler, and the stream is read after that.
	r := newListReader(context.WithoutCancel(c.UserContext()), h.store, q)
	// The first batch now: a store that is down should give a status that says so.
	if err := r.fill(); err != nil {
		return err
	}
	id := c.Get(fiber.HeaderXRequestID)
	r.failed = func(err error) { h.log.Error("a list broke off", "error", err, "request_id", id) }
	if h.stall > 0 {
		r.before = extend(c.Context().Conn(), h.stall)
	}
	c.Response().Header.SetContentType(fiber.MIMEApplicationJSON)
	if r.done {
		return c.Send(r.buffer.Bytes())
	}
	if c.Method() == fiber.MethodHead {
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
