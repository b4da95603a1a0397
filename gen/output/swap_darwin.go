package output

import (
	"errors"

	"golang.org/x/sys/unix"
)

// swap exchanges two folders in one step; see renamex_np(2).
func swap(a, b string) error {
	err := unix.RenamexNp(a, b, unix.RENAME_SWAP)
	if errors.Is(err, unix.ENOTSUP) {
		return errors.ErrUnsupported
	}
	return err
}
