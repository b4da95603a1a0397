package program

import (
	"os"
	"syscall"
)

// peakMemory returns the greatest resident size of a process in bytes.
func peakMemory(state *os.ProcessState) int64 {
	used, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return int64(used.Maxrss) << 10 //nolint:unconvert // Linux counts in KiB, in 32 bits on some processors.
}
