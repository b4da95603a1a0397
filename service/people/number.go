package people

import (
	"fmt"
	"strconv"
	"strings"
)

var (
	wholeRange  = fmt.Sprintf("must be from %d to %d", -wholeBound, wholeBound)
	numberRange = fmt.Sprintf("must be from %.0f to %.0f", -numberBound, numberBound)
)

// isNumber tells whether a text is a number as JSON writes it. That leaves out much of what
// [strconv.ParseFloat] reads: "NaN", "0x1p-2", "1_000", "+1", ".5".
func isNumber(text string) bool {
	digits := func() int {
		n := 0
		for n < len(text) && '0' <= text[n] && text[n] <= '9' {
			n++
		}
		text = text[n:]
		return n
	}
	text = strings.TrimPrefix(text, "-")
	zero := strings.HasPrefix(text, "0")
	if n := digits(); n == 0 || zero && n > 1 {
		return false
	}
	if rest, ok := strings.CutPrefix(text, "."); ok {
		text = rest
		if digits() == 0 {
			return false
		}
	}
	if text != "" && (text[0] == 'e' || text[0] == 'E') {
		text = text[1:]
		if text != "" && (text[0] == '+' || text[0] == '-') {
			text = text[1:]
		}
		if digits() == 0 {
			return false
		}
	}
	return text == ""
}

// parseNumber reads a number of JSON. The reason says what is wrong with it.
func parseNumber(literal string) (n float64, reason string) {
	n, err := strconv.ParseFloat(literal, 64)
	if err != nil || n < -numberBound || n > numberBound {
		return 0, numberRange
	}
	return n + 0, "" // -0 becomes 0, as it does in SQLite
}

// parseWhole reads a number of JSON that has to be whole. Like JSON Schema it goes by the value and
// not by the spelling: 3.0 and 30e-1 are whole. It works on the digits, as a float would take
// 3.00000000000000000001 for whole, and an exact number with the exponent 999999999 would take
// all memory.
func parseWhole(literal string) (n int32, reason string) {
	const notWhole = "must be an integer"
	digits, minus := strings.CutPrefix(literal, "-")
	exponent := 0
	if i := strings.IndexAny(digits, "eE"); i >= 0 {
		var err error
		// One that is out of range becomes the largest there is, which serves as well.
		if exponent, err = strconv.Atoi(digits[i+1:]); err != nil {
			exponent = wholeBound
			if digits[i+1] == '-' {
				exponent = -wholeBound
			}
		}
		digits = digits[:i]
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	exponent += len(whole) // now the place of the point among the digits
	digits = strings.TrimRight(whole+fraction, "0")
	leading := len(digits) - len(strings.TrimLeft(digits, "0"))
	digits, exponent = digits[leading:], exponent-leading
	const places = 10 // of wholeBound
	switch {
	case digits == "":
		return 0, ""
	case len(digits) > exponent:
		return 0, notWhole
	case exponent > places:
		return 0, wholeRange
	}
	value, err := strconv.ParseInt(digits+strings.Repeat("0", exponent-len(digits)), 10, 64)
	if err != nil || value > wholeBound {
		return 0, wholeRange
	}
	if minus {
		value = -value
	}
	return int32(value), ""
}
