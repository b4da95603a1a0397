package parallel

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

func TestEach(t *testing.T) {
	for _, workers := range []int{-1, 0, 1, 2, 7, 100} {
		for _, n := range []int{0, 1, 2, 50} {
			var mu sync.Mutex
			var done []int
			Each(workers, n, func(i int) {
				mu.Lock()
				defer mu.Unlock()
				done = append(done, i)
			})
			slices.Sort(done)
			want := make([]int, 0, n)
			for i := range n {
				want = append(want, i)
			}
			if !slices.Equal(done, want) {
				t.Errorf("%d workers called with %v of %d", workers, done, n)
			}
		}
	}
}

// TestEachAtOnce makes sure that there are as many calls at once as workers: each call waits for another.
func TestEachAtOnce(*testing.T) {
	const workers = 3
	var running sync.WaitGroup
	running.Add(workers)
	Each(workers, workers, func(int) {
		running.Done()
		running.Wait()
	})
}

// TestEachBounded makes sure that there are no more calls at once than workers.
func TestEachBounded(t *testing.T) {
	const workers = 3
	var running, most atomic.Int64
	Each(workers, 1000, func(int) {
		now := running.Add(1)
		defer running.Add(-1)
		for {
			before := most.Load()
			if now <= before || most.CompareAndSwap(before, now) {
				return
			}
		}
	})
	if most.Load() > workers {
		t.Errorf("%d calls at once, want %d at most", most.Load(), workers)
	}
}
