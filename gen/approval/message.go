package approval

import (
	"fmt"
	"strings"
	"unicode"

	"gitlab.com/towpath/towpath/gen/commit"
	"gitlab.com/towpath/towpath/gen/revision"
)

// Subject returns the first line of an approval's message.
func Subject(env string, number int64) string { return fmt.Sprintf("%s: release %d", env, number) }

// Message returns what the commit of an approval says: which release it is, what it
// approves, a summary of what changes with it, and the record.
func Message(env string, r Record, approved, summary string) commit.Message {
	verb := "Approves"
	if r.RollbackTo != 0 {
		verb = fmt.Sprintf("Goes back to release %d,", r.RollbackTo)
	}
	body := fmt.Sprintf("%s %s %q", verb, revision.Short(r.Commit), plain(approved))
	if text := lines(summary); text != "" {
		body += "\n\n" + text
	}
	return commit.Message{Subject: Subject(env, r.Number), Body: body, Trailers: r.Trailers()}
}

// plain returns a text of somebody else as one line without characters that do not
// show.
func plain(text string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return ' '
	}, strings.ToValidUTF8(text, "?")))
}

// lines returns a summary as it can stand in a message. A line of dashes, or a comment
// with scissors, would end the message for git interpret-trailers.
func lines(text string) string {
	var kept []string
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		line = strings.TrimRight(strings.Map(func(c rune) rune {
			if unicode.IsPrint(c) {
				return c
			}
			return ' '
		}, line), " ")
		if strings.HasPrefix(line, "---") || strings.HasPrefix(line, "#") {
			line = " " + line
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n")
}
