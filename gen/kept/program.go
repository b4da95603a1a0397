package kept

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"io"
	"os"
)

// programID returns bytes that differ between programs that were built from different
// code. That is what the linker has written into the file where it can be found at
// little cost, and a hash of the whole file elsewhere: both stay the same when go run
// builds it again.
func programID() ([]byte, error) {
	name, err := os.Executable()
	if err != nil {
		return nil, err
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if id := buildID(file); id != nil {
		return id, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(file, 0, 1<<62)); err != nil {
		return nil, fmt.Errorf("hashing %s: %w", name, err)
	}
	return h.Sum(nil), nil
}

// buildID returns the build ID that Go's linker puts into executables of the format
// ELF, the last part of which is a hash of the content; nil if there is none.
func buildID(file io.ReaderAt) []byte {
	parsed, err := elf.NewFile(file)
	if err != nil {
		return nil
	}
	section := parsed.Section(".note.go.buildid")
	if section == nil {
		return nil
	}
	note, err := section.Data()
	if err != nil || bytes.Count(note, []byte("/")) < 3 {
		return nil
	}
	return note
}
