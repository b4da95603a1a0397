package revision

import "io/fs"

// ID returns the id that Git gave to a file or a folder, with all that is in it.
// Equal ids mean equal content.
func (f *FS) ID(name string) (string, error) {
	at, err := f.find(name, true)
	if err != nil {
		return "", &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return at.id, nil
}
