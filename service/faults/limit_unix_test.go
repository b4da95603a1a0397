//go:build linux || darwin

package faults

import (
	"syscall"
	"testing"
)

// needFiles skips the test where a process may not have so many files open.
func needFiles(t testing.TB, n uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Max < n {
		t.Skipf("a process may have %d files open, and this needs %d; see ulimit -Hn", limit.Max, n)
	}
}
