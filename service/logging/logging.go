// Package logging makes the service's logger: structured lines, gathered before they are written.
//
// A line per request is worth having only if it is nearly free. Encoding one costs less than
// half a microsecond; a write system call per line costs more than that and makes requests queue
// behind each other. So lines collect in memory and leave together, at the latest after [Delay].
package logging

import (
	"bufio"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Delay is the longest a line stays in memory. A process that is killed outright loses the
// lines of this span; one that ends in any other way has called Close.
const Delay = 100 * time.Millisecond

const bufferSize = 64 << 10

// New makes a logger that writes to w in the given format, "json" or "text", lines of at least
// the given level. Each line is one Write, and w has to be safe for concurrent use.
func New(w io.Writer, format string, level slog.Level) *slog.Logger {
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(&jsonHandler{w: w, level: level})
}

// Buffer gathers writes for another writer. It is safe for concurrent use, and a full buffer
// makes writers wait for the destination, so memory stays bounded when that is slow.
type Buffer struct {
	mu     sync.Mutex
	to     *bufio.Writer
	ticker *time.Ticker
	done   chan struct{}
	once   sync.Once
}

// NewBuffer starts gathering for w. Close it to write what is left.
func NewBuffer(w io.Writer) *Buffer {
	b := &Buffer{
		to:     bufio.NewWriterSize(w, bufferSize),
		ticker: time.NewTicker(Delay),
		done:   make(chan struct{}),
	}
	go func() {
		for {
			select {
			case <-b.ticker.C:
				_ = b.flush()
			case <-b.done:
				return
			}
		}
	}()
	return b
}

// Write keeps p for later. Its error is that of an earlier write to the destination.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.to.Write(p)
}

func (b *Buffer) flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.to.Flush()
}

// Close writes what is left and stops the timer. Lines written later wait for another Close.
func (b *Buffer) Close() error {
	b.once.Do(func() {
		b.ticker.Stop()
		close(b.done)
	})
	return b.flush()
}
