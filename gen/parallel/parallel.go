// Package parallel does the same with many things, several at once.
package parallel

import (
	"sync"
	"sync/atomic"
)

// Each calls do with 0 to n-1, from up to as many goroutines as there are workers, and
// returns when all calls have.
//
// A goroutine makes many of the calls: each begins with a small stack, and with a
// goroutine for each call a fiftieth of gen's time went into growing them.
func Each(workers, n int, do func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(max(workers, 1), n) {
		group.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				do(int(i) - 1)
			}
		})
	}
	group.Wait()
}
