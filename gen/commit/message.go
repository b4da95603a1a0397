package commit

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Message is what a commit says, in three parts with an empty line between them.
type Message struct {
	// Subject is the first line.
	Subject string
	// Body is any number of lines, or "".
	Body string
	// Trailers are facts for programs, in the order in which they are written.
	Trailers []Trailer
}

// Trailer is one line at the end of a message: Key: Value.
type Trailer struct{ Key, Value string }

var trailerLine = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9-]*): (.*)$`)

// String returns the text of the message, with a newline at its end.
func (m Message) String() string {
	parts := []string{m.Subject}
	if body := strings.Trim(m.Body, "\n"); body != "" {
		parts = append(parts, body)
	}
	if len(m.Trailers) > 0 {
		var lines []string
		for _, t := range m.Trailers {
			lines = append(lines, t.Key+": "+t.Value)
		}
		parts = append(parts, strings.Join(lines, "\n"))
	}
	return strings.Join(parts, "\n\n") + "\n"
}

// Trailer returns the value of the first trailer with a key.
func (m Message) Trailer(key string) (value string, ok bool) {
	for _, t := range m.Trailers {
		if strings.EqualFold(t.Key, key) {
			return t.Value, true
		}
	}
	return "", false
}

// ParseMessage reads a message. Its last paragraph holds the trailers if every line
// of it is one.
func ParseMessage(text string) Message {
	subject, rest, _ := strings.Cut(strings.TrimRight(text, "\n"), "\n")
	m := Message{Subject: subject, Body: strings.Trim(rest, "\n")}
	last := m.Body[strings.LastIndex("\n\n"+m.Body, "\n\n"):]
	var trailers []Trailer
	for line := range strings.SplitSeq(last, "\n") {
		match := trailerLine.FindStringSubmatch(line)
		if match == nil {
			return m
		}
		trailers = append(trailers, Trailer{match[1], match[2]})
	}
	m.Trailers = trailers
	m.Body = strings.TrimRight(strings.TrimSuffix(m.Body, last), "\n")
	return m
}

// check reports a message that could not be read back.
func (m Message) check() error {
	if strings.TrimSpace(m.Subject) == "" || strings.Contains(m.Subject, "\n") {
		return fmt.Errorf("the subject of a commit is one line, not %q", m.Subject)
	}
	if strings.Contains(m.String(), "\x00") {
		return errors.New("a message of a commit can't hold a zero byte")
	}
	for _, t := range m.Trailers {
		if line := t.Key + ": " + t.Value; strings.Contains(line, "\n") || !trailerLine.MatchString(line) {
			return fmt.Errorf("the trailer %s of a commit is one line, not %q", t.Key, t.Value)
		}
	}
	return nil
}
