// Package memory sets how gen trades memory for time.
//
// Gen runs for a fraction of a second and allocates a few dozen megabytes. With
// Go's defaults it would collect garbage four times on the way, which was a third
// of its CPU time, mostly while the packages it links initialise. So the first
// collection waits for 32 MiB; a soft limit keeps large repositories within
// bounds all the same. It has to lie well above what they hold at once, or the
// collector never stops: 200 releases in 20 environments, compared, hold 250 MB, and
// took half as much CPU time again with a limit of 300 MiB.
//
// The settings stand in an init function, and the package imports next to
// nothing, so that they hold before most other packages initialise.
package memory

import "runtime/debug"

const (
	percent = 800       // The least heap, 4 MiB, times this is the first goal.
	limit   = 768 << 20 // Bytes.
)

func init() {
	debug.SetGCPercent(percent)
	debug.SetMemoryLimit(limit)
}

// What holds for work that goes batch by batch, and holds only a few of them at once.
const (
	batchPercent = 100
	batchLimit   = 320 << 20 // Bytes.
)

// Batches sets the pace for work of any size that is done batch by batch: it then stays
// as small as its batches, where collecting late would let it grow to the limit.
func Batches() {
	debug.SetGCPercent(batchPercent)
	debug.SetMemoryLimit(batchLimit)
}
