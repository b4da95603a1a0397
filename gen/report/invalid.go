package report

import (
	"fmt"
	"io"
	"strings"
)

// MarkdownInvalid writes a note for environments that cannot be compared: what is
// wrong, as gen has printed it. What does not fit is left out at the end.
func MarkdownInvalid(w io.Writer, wrong string, o MarkdownOptions) error {
	limit := o.Limit
	if limit <= 0 {
		limit = NoteLimit
	}
	const head = "### What changes: not known\n\nThe environments cannot be compared as they are:\n\n"
	lines := strings.Split(strings.TrimRight(wrong, "\n"), "\n")
	text := func(n int) string {
		s := head + fence("text", lines[:n])
		if n < len(lines) {
			s += fmt.Sprintf("\n> Not all of it fits here: %s left out.", plural(len(lines)-n, "line"))
			if o.MoreURL != "" {
				s += " The whole: " + link(o.MoreURL)
			}
			s += "\n"
		}
		return s
	}
	for i, line := range lines {
		// Tabs stay: people read the caret by them.
		lines[i] = strings.ReplaceAll(visible(strings.ReplaceAll(line, "\t", "    ")), "\r", "")
	}
	n := len(lines)
	for n > 0 && len(text(n)) > limit {
		n -= max(1, n/8)
	}
	_, err := io.WriteString(w, text(n))
	return err
}
