// Package approval holds what an approval is, and says whether one may be trusted.
//
// An approval is a commit on the branch env/NAME of an environment: the tree of one
// commit of main, plus a [Record] of who approved it, when, and on what evidence.
// The record stands in a file, which is a value file of every Application, so that
// its number reaches the cluster; and once more as trailers of the commit, so that
// git log shows it and no later file can contradict it. Its parent is the approval
// before it. A key that may approve has signed it.
//
// [Verifier] judges a whole branch, from its first commit on: a chain is as good as
// its worst link, since the keys that may sign an approval are named by what the
// approval before it has approved. So whoever wants to bring in a key needs an
// approval by one that is in force, and a branch that was written by somebody else
// shows where it begins to be.
package approval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/commit"
)

// Record is what is said about an approval; see #Approval of the contract.
type Record struct {
	// Number is that of the release, rising by one with each approval.
	Number int64 `json:"number"`
	// Commit is the full id of the approved commit of main.
	Commit string `json:"commit"`
	// ApprovedBy is who approved, as Name <address>.
	ApprovedBy string `json:"approvedBy"`
	// ApprovedAt is when, in seconds and in UTC.
	ApprovedAt time.Time `json:"approvedAt"`
	// Evidence is what showed that the release works; NoEvidence is why it was
	// approved without. One of them is "".
	Evidence   string `json:"evidence,omitempty"`
	NoEvidence string `json:"noEvidence,omitempty"`
	// RollbackTo is the number of the release that this one goes back to, or 0.
	RollbackTo int64 `json:"rollbackTo,omitempty"`
}

// maxNumber has as many digits as the cluster's admission takes.
const maxNumber = 999_999_999_999_999_999

var commitID = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Check reports a record that is incomplete, or that could not be read back as it
// is.
func (r Record) Check() error {
	switch {
	case r.Number < 1 || r.Number > maxNumber:
		return fmt.Errorf("the number is %d, not from 1 on", r.Number)
	case !commitID.MatchString(r.Commit):
		return fmt.Errorf("the commit is %q, not an id of 40 digits", r.Commit)
	case r.ApprovedAt.IsZero() || r.ApprovedAt.Nanosecond() != 0 || r.ApprovedAt.Location() != time.UTC || r.ApprovedAt.Year() < 0 || r.ApprovedAt.Year() > 9999:
		return errors.New("the time of the approval is not in seconds and in UTC")
	case (r.Evidence == "") == (r.NoEvidence == ""):
		return errors.New("there must be evidence, or a reason why there is none")
	case r.RollbackTo < 0 || r.RollbackTo >= r.Number:
		return fmt.Errorf("release %d can't go back to release %d", r.Number, r.RollbackTo)
	}
	if err := CheckLine(r.ApprovedBy); err != nil {
		return fmt.Errorf("who approved: %w", err)
	}
	for _, text := range []string{r.Evidence, r.NoEvidence} {
		if err := CheckLine(text); text != "" && err != nil {
			return fmt.Errorf("evidence: %w", err)
		}
	}
	return nil
}

// CheckLine reports a text that can't stand in a record: it has to be one line that
// looks like what it is, without characters that a terminal acts on or that turn
// the direction of writing.
func CheckLine(text string) error {
	switch {
	case text == "":
		return errors.New("the text is empty")
	case !utf8.ValidString(text):
		return errors.New("the text is not UTF-8")
	case strings.TrimSpace(text) != text:
		return errors.New("the text begins or ends with a blank")
	}
	for _, c := range text {
		if !unicode.IsPrint(c) {
			return fmt.Errorf("the text holds the character %U, which does not show; write one line of plain text", c)
		}
	}
	return nil
}

const recordHeader = "# Written by gen approve: the record of one approval. It is never on main.\n"

// YAML returns the record as the file that is a value file of every Application.
// Every text is quoted, so that none turns into a number, a date or a tag.
func (r Record) YAML() []byte {
	var b bytes.Buffer
	b.WriteString(recordHeader + "approval:\n")
	line := func(key, value string) { fmt.Fprintf(&b, "  %s: %s\n", key, value) }
	text := func(key, value string) {
		if value != "" {
			line(key, quote(value))
		}
	}
	line("number", strconv.FormatInt(r.Number, 10))
	text("commit", r.Commit)
	text("approvedBy", r.ApprovedBy)
	text("approvedAt", r.time())
	text("evidence", r.Evidence)
	text("noEvidence", r.NoEvidence)
	if r.RollbackTo != 0 {
		line("rollbackTo", strconv.FormatInt(r.RollbackTo, 10))
	}
	return b.Bytes()
}

// quote writes a text as JSON does, which YAML reads too.
func quote(text string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // A string always encodes.
	return strings.TrimSuffix(b.String(), "\n")
}

func (r Record) time() string { return r.ApprovedAt.Format(time.RFC3339) }

// Parse reads a record from its file. Only what YAML writes is taken, byte for
// byte: anything else says something that not every reader would see.
func Parse(data []byte) (Record, error) {
	var file struct {
		Approval Record `json:"approval"`
	}
	if err := yaml.UnmarshalStrict(data, &file); err != nil {
		return Record{}, fmt.Errorf("the record can't be read: %w", err)
	}
	r := file.Approval
	r.ApprovedAt = r.ApprovedAt.UTC()
	if err := r.Check(); err != nil {
		return Record{}, fmt.Errorf("the record is wrong: %w", err)
	}
	if !bytes.Equal(r.YAML(), data) {
		return Record{}, errors.New("the record is not written as gen writes it")
	}
	return r, nil
}

// The keys of the trailers, in their order.
const (
	trailerNumber     = "Approval-Number"
	trailerCommit     = "Approved-Commit"
	trailerBy         = "Approved-By"
	trailerAt         = "Approved-At"
	trailerEvidence   = "Evidence"
	trailerNoEvidence = "No-Evidence"
	trailerRollbackTo = "Rollback-To"
)

// Trailers returns the record as trailers of a commit.
func (r Record) Trailers() []commit.Trailer {
	trailers := []commit.Trailer{
		{Key: trailerNumber, Value: strconv.FormatInt(r.Number, 10)},
		{Key: trailerCommit, Value: r.Commit},
		{Key: trailerBy, Value: r.ApprovedBy},
		{Key: trailerAt, Value: r.time()},
	}
	if r.Evidence != "" {
		trailers = append(trailers, commit.Trailer{Key: trailerEvidence, Value: r.Evidence})
	}
	if r.NoEvidence != "" {
		trailers = append(trailers, commit.Trailer{Key: trailerNoEvidence, Value: r.NoEvidence})
	}
	if r.RollbackTo != 0 {
		trailers = append(trailers, commit.Trailer{Key: trailerRollbackTo, Value: strconv.FormatInt(r.RollbackTo, 10)})
	}
	return trailers
}

// ErrNoApproval says that a commit has no trailers of an approval at all.
var ErrNoApproval = errors.New("it has no trailers of an approval")

// ParseTrailers reads a record from the trailers of a commit: those that Trailers
// writes, in their order, and no others.
func ParseTrailers(trailers []commit.Trailer) (Record, error) {
	var r Record
	var err error
	known := false
	for _, t := range trailers {
		switch t.Key {
		case trailerNumber:
			known = true
			r.Number, err = strconv.ParseInt(t.Value, 10, 64)
		case trailerCommit:
			known = true
			r.Commit = t.Value
		case trailerBy:
			r.ApprovedBy = t.Value
		case trailerAt:
			r.ApprovedAt, err = time.Parse(time.RFC3339, t.Value)
			r.ApprovedAt = r.ApprovedAt.UTC()
		case trailerEvidence:
			r.Evidence = t.Value
		case trailerNoEvidence:
			r.NoEvidence = t.Value
		case trailerRollbackTo:
			r.RollbackTo, err = strconv.ParseInt(t.Value, 10, 64)
		}
		if err != nil {
			return Record{}, fmt.Errorf("the trailer %s is %q", t.Key, t.Value)
		}
	}
	if !known {
		return Record{}, ErrNoApproval
	}
	if err := r.Check(); err != nil {
		return Record{}, fmt.Errorf("the trailers are wrong: %w", err)
	}
	want := r.Trailers()
	for i := range max(len(want), len(trailers)) {
		switch {
		case i >= len(want):
			return Record{}, fmt.Errorf("the trailer %s is one too many", trailers[i].Key)
		case i >= len(trailers):
			return Record{}, fmt.Errorf("the trailer %s is missing", want[i].Key)
		case want[i] != trailers[i]:
			return Record{}, fmt.Errorf("the trailer %s stands where %s: %s is expected", trailers[i].Key, want[i].Key, want[i].Value)
		}
	}
	return r, nil
}
