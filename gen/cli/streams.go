package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"gitlab.com/towpath/towpath/gen/tool"
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
	// Tools are the versions of what decides the output of this program, nil if they
	// are not known.
	Tools func() tool.List
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
		Tools:       tool.Linked,
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

// progress shows what a command is at, on one line of a terminal, once it takes
// longer than a second. A nil progress shows nothing.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	timer *time.Timer
	text  string
	// late tells that the second is over; shown is the length of what is there.
	late  bool
	shown int
	// over tells that the line was removed for good.
	over bool
}

// newProgress returns a progress line on standard error, or nil if that is no
// terminal.
func (a *app) newProgress() *progress {
	if !a.ErrTerminal {
		return nil
	}
	p := &progress{w: a.Err}
	p.timer = time.AfterFunc(time.Second, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.late = true
		p.draw()
	})
	return p
}

// phase says what the command does from now on.
func (p *progress) phase(text string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = text
	p.draw()
}

// report says that done of total releases are done.
func (p *progress) report(done, total int) {
	if p != nil {
		p.phase(fmt.Sprintf("%d of %d releases", done, total))
	}
}

// around prints something else, and the line below it again.
func (p *progress) around(write func()) {
	if p == nil {
		write()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	write()
	p.draw()
}

func (p *progress) draw() {
	if !p.late || p.over || p.text == "" {
		return
	}
	fmt.Fprint(p.w, "\r", p.text, strings.Repeat(" ", max(0, p.shown-len(p.text))))
	p.shown = len(p.text)
}

func (p *progress) erase() {
	if p.shown > 0 {
		fmt.Fprint(p.w, "\r", strings.Repeat(" ", p.shown), "\r")
		p.shown = 0
	}
}

// clear removes the line, for good.
func (p *progress) clear() {
	if p == nil {
		return
	}
	p.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	p.over = true
}

// outBelow returns standard output, with the line removed for good as soon as anything is
// written to it that a person sees on the same terminal. Elsewhere the line stays.
func (a *app) outBelow(p *progress) io.Writer {
	if p == nil || !a.OutTerminal {
		return a.Out
	}
	return clearing{a.Out, p}
}

type clearing struct {
	io.Writer
	progress *progress
}

func (c clearing) Write(data []byte) (int, error) {
	c.progress.clear()
	return c.Writer.Write(data)
}
