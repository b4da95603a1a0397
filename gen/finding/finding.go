// Package finding holds the one shape in which everything that is wrong is
// reported: the rule it breaks, the place in the file a person edits, what was
// found there and what to do about it.
//
// A step of the flow that meets bad input returns a [List] as its error, with
// all that it found and not only the first. The command line prints lists,
// as text, JSON or a GitLab Code Quality report, and derives the exit code
// from the rules in them.
package finding

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Severity tells how bad a finding is.
type Severity string

// A finding that is an Error fails the command, a Warning does not.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Position is a place in a file of the repository.
type Position struct {
	// File is relative to the root of the repository, with forward slashes.
	File string `json:"file"`
	// Line and Column count from 1; Column counts bytes. Zero is unknown.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
}

// IsValid reports whether p names a file at all.
func (p Position) IsValid() bool { return p.File != "" }

// String returns file:line:col, as far as known.
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	default:
		return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
}

// Compare orders positions by file, line and column.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// Note is a second place that helps to understand a finding.
type Note struct {
	Position
	Message string `json:"message"`
}

// Finding is one thing that is wrong.
type Finding struct {
	// Rule is the id of the rule that is broken; see [Lookup].
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// Position is the place to change.
	Position
	// Message says what was found, in one sentence without a full stop.
	Message string `json:"message"`
	// Allowed says what would be right there, if that can be listed.
	Allowed string `json:"allowed,omitempty"`
	// Help says what to do.
	Help  string `json:"help,omitempty"`
	Notes []Note `json:"notes,omitempty"`
	// Environment, Release and Object tell what is affected, if it is one.
	Environment string `json:"environment,omitempty"`
	Release     string `json:"release,omitempty"`
	Object      string `json:"object,omitempty"`
	// Value is the path of the environment's value that breaks a rule over values.
	Value string `json:"value,omitempty"`
	// Waiver, if not nil, is what the environment says to put up with it.
	Waiver *Waiver `json:"waiver,omitempty"`
	// Class is set for a rule that is not gen's own; see [Lookup].
	Class Class `json:"-"`
	// Width is the number of bytes to underline from Column on.
	Width int `json:"-"`
}

// Waiver puts up with a finding for a while.
type Waiver struct {
	Reason string `json:"reason"`
	Owner  string `json:"owner"`
	// Until is the last day, as YYYY-MM-DD.
	Until string `json:"until"`
	// Position is that of the waiver.
	Position
}

// Error returns the finding as one line.
func (f Finding) Error() string {
	if f.IsValid() {
		return fmt.Sprintf("%s: %s: %s [%s]", f.Position, f.Severity, f.Message, f.Rule)
	}
	return fmt.Sprintf("%s: %s [%s]", f.Severity, f.Message, f.Rule)
}

// List is a number of findings; as an error it stands for all of them.
type List []Finding

// Error returns the findings, a line each.
func (l List) Error() string {
	errs := make([]error, len(l))
	for i, f := range l {
		errs[i] = f
	}
	return errors.Join(errs...).Error()
}

// Err returns l as an error, or nil if it has no findings.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// Sort orders the findings by file, line and column and drops repetitions.
func (l List) Sort() List {
	l = slices.Clone(l)
	slices.SortStableFunc(l, func(a, b Finding) int {
		return cmp.Or(a.Position.Compare(b.Position), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(l, func(a, b Finding) bool {
		return a.Rule == b.Rule && a.Position == b.Position && a.Message == b.Message &&
			a.Environment == b.Environment && a.Release == b.Release && a.Object == b.Object && a.Value == b.Value
	})
}

// Split returns the findings that no waiver puts up with, and those that one does.
func (l List) Split() (open, waived List) {
	for _, f := range l {
		if f.Waiver == nil {
			open = append(open, f)
		} else {
			waived = append(waived, f)
		}
	}
	return open, waived
}

// From returns the findings in err, and what is left of err without them: an
// error of another kind, or nil.
func From(err error) (List, error) {
	if err == nil {
		return nil, nil
	}
	var list List
	if errors.As(err, &list) {
		return list, nil
	}
	var one Finding
	if errors.As(err, &one) {
		return List{one}, nil
	}
	return nil, err
}
