package cli

import (
	"bytes"
	"testing"
	"time"
)

// TestOutputBelowProgress has the progress line go before the first output on the same
// terminal, and stay where the output goes elsewhere.
func TestOutputBelowProgress(t *testing.T) {
	for _, tt := range []struct {
		name     string
		terminal bool
		want     string
	}{
		{"on the same terminal", true, "\rone\r   \rtext\nmore\n"},
		{"to a file", false, "\rone\rtwo\rtwo"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var screen, file bytes.Buffer
			a := &app{Streams: &Streams{Out: &file, Err: &screen, OutTerminal: tt.terminal}}
			if tt.terminal {
				a.Out = &screen
			}
			p := &progress{w: a.Err, timer: time.NewTimer(time.Hour), late: true}
			out := a.outBelow(p)
			p.phase("one")
			for _, text := range []string{"text\n", "more\n"} {
				if _, err := out.Write([]byte(text)); err != nil {
					t.Fatal(err)
				}
				p.phase("two")
			}
			if got := screen.String(); got != tt.want {
				t.Errorf("the screen got %q, want %q", got, tt.want)
			}
		})
	}
}
