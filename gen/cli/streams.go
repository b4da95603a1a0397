package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// Streams is what a command reads and prints to, and where it stands.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// OutTerminal and ErrTerminal tell whether a person looks at the streams.
	OutTerminal, ErrTerminal bool
	// Dir is the working directory.
	Dir string
	// Getenv reads the environment of the process.
	Getenv func(string) string
	// Now reads the clock.
	Now func() time.Time
}

// System returns the streams of the process.
func System() *Streams {
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	return &Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		OutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
		ErrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		Dir:         dir,
		Getenv:      os.Getenv,
		Now:         time.Now,
	}
}

// colour reports whether to use colours on a stream; see https://no-color.org.
func (a *app) colour(terminal bool) bool {
	switch a.colourMode {
	case "always":
		return true
	case "never":
		return false
	default:
		return terminal && a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb"
	}
}

// progress shows how far a command is, on one line of a terminal, once it takes
// longer than a second.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	start time.Time
	shown int
}

// newProgress returns a progress line on standard error, or one that shows
// nothing if that is no terminal.
func (a *app) newProgress() *progress {
	if !a.ErrTerminal {
		return &progress{}
	}
	return &progress{w: a.Err, start: time.Now()}
}

// report shows that done of total releases are done.
func (p *progress) report(done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil || time.Since(p.start) < time.Second {
		return
	}
	line := fmt.Sprintf("%d of %d releases", done, total)
	fmt.Fprint(p.w, "\r", line, strings.Repeat(" ", max(0, p.shown-len(line))))
	p.shown = len(line)
}

// clear removes the line.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown > 0 {
		fmt.Fprint(p.w, "\r", strings.Repeat(" ", p.shown), "\r")
		p.shown = 0
	}
}
