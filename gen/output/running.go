package output

import (
	"errors"
	"os"
	"strconv"
	"syscall"
)

// isRunning reports whether a process runs. If that can't be told, it does.
func isRunning(pid string) bool {
	n, err := strconv.Atoi(pid)
	if err != nil {
		return true
	}
	process, err := os.FindProcess(n)
	if err != nil {
		return false
	}
	return !errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
