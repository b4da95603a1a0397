package finding

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest returns the name that was probably meant by a misspelt one, or ""
// if none is near.
func Nearest(misspelt string, names []string) string {
	// A third of the letters may be wrong; beyond that a suggestion is a guess.
	best, bestDistance := "", 1+max(1, (len(misspelt)+1)/3)
	for _, name := range slices.Sorted(slices.Values(names)) {
		distance := levenshtein.Distance(strings.ToLower(misspelt), strings.ToLower(name), nil)
		if distance < bestDistance {
			best, bestDistance = name, distance
		}
	}
	return best
}

// DidYouMean returns a sentence that suggests the nearest name, or "".
func DidYouMean(misspelt string, names []string) string {
	if name := Nearest(misspelt, names); name != "" {
		return "did you mean " + name + "?"
	}
	return ""
}
