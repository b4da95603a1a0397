package manifest

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// separators says in one line what split does in many, which take less time.
var separators = regexp.MustCompile(`(?m)^(?:---|\.\.\.)(?:\s|$)`)

var documents = []string{
	"", "a: 1\n", "---", "---\n", "--- ", "---\r\n", "...", "----\n", "a: 1\n---", "a: 1\n---\nb: 2\n", "---\n---\n", "a: |\n  ---\nb: 2\n",
	"a: 1\n--- # next\nb: 2\n", "a: 1\n---b\n", "a: ---\n--- a: 1", "a: 1\n...\n---\nb: 2", "---\t\n\n---\f---\n---", "--- ---\n", "---\n\n",
}

func TestSplit(t *testing.T) {
	for _, text := range documents {
		if diff := cmp.Diff(separators.Split(text, -1), split(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, text := range documents {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if diff := cmp.Diff(separators.Split(text, -1), split(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	})
}
