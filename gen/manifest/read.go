package manifest

import (
	"regexp"

	"gitlab.com/towpath/towpath/gen/chart"
)

// source begins each document that [Marshal] writes.
var source = regexp.MustCompile(`(?m)^---\n# Source: (.*)\n`)

// Unmarshal reads what [Marshal] wrote, be it of another version of gen.
func Unmarshal(text []byte) ([]Object, error) {
	var sources []chart.Source
	starts := source.FindAllSubmatchIndex(text, -1)
	for i, at := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		sources = append(sources, chart.Source{Template: string(text[at[2]:at[3]]), Text: string(text[at[1]:end])})
	}
	return Parse(sources)
}
