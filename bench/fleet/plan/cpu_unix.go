//go:build unix

package plan

import (
	"syscall"
	"time"
)

// CPU returns the user and system time of this process so far.
func CPU() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
