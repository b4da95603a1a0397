//go:build !unix

package plan

import "time"

// CPU returns 0, for not known.
func CPU() time.Duration { return 0 }
