package shout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Answers of the largest size do not add up to more memory than is allowed for.
func TestMemoryIsBounded(t *testing.T) {
	m := newMemory(nil)
	ctx := context.Background()
	large := strings.Repeat("x", memoryBytes/10)
	for i := range 2 * memoryEntries {
		m.set(ctx, fmt.Sprint(i%50), large)
		sum := 0
		for _, e := range m.entries.Values() {
			sum += len(e.answer)
		}
		if sum != m.bytes || sum > memoryBytes {
			t.Fatalf("%d bytes, taken for %d", sum, m.bytes)
		}
	}
	if m.entries.Len() != 10 {
		t.Errorf("%d entries", m.entries.Len())
	}
	m.set(ctx, "too large", strings.Repeat("x", memoryBytes+1))
	if m.bytes != 0 || m.entries.Len() != 0 {
		t.Errorf("%d bytes in %d entries", m.bytes, m.entries.Len())
	}
}

func TestMemoryForgets(t *testing.T) {
	now := time.Unix(1000, 0)
	m := newMemory(func() time.Time { return now })
	ctx := context.Background()
	m.set(ctx, "k", "first")
	now = now.Add(freshness - 1)
	m.set(ctx, "k", "second") // anew, with all its time
	now = now.Add(freshness - 1)
	if got, found, _ := m.get(ctx, "k"); got != "second" || !found {
		t.Errorf("got %q, %t", got, found)
	}
	now = now.Add(1)
	if _, found, _ := m.get(ctx, "k"); found || m.bytes != 0 {
		t.Errorf("found %t, with %d bytes left", found, m.bytes)
	}
}

// upperFunc is an upper-caser that is a function.
type upperFunc func() (string, error)

func (f upperFunc) Upper(context.Context, string) (string, error) { return f() }

// What many want at once is asked for once, and a failure is everyone's but not the next one's.
func TestConcurrentCallsCollapse(t *testing.T) {
	for _, failure := range []error{nil, errContact} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			c := newCache(newMemory(nil), "", upperFunc(func() (string, error) {
				asked++
				<-time.After(time.Second) // in a bubble: until all the others wait
				return "A", failure
			}))
			var group sync.WaitGroup
			for range 100 {
				group.Go(func() {
					if _, err := c.Upper(context.Background(), "a"); !errors.Is(err, failure) {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if asked != 1 {
				t.Errorf("asked %d times", asked)
			}
			c.Upper(context.Background(), "a")
			if want := map[bool]int{true: 1, false: 2}[failure == nil]; asked != want {
				t.Errorf("then asked %d times, want %d", asked, want)
			}
		})
	}
}
