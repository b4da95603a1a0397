package report

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible returns s on one line with nothing in it that acts instead of being
// seen: escape sequences of terminals, marks that turn the direction of writing,
// characters without a width, bytes that are no text. They are written as Go
// writes them in a string.
func visible(s string) string { return reveal(s, false) }

// visibleLines is visible for text that may have several lines.
func visibleLines(s string) string { return reveal(s, true) }

func reveal(s string, lines bool) string {
	var b strings.Builder
	start := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if (r != utf8.RuneError || size > 1) && !acts(r) || r == '\n' && lines {
			i += size
			continue
		}
		b.WriteString(s[start:i])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
		start = i
	}
	if start == 0 {
		return s
	}
	b.WriteString(s[start:])
	return b.String()
}

// acts reports whether a rune does something other than to be seen.
func acts(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// inert returns JSON that means the same and has no such runes in it either; they
// can only be inside of strings, newlines between tokens aside.
func inert(data []byte) []byte {
	harmless := func(r rune) bool { return r == '\n' || !acts(r) }
	if bytes.IndexFunc(data, func(r rune) bool { return !harmless(r) }) < 0 {
		return data
	}
	var b bytes.Buffer
	for _, r := range string(data) {
		switch {
		case harmless(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}
