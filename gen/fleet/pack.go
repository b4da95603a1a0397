package fleet

import (
	"bytes"
	"errors"
	"fmt"

	"gitlab.com/towpath/towpath/gen/environment"
)

// pack returns texts as one: for each a line with its length and release, then itself.
func pack(texts []Text) []byte {
	size := 0
	for _, text := range texts {
		size += len(text.Text) + len(text.Release) + len("1234567 \n")
	}
	packed := bytes.NewBuffer(make([]byte, 0, size))
	for _, text := range texts {
		fmt.Fprintf(packed, "%d %s\n", len(text.Text), text.Release)
		packed.Write(text.Text)
	}
	return packed.Bytes()
}

var errPacked = errors.New("the kept result is in another form")

func unpack(folder environment.Folder, packed []byte) ([]Text, error) {
	texts := []Text{}
	for len(packed) > 0 {
		line, rest, ok := bytes.Cut(packed, []byte("\n"))
		var size int
		var release string
		if _, err := fmt.Sscanf(string(line), "%d %s", &size, &release); err != nil || !ok || size < 0 || size > len(rest) {
			return nil, errPacked
		}
		texts = append(texts, Text{folder.Environment, folder.Team, release, rest[:size]})
		packed = rest[size:]
	}
	return texts, nil
}
