package portal

import (
	"os"
	"path/filepath"
)

// FailWrites makes every write of an image fail like this, once some of it is on disk.
func (p *Portal) FailWrites(err error) {
	p.files.create = func(path string) (writer, error) {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			return nil, err
		}
		return faulty{&os.PathError{Op: "write", Path: filepath.Base(path), Err: err}}, nil
	}
}
