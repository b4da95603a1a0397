//go:build !linux

package program

import "os"

// peakMemory returns 0, for not known: other systems count it in other units, or
// not at all.
func peakMemory(*os.ProcessState) int64 { return 0 }
