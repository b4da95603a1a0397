// Package memory sets how gen trades memory for time.
//
// Gen runs for a fraction of a second and allocates a few dozen megabytes. With
// Go's defaults it would collect garbage four times on the way, which was a third
// of its CPU time, mostly while the packages it links initialise. So the first
// collection waits for 64 MiB, below which a change of one release is rendered; a
// soft limit keeps large repositories within bounds all the same. It has to lie
// well above what they hold at once, or the collector never stops: 1,000 releases,
// compared as a whole, took three times as long under a limit that they had
// outgrown. So the limit rises with what is held.
//
// The settings stand in an init function, and the package imports next to
// nothing, so that they hold before most other packages initialise.
package memory

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

const (
	percent    = 1600      // The least heap, 4 MiB, times this is the first goal.
	leastLimit = 768 << 20 // Bytes.
)

// least is the limit for as long as little is held, in bytes.
var least atomic.Int64

func init() {
	debug.SetGCPercent(percent)
	limit(leastLimit)
	watch()
}

func limit(bytes int64) {
	least.Store(bytes)
	debug.SetMemoryLimit(bytes)
}

// watch raises the limit after each collection to half as much again as that
// left, if it is more. It costs an object, which each collection finds unused.
func watch() {
	runtime.AddCleanup(new(sentinel), func(struct{}) {
		held := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(held)
		if held[0].Value.Kind() == metrics.KindUint64 {
			live := int64(held[0].Value.Uint64())
			debug.SetMemoryLimit(max(least.Load(), live+live/2))
		}
		watch()
	}, struct{}{})
}

// sentinel is not empty, as those that are have one address, and has a pointer, as
// those that have none share a block with others.
type sentinel struct{ _ *sentinel }

// batchLimit is for work that goes batch by batch, and holds only a few of them at once, in
// bytes.
const batchLimit = 336 << 20

// Batches sets the pace for work of any size that is done batch by batch: it collects as
// late as a limit allows that such work never outgrows. Collecting by a share of what is
// held, twice as much, took a quarter more processor time for 1,000 releases, and no less
// memory.
func Batches() { limit(batchLimit) }
