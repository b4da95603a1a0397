package faults

import (
	"slices"
	"sync"
	"testing"
)

// absent is the value of what is not there.
const absent = ""

// ledger is what clients were promised: the values that each thing may have by now. There is one
// value after an answer that says so, and two after a change that failed, since nobody can tell
// whether it happened: the old one and the new one.
//
// A thing belongs to one client, so nobody else changes it.
type ledger struct {
	mu     sync.Mutex
	things map[string][]string
}

func newLedger() *ledger { return &ledger{things: map[string][]string{}} }

// change notes a change to a value, acknowledged or failed.
func (l *ledger) change(id, value string, acknowledged bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before, known := l.things[id]
	switch {
	case acknowledged:
		l.things[id] = []string{value}
	case !known:
		l.things[id] = []string{absent, value}
	case !slices.Contains(before, value):
		l.things[id] = append(slices.Clone(before), value)
	}
}

// may tells whether a thing can have this value.
func (l *ledger) may(id, value string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	possible, known := l.things[id]
	return !known && value == absent || slices.Contains(possible, value)
}

// promised tells whether there is anything that the service must have kept.
func (l *ledger) promised() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, possible := range l.things {
		if len(possible) == 1 {
			return true
		}
	}
	return false
}

// all is a copy, for reading without the lock.
func (l *ledger) all() map[string][]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[string][]string, len(l.things))
	for id, possible := range l.things {
		all[id] = possible
	}
	return all
}

// kept compares everything that was ever promised with what is there.
func (l *ledger) kept(t testing.TB, what string, found map[string]string) {
	t.Helper()
	certain, gone := 0, 0
	for id, possible := range l.all() {
		if len(possible) == 1 {
			certain++
			if possible[0] == absent {
				gone++
			}
		}
		if value := found[id]; !slices.Contains(possible, value) {
			t.Errorf("%s %s is %q, promised was %q", what, id, value, possible)
		}
	}
	if certain == 0 {
		t.Errorf("nothing was ever promised of %s", what)
	}
	t.Logf("%s: %d promises, %d of them that it is gone", what, certain, gone)
}
