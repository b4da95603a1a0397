package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/s2"

	"gitlab.com/towpath/towpath/gen/environment"
)

// packed are the texts of a folder's releases, compressed: what one chart renders to is much
// alike, so that a tenth of it is left. Reading, hashing and holding that costs less than
// the texts themselves would, by more than S2 takes.
type packed struct {
	releases []string
	sizes    []int // of the texts, in bytes
	// origins say what the texts were made from; see [origin]. There are none if nothing is
	// kept.
	origins []string
	body    []byte
}

// pack packs texts, of which nothing is held on to, and their origins.
func pack(texts []Text, origins []string) packed {
	p := packed{origins: origins}
	var all [][]byte
	for _, text := range texts {
		p.releases, p.sizes = append(p.releases, text.Release), append(p.sizes, len(text.Text))
		all = append(all, text.Text)
	}
	p.body = s2.Encode(nil, bytes.Join(all, nil))
	return p
}

// bytes returns a line with the size, the origin and the name for each release, an empty
// one, and the body.
func (p packed) bytes() []byte {
	var text bytes.Buffer
	for i, release := range p.releases {
		fmt.Fprintf(&text, "%d %s %s\n", p.sizes[i], p.origins[i], release)
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
		fields := strings.Split(string(line), " ")
		if len(fields) != 3 {
			return packed{}, errPacked
		}
		size, err := strconv.ParseUint(fields[0], 10, 31)
		if err != nil {
			return packed{}, errPacked
		}
		p.sizes = append(p.sizes, int(size))
		p.origins, p.releases = append(p.origins, fields[1]), append(p.releases, fields[2])
		total += int(size)
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
