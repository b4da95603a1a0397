package server

import (
	"testing"
	"time"
)

func TestDeadlineDue(t *testing.T) {
	t0 := time.Unix(1000, 0)
	const slack = 100 * time.Millisecond
	tests := []struct {
		name          string
		armed, wanted time.Time
		want          bool
	}{
		{"none at all", time.Time{}, time.Time{}, false},
		{"the first", time.Time{}, t0, true},
		{"the same", t0, t0, false},
		{"a moment later", t0, t0.Add(slack), false},
		{"later", t0, t0.Add(slack + 1), true},
		{"earlier, however little", t0, t0.Add(-1), true},
		{"taken away", t0, time.Time{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := deadline{wanted: tt.wanted, armed: tt.armed}
			if got := d.due(slack); got != tt.want {
				t.Errorf("got %t", got)
			}
			if d.due(slack) {
				t.Error("due twice")
			}
		})
	}
}

func TestSlackIsBelowEveryTimeout(t *testing.T) {
	for _, shortest := range []time.Duration{100 * time.Millisecond, time.Second, time.Hour} {
		if got := slackOf(time.Hour, shortest, 2*time.Hour); got <= 0 || got > shortest/10 || got > time.Second {
			t.Errorf("%v for timeouts of %v and more", got, shortest)
		}
	}
}
