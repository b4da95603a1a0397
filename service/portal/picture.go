package portal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"path"
	"strings"
)

// kind is a format of images.
type kind string

const (
	png  kind = "png"
	jpeg kind = "jpeg"
	gif  kind = "gif"
)

func (k kind) contentType() string { return "image/" + string(k) }

// kindOfName gives the kind that a file name promises; false for any other extension.
func kindOfName(name string) (kind, bool) {
	switch strings.ToLower(path.Ext(name)) {
	case ".png":
		return png, true
	case ".jpg", ".jpeg":
		return jpeg, true
	case ".gif":
		return gif, true
	}
	return "", false
}

// The largest picture that is taken: that of a good telephone. A few kilobytes can claim any
// size, and whoever decodes them pays with memory, four bytes per pixel. We never decode a
// picture, but the browser of its owner will.
const (
	maxSide   = 16_384     // pixels
	maxPixels = 64_000_000 // 8192 x 7812, say
)

var (
	errNotImage   = errors.New("not a png, jpeg or gif image")
	errDamaged    = errors.New("the image is damaged or not complete")
	errDimensions = errors.New("the image has too many pixels")
)

// picture is what inspect learns.
type picture struct {
	kind          kind
	width, height int
}

// inspect judges a picture by its content: which format it has, how large it claims to be, and
// whether the file's structure holds to its end. It reads the file once, from its beginning, in
// constant memory. The error is errNotImage, errDamaged, errDimensions, or that of reading.
func inspect(file io.Reader) (picture, error) {
	r := bufio.NewReaderSize(file, 32<<10)
	start, err := r.Peek(8)
	if err != nil && !errors.Is(err, io.EOF) {
		return picture{}, err
	}
	var p picture
	switch {
	case bytes.HasPrefix(start, []byte("\x89PNG\r\n\x1a\n")):
		p, err = walkPNG(r)
	case bytes.HasPrefix(start, []byte("\xff\xd8\xff")):
		p, err = walkJPEG(r)
	case bytes.HasPrefix(start, []byte("GIF87a")), bytes.HasPrefix(start, []byte("GIF89a")):
		p, err = walkGIF(r)
	default:
		return picture{}, errNotImage
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return picture{}, errDamaged
	}
	return p, err
}

func (p picture) checkSize() error {
	switch {
	case p.width <= 0 || p.height <= 0:
		return errDamaged
	case p.width > maxSide || p.height > maxSide || p.width*p.height > maxPixels:
		return errDimensions
	}
	return nil
}

func skip(r *bufio.Reader, n int64) error {
	_, err := io.CopyN(io.Discard, r, n)
	return err
}

// walkPNG goes from chunk to chunk: length, type, data, checksum.
func walkPNG(r *bufio.Reader) (p picture, err error) {
	p.kind = png
	if err := skip(r, 8); err != nil {
		return p, err
	}
	hasData := false
	for first := true; ; first = false {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return p, err
		}
		length, name := int64(binary.BigEndian.Uint32(head[:4])), string(head[4:])
		if first != (name == "IHDR") || first && length != 13 {
			return p, errDamaged
		}
		sum := crc32.NewIEEE()
		sum.Write(head[4:])
		if first {
			var ihdr [13]byte
			if _, err := io.ReadFull(r, ihdr[:]); err != nil {
				return p, err
			}
			sum.Write(ihdr[:])
			// Before the checksum: the claim alone is reason enough.
			p.width, p.height = pixels(binary.BigEndian.Uint32(ihdr[0:])), pixels(binary.BigEndian.Uint32(ihdr[4:]))
			if err := p.checkSize(); err != nil {
				return p, err
			}
		} else if _, err := io.CopyN(sum, r, length); err != nil {
			return p, err
		}
		var want [4]byte
		if _, err := io.ReadFull(r, want[:]); err != nil {
			return p, err
		}
		if sum.Sum32() != binary.BigEndian.Uint32(want[:]) {
			return p, errDamaged
		}
		hasData = hasData || name == "IDAT"
		if name == "IEND" {
			if !hasData {
				return p, errDamaged
			}
			return p, nil
		}
	}
}

// pixels keeps a number of 32 bits from becoming negative where int has no more.
func pixels(n uint32) int { return int(min(n, 1<<30)) }

// walkJPEG goes from marker to marker. Telephones append data of their own after the end.
func walkJPEG(r *bufio.Reader) (p picture, err error) {
	p.kind = jpeg
	if err := skip(r, 2); err != nil {
		return p, err
	}
	scanned := false
	for {
		marker, err := nextMarker(r, scanned)
		if err != nil {
			return p, err
		}
		switch {
		case marker == 0xd9: // end of image
			if !scanned {
				return p, errDamaged
			}
			return p, nil
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd7: // stand-alone
			continue
		case marker == 0xd8 || marker == 0x00:
			return p, errDamaged
		}
		var size [2]byte
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return p, err
		}
		length := int64(binary.BigEndian.Uint16(size[:])) - 2
		if length < 0 {
			return p, errDamaged
		}
		isFrame := marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
		if isFrame {
			var frame [5]byte // precision, height, width
			if length < int64(len(frame)) {
				return p, errDamaged
			}
			if _, err := io.ReadFull(r, frame[:]); err != nil {
				return p, err
			}
			if p.width != 0 { // decoders differ about which of two counts
				return p, errDamaged
			}
			p.height, p.width = int(binary.BigEndian.Uint16(frame[1:])), int(binary.BigEndian.Uint16(frame[3:]))
			if err := p.checkSize(); err != nil {
				return p, err
			}
			length -= int64(len(frame))
		}
		if err := skip(r, length); err != nil {
			return p, err
		}
		if marker == 0xda { // start of scan: compressed data follows
			if p.width == 0 {
				return p, errDamaged
			}
			scanned = true
		}
	}
}

// nextMarker reads up to and with a marker. Before the first scan it must be right here; later
// it comes after compressed data, in which ff00 stands for the byte ff and ffd0 to ffd7 restart
// the decoder.
func nextMarker(r *bufio.Reader, inData bool) (byte, error) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != 0xff {
			if inData {
				continue
			}
			return 0, errDamaged
		}
		for b == 0xff { // any number of fill bytes
			if b, err = r.ReadByte(); err != nil {
				return 0, err
			}
		}
		if inData && (b == 0x00 || b >= 0xd0 && b <= 0xd7) {
			continue
		}
		return b, nil
	}
}

// walkGIF goes from block to block.
func walkGIF(r *bufio.Reader) (p picture, err error) {
	p.kind = gif
	var screen [13]byte
	if _, err := io.ReadFull(r, screen[:]); err != nil {
		return p, err
	}
	p.width, p.height = int(binary.LittleEndian.Uint16(screen[6:])), int(binary.LittleEndian.Uint16(screen[8:]))
	if err := p.checkSize(); err != nil {
		return p, err
	}
	if err := skip(r, colours(screen[10])); err != nil {
		return p, err
	}
	for frames := 0; ; {
		block, err := r.ReadByte()
		if err != nil {
			return p, err
		}
		switch block {
		case 0x3b: // trailer
			if frames == 0 {
				return p, errDamaged
			}
			return p, nil
		case 0x21: // extension: a label, then data
			err = skip(r, 1)
		case 0x2c: // a frame: its place, colours, code size, then data
			var frame [9]byte
			if _, err := io.ReadFull(r, frame[:]); err != nil {
				return p, err
			}
			at := func(i int) int { return int(binary.LittleEndian.Uint16(frame[i:])) }
			// Browsers enlarge the canvas for a frame that reaches beyond it.
			if at(0)+at(4) > p.width || at(2)+at(6) > p.height {
				return p, errDamaged
			}
			frames++
			err = skip(r, colours(frame[8])+1)
		default:
			return p, errDamaged
		}
		if err != nil {
			return p, err
		}
		for { // data: blocks of up to 255 bytes, the last one empty
			size, err := r.ReadByte()
			if err != nil {
				return p, err
			}
			if size == 0 {
				break
			}
			if err := skip(r, int64(size)); err != nil {
				return p, err
			}
		}
	}
}

// colours is the size in bytes of a GIF's colour table, as its flags have it.
func colours(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}
