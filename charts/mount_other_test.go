//go:build unix && !linux

package charts_test

import "errors"

func mount(string) error { return errors.ErrUnsupported }

func unmount(string) {}
