package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/klauspost/compress/s2"

	"gitlab.com/towpath/towpath/gen/environment"
)

// packed are the texts of a folder's releases, compressed: what one chart renders to is much
// alike, so that a tenth of it is left. Reading, hashing and holding that costs less than
// the texts themselves would, by more than S2 takes.
type packed struct {
	releases []string
	sizes    []int // of the texts, in bytes
	body     []byte
}

// pack packs texts, of which nothing is held on to.
func pack(texts []Text) packed {
	var p packed
	var all [][]byte
	for _, text := range texts {
		p.releases, p.sizes = append(p.releases, text.Release), append(p.sizes, len(text.Text))
		all = append(all, text.Text)
	}
	p.body = s2.Encode(nil, bytes.Join(all, nil))
	return p
}

// bytes returns a line with the size and the name for each release, an empty one, and the
// body.
func (p packed) bytes() []byte {
	var text bytes.Buffer
	for i, release := range p.releases {
		fmt.Fprintf(&text, "%d %s\n", p.sizes[i], release)
	}
	text.WriteByte('\n')
	text.Write(p.body)
	return text.Bytes()
}

var errPacked = errors.New("the kept result is in another form")

func parsePacked(data []byte) (packed, error) {
	var p packed
	total := 0
	for {
		line, rest, ok := bytes.Cut(data, []byte("\n"))
		if data = rest; !ok {
			return packed{}, errPacked
		}
		if len(line) == 0 {
			break
		}
		var size int
		var release string
		if _, err := fmt.Sscanf(string(line), "%d %s", &size, &release); err != nil || size < 0 || size > math.MaxInt32 {
			return packed{}, errPacked
		}
		p.releases, p.sizes = append(p.releases, release), append(p.sizes, size)
		total += size
	}
	if size, err := s2.DecodedLen(data); err != nil || size != total {
		return packed{}, errPacked
	}
	p.body = data
	return p, nil
}

// unpack returns the texts of a folder. They stand in the room that is given or, if that is
// too small, in a larger one, which is returned.
func (p packed) unpack(folder environment.Folder, room []byte) ([]Text, []byte, error) {
	size := 0
	for _, n := range p.sizes {
		size += n
	}
	room = slices.Grow(room[:0], size)
	all, err := s2.Decode(room[:size], p.body)
	if err != nil {
		return nil, room, fmt.Errorf("unpacking what was rendered: %w", err)
	}
	var texts []Text
	for i, release := range p.releases {
		texts = append(texts, Text{folder.Environment, folder.Team, release, all[:p.sizes[i]:p.sizes[i]]})
		all = all[p.sizes[i]:]
	}
	return texts, room, nil
}
