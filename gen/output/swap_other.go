//go:build !linux && !darwin

package output

import "errors"

// swap exchanges two folders in one step, which this system can't.
func swap(_, _ string) error { return errors.ErrUnsupported }
