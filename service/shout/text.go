package shout

import (
	"context"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// reverse turns a text round by code point. A combining mark thereby ends up on its other
// neighbour; that is what clients have always got.
func reverse(text string) string {
	reversed := make([]byte, len(text))
	at := len(text)
	for i := 0; i < len(text); {
		_, size := utf8.DecodeRuneInString(text[i:])
		at -= size
		copy(reversed[at:], text[i:i+size])
		i += size
	}
	return string(reversed)
}

// builtin is the upper-caser that is always there. It follows Unicode in full, where one letter
// may become several (ß is SS), which [strings.ToUpper] leaves out.
type builtin struct{}

func (builtin) Upper(_ context.Context, text string) (string, error) {
	return cases.Upper(language.Und).String(text), nil // a Caser has state and is not to be shared
}
