package logging_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gitlab.com/towpath/towpath/service/logging"
)

// sink records what reaches the destination.
type sink struct {
	mu     sync.Mutex
	text   strings.Builder
	writes int
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	return s.text.Write(p)
}

func (s *sink) seen() (string, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String(), s.writes
}

func TestFormats(t *testing.T) {
	var b strings.Builder
	logging.New(&b, "json", slog.LevelInfo).Info("hello", "n", 1)
	var line struct {
		Level, Msg string
		N          int
	}
	if err := json.Unmarshal([]byte(b.String()), &line); err != nil || line.Level != "INFO" || line.Msg != "hello" || line.N != 1 {
		t.Errorf("got %q, %v", b.String(), err)
	}
	b.Reset()
	logging.New(&b, "text", slog.LevelInfo).Info("hello", "n", 1)
	if !strings.HasSuffix(b.String(), "level=INFO msg=hello n=1\n") {
		t.Errorf("got %q", b.String())
	}
	b.Reset()
	logging.New(&b, "json", slog.LevelWarn).Info("hello")
	if b.String() != "" {
		t.Errorf("got %q below the level", b.String())
	}
}

func TestBufferGathersLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sink
		b := logging.NewBuffer(&s)
		defer b.Close()
		for range 100 {
			if _, err := b.Write([]byte("line\n")); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if text, _ := s.seen(); text != "" {
			t.Fatalf("wrote %q at once", text)
		}
		<-time.After(logging.Delay) // the bubble's clock
		synctest.Wait()
		if text, writes := s.seen(); text != strings.Repeat("line\n", 100) || writes != 1 {
			t.Errorf("after the delay: %d writes of %q", writes, text)
		}
	})
}

func TestBufferCloseWritesTheRest(t *testing.T) {
	var s sink
	b := logging.NewBuffer(&s)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5000 { // together more than the buffer holds
				b.Write([]byte("a line of the log\n"))
			}
		})
	}
	wg.Wait()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if text, _ := s.seen(); text != strings.Repeat("a line of the log\n", 8*5000) {
		t.Errorf("lines are lost or torn: %d bytes", len(text))
	}
	if err := b.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
}

func TestBufferReportsFailure(t *testing.T) {
	b := logging.NewBuffer(failing{})
	b.Write([]byte("x"))
	if err := b.Close(); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

var errFull = errors.New("disk full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }
