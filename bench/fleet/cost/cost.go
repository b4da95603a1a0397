// Package cost counts what a rendering of a fleet costs, in operations and not in
// time: a figure that is the same on a busy machine, a slow one, and tomorrow. Its
// test holds these figures against those that are committed.
//
// The figures are per release, of a rendering by one goroutine at a time:
//
//	allocations, bytes   on Go's heap
//	opens                of files and folders of the repository, whether to read or
//	                     to look
//
// and, where CUE's own program is there, what evaluating a team's folder takes by
// CUE's own count.
package cost

import (
	"io/fs"
	"runtime"
	"sync/atomic"
)

// Count is a file system that counts what is opened in it.
type Count struct {
	fs.FS
	opens atomic.Int64
}

// Open opens a file or folder. Everything else that packages ask of a file system, they
// then do by this.
func (c *Count) Open(name string) (fs.File, error) {
	c.opens.Add(1)
	return c.FS.Open(name)
}

// Opens is how often something was opened so far.
func (c *Count) Opens() int64 { return c.opens.Load() }

// Figures are what something cost, by name.
type Figures map[string]float64

// Of returns what a function cost, divided by a number of releases.
func Of(releases int, files *Count, run func() error) (Figures, error) {
	var before, after runtime.MemStats
	opens := files.Opens()
	runtime.GC()
	runtime.ReadMemStats(&before)
	err := run()
	runtime.ReadMemStats(&after)
	each := func(n uint64) float64 { return float64(n) / float64(releases) }
	return Figures{
		"allocations": each(after.Mallocs - before.Mallocs),
		"bytes":       each(after.TotalAlloc - before.TotalAlloc),
		"opens":       each(uint64(files.Opens() - opens)),
	}, err
}
