package commit

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Commit is a commit that Git has.
type Commit struct {
	// ID and Tree are full ids.
	ID, Tree string
	Parents  []string

	Author, Committer   Person
	Authored, Committed time.Time
	Message             Message

	// Signature is armored, or "" if there is none.
	Signature string
	// Payload is what was signed: the commit's text without the signature.
	Payload []byte
}

// Read returns the commit with an id.
func (r *Repository) Read(id string) (Commit, error) {
	text, err := r.git(invocation{}, "cat-file", "commit", id)
	if err != nil {
		return Commit{}, fmt.Errorf("reading commit %s: %w", id, err)
	}
	return Parse(id, text)
}

// Chain returns a commit and those before it, always by the first parent, newest
// first: limit of them, or all if it is 0.
func (r *Repository) Chain(tip string, limit int) ([]Commit, error) {
	args := []string{"rev-list", "--first-parent"}
	if limit > 0 {
		args = append(args, "--max-count="+strconv.Itoa(limit))
	}
	ids, err := r.git(invocation{}, append(args, tip, "--")...)
	if err != nil {
		return nil, fmt.Errorf("listing the commits of %s: %w", tip, err)
	}
	out, err := r.git(invocation{input: ids}, "cat-file", "--batch")
	if err != nil {
		return nil, fmt.Errorf("reading the commits of %s: %w", tip, err)
	}
	var chain []Commit
	for len(out) > 0 {
		// ID commit SIZE, the text, and a newline.
		header, rest, _ := bytes.Cut(out, []byte("\n"))
		words := strings.Fields(string(header))
		if len(words) != 3 || words[1] != "commit" {
			return nil, fmt.Errorf("git cat-file answered %q", header)
		}
		size, err := strconv.Atoi(words[2])
		if err != nil || size+1 > len(rest) {
			return nil, fmt.Errorf("git cat-file answered %q", header)
		}
		one, err := Parse(words[0], rest[:size:size])
		if err != nil {
			return nil, err
		}
		chain = append(chain, one)
		out = rest[size+1:]
	}
	return chain, nil
}

// Parse reads the text of a commit as Git stores it.
func Parse(id string, text []byte) (Commit, error) {
	c := Commit{ID: id}
	headers, message, ok := strings.Cut(string(text), "\n\n")
	if !ok {
		return c, fmt.Errorf("commit %s has no message", id)
	}
	c.Message = ParseMessage(message)
	var payload []string // The lines of the headers that were signed.
	var inSignature bool
	for line := range strings.SplitSeq(headers, "\n") {
		if rest, continued := strings.CutPrefix(line, " "); continued && inSignature {
			c.Signature += rest + "\n"
			continue
		}
		name, value, _ := strings.Cut(line, " ")
		inSignature = name == "gpgsig" && len(id) != 64 || name == "gpgsig-sha256" && len(id) == 64
		if inSignature {
			c.Signature += value + "\n"
			continue
		}
		payload = append(payload, line)
		var err error
		switch name {
		case "tree":
			c.Tree = value
		case "parent":
			c.Parents = append(c.Parents, value)
		case "author":
			c.Author, c.Authored, err = parsePerson(value)
		case "committer":
			c.Committer, c.Committed, err = parsePerson(value)
		}
		if err != nil {
			return c, fmt.Errorf("commit %s: %w", id, err)
		}
	}
	c.Payload = []byte(strings.Join(payload, "\n") + "\n\n" + message)
	return c, nil
}

// parsePerson reads a name, an address and a date: Name <address> SECONDS ZONE.
func parsePerson(text string) (Person, time.Time, error) {
	open, end := strings.Index(text, "<"), strings.LastIndex(text, ">")
	if open < 0 || end < open {
		return Person{}, time.Time{}, fmt.Errorf("%q is no name and address", text)
	}
	p := Person{strings.TrimSpace(text[:open]), text[open+1 : end]}
	words := strings.Fields(text[end+1:])
	if len(words) != 2 {
		return p, time.Time{}, fmt.Errorf("%q has no date", text)
	}
	seconds, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil {
		return p, time.Time{}, fmt.Errorf("%q has no date", text)
	}
	zone, err := time.Parse("-0700", words[1])
	if err != nil {
		return p, time.Time{}, fmt.Errorf("%q has no time zone", text)
	}
	return p, time.Unix(seconds, 0).In(zone.Location()), nil
}

// IsAncestor reports whether a commit is another one, or comes before it.
func (r *Repository) IsAncestor(commit, of string) (bool, error) {
	_, err := r.git(invocation{}, "merge-base", "--is-ancestor", commit, of)
	var failed *gitError
	if errors.As(err, &failed) && failed.code == 1 {
		return false, nil
	}
	return err == nil, err
}

// Differ returns the paths of files that two commits or trees hold differently,
// ordered, and relative to Git's root.
func (r *Repository) Differ(a, b string) ([]string, error) {
	out, err := r.git(invocation{}, "diff-tree", "-r", "-z", "--name-only", "--no-renames", a, b)
	if err != nil {
		return nil, fmt.Errorf("comparing %s with %s: %w", a, b, err)
	}
	return split(out), nil
}

// split returns the parts of a list that zeros end.
func split(out []byte) []string {
	var parts []string
	for part := range strings.SplitSeq(string(out), "\x00") {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}
