package fibonacci

import (
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/gofiber/fiber/v2"
)

// decimal is a whole number in limbs of 18 decimal digits, the least significant first. All that
// a Fibonacci number goes through is one addition and being written in decimal; in this base
// both take time in proportion to its length, whereas writing a binary number in decimal costs
// its square.
type decimal []uint64

const (
	limb       = 1e18 // two limbs and a carry fit in a uint64
	limbDigits = 18
)

// add makes d the sum of d and e; e has at most as many limbs as d.
func (d decimal) add(e decimal) decimal {
	carry := uint64(0)
	for i := range d {
		sum := d[i] + carry
		if i < len(e) {
			sum += e[i]
		}
		carry = 0
		if sum >= limb {
			sum, carry = sum-limb, 1
		}
		d[i] = sum
	}
	if carry > 0 {
		d = append(d, carry)
	}
	return d
}

// appendText appends the number's digits to dst.
func (d decimal) appendText(dst []byte) []byte {
	last := len(d) - 1
	dst = strconv.AppendUint(dst, d[last], 10)
	for i := last - 1; i >= 0; i-- {
		// A 1 in front keeps the limb's leading zeros. It lands on the digit before it, which is
		// then put back.
		end := len(dst) - 1
		digit := dst[end]
		dst = strconv.AppendUint(dst[:end], limb+d[i], 10)
		dst[end] = digit
	}
	return dst
}

// digits is the number of digits of d.
func (d decimal) digits() int {
	count := (len(d) - 1) * limbDigits
	for top := d[len(d)-1]; top > 0; top /= 10 {
		count++
	}
	return count
}

// pair holds two neighbours of the sequence.
type pair struct{ current, next decimal }

func first() pair {
	return pair{decimal{1}, decimal{1}}
}

// advance moves one place along the sequence. The slot of the number that falls out takes the
// sum, so that after the first few steps nothing is allocated.
func (p *pair) advance() {
	for len(p.current) < len(p.next) {
		p.current = append(p.current, 0)
	}
	p.current, p.next = p.next, p.current.add(p.next)
}

// form is a way of writing the list.
type form struct {
	contentType            string
	open, separator, close string
}

var plain = form{fiber.MIMETextPlainCharsetUTF8, "[", ", ", "]"}

func jsonForm(n int) form {
	return form{fiber.MIMEApplicationJSON, fmt.Sprintf(`{"fibonacci(%d)":[`, n), ",", "]}"}
}

// size is the exact length in bytes of the first n numbers in this form, so that the answer
// can announce it: clients see progress, and HEAD tells the truth.
func (f form) size(n int) int {
	return len(f.open) + totalDigits()[n] + len(f.separator)*max(n-1, 0) + len(f.close)
}

// totalDigits gives, for each n, the number of digits in the first n numbers together. Counting
// takes a millisecond or two, once.
var totalDigits = sync.OnceValue(func() *[Limit + 1]int {
	var totals [Limit + 1]int
	p := first()
	for n := 1; n <= Limit; n++ {
		totals[n] = totals[n-1] + p.current.digits()
		p.advance()
	}
	return &totals
})

// reader generates the list as it is read.
type reader struct {
	form    form
	left    int // numbers still to come
	numbers pair
	text    []byte // written by us and not yet read; a part of buffer
	buffer  []byte
	closed  bool
}

func newReader(n int, f form) *reader {
	return &reader{form: f, left: n, numbers: first(), text: []byte(f.open)}
}

// Read gives the next part of the list and io.EOF at its end.
func (r *reader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if len(r.text) == 0 && !r.refill() {
			return n, io.EOF
		}
		copied := copy(p[n:], r.text)
		r.text = r.text[copied:]
		n += copied
	}
	return n, nil
}

// refill puts the next number, or the end of the list, into text; false if there is no more.
func (r *reader) refill() bool {
	if r.closed {
		return false
	}
	r.buffer = r.buffer[:0]
	if r.left > 0 {
		r.buffer = r.numbers.current.appendText(r.buffer)
		r.numbers.advance()
		r.left--
		if r.left > 0 {
			r.buffer = append(r.buffer, r.form.separator...)
		}
	} else {
		r.buffer = append(r.buffer, r.form.close...)
		r.closed = true
	}
	r.text = r.buffer
	return true
}
