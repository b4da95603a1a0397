package ahead

import (
	"slices"
	"sync"
)

// guess is work that is begun before anybody asks for it.
type guess[T any] struct {
	about  []string
	result func() (T, error)
}

// begin begins with work, of which this is what it is about.
func (g *guess[T]) begin(about []string, work func() (T, error)) {
	result := sync.OnceValues(work)
	g.about, g.result = about, result
	go func() { _, _ = result() }() // Who takes it gets the error.
}

// take returns what waits for the work's result, if the work is about this, and nil if it is not. It
// is taken once: files may change before they are asked for again.
func (g *guess[T]) take(about []string) func() (T, error) {
	if !slices.Equal(g.about, about) {
		return nil
	}
	result := g.result
	*g = guess[T]{}
	return result
}
