package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

const (
	starts      = 20
	millionRows = 1_000_000
)

// start measures the time from starting the service to its first good answer at /readyz: in an
// empty folder, where it makes its tables first, and again where they are.
func (b *bench) start(ctx context.Context) error {
	b.progress("start, %d times", starts)
	for range starts {
		dir, err := os.MkdirTemp(b.temp, "start")
		if err != nil {
			return err
		}
		for _, times := range []*[]int64{&b.result.FirstStarts, &b.result.LaterStarts} {
			begin := time.Now()
			p, err := startService(b.binary("service"), "DATA_DIR="+dir)
			if err != nil {
				return err
			}
			ready, err := p.awaitReady(ctx, "/readyz")
			p.stop()
			if err != nil {
				return err
			}
			*times = append(*times, int64(ready.Sub(begin)))
		}
	}
	return nil
}

// stream is what it took to send a list of a million rows.
type stream struct {
	Fill      time.Duration `json:"fillNanoseconds"`
	FirstByte time.Duration `json:"firstByteNanoseconds"`
	Whole     time.Duration `json:"wholeNanoseconds"`
	Bytes     int64         `json:"bytes"`
	Memory    memory        `json:"memory"`
}

// million asks the service for a list of a million rows.
func (b *bench) million(ctx context.Context) error {
	b.progress("million: filling the register")
	begin := time.Now()
	from, err := b.sqliteSource(ctx, millionRows)
	if err != nil {
		return err
	}
	s := &stream{Fill: time.Since(begin)}
	b.progress("million: reading the list")
	p, err := startService(b.binary("service"), from.settings...)
	if err != nil {
		return err
	}
	defer p.stop()
	if _, err := p.awaitReady(ctx, "/readyz"); err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+"/people", http.NoBody)
	if err != nil {
		return err
	}
	begin = time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // only read
	var count rowCounter
	if _, err := io.ReadFull(response.Body, make([]byte, 1)); err != nil {
		return err
	}
	s.FirstByte = time.Since(begin)
	if s.Bytes, err = io.Copy(&count, response.Body); err != nil {
		return fmt.Errorf("the list broke off after %d rows: %w", count.rows, err)
	}
	s.Whole, s.Memory = time.Since(begin), memoryOf(p.cmd.Process.Pid)
	if count.rows != millionRows || count.last != ']' {
		return fmt.Errorf("the list has %d rows and ends in %q", count.rows, count.last)
	}
	b.result.Stream = s
	return nil
}

// rowCounter counts the objects of a list in which no text holds a brace.
type rowCounter struct {
	rows int
	last byte
}

func (c *rowCounter) Write(p []byte) (int, error) {
	c.rows += bytes.Count(p, []byte("{"))
	if text := bytes.TrimSpace(p); len(text) > 0 {
		c.last = text[len(text)-1]
	}
	return len(p), nil
}

// size measures the binary as it is shipped.
func (b *bench) size(context.Context) error {
	info, err := os.Stat(b.binary("service"))
	if err != nil {
		return err
	}
	b.result.Size = info.Size()
	return nil
}
