package people

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"
)

// RowError is a place in a CSV file that cannot be imported.
type RowError struct {
	Line   int // from 1; the heading is a line as well
	Column int // from 1, in bytes
	Field  string
	Detail string
}

func (e *RowError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Detail)
	}
	return fmt.Sprintf("%d:%d: %s %s", e.Line, e.Column, e.Field, e.Detail)
}

// Imported counts what an import has done.
type Imported struct {
	Rows  int // read
	Added int // of these, not in the register before
}

// reportRows is how often an import tells how far it is, in rows.
const reportRows = 10_000

// namespace makes uuids that no other use of the method makes.
var namespace = uuid.MustParse("6b1f2c52-2f0e-4c36-9d7b-0b6a4f1d8e23")

// Import reads a CSV file into the store, in one transaction: after an error nothing is
// imported. A [*RowError] tells where the file is at fault. report is called after each 10,000
// rows and at the end, before the transaction is committed.
//
// A row gets its uuid from what it says, and from how many rows before it say the same. So the
// same file imported twice adds nothing twice, the same file with more rows adds those, and of
// two people who differ in nothing that the file knows both are kept.
func Import(ctx context.Context, store Store, r io.Reader, report func(rows int)) (Imported, error) {
	var done Imported
	err := store.Import(ctx, func(add func([]Person) (int, error)) error {
		file, err := newCSVReader(r)
		if err != nil {
			return err
		}
		batch := make([]Person, 0, importRows)
		flush := func() error {
			n, err := add(batch)
			done.Added += n
			batch = batch[:0]
			return err
		}
		for {
			p, err := file.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			batch = append(batch, p)
			if done.Rows++; len(batch) == importRows {
				if err := flush(); err != nil {
					return err
				}
			}
			if done.Rows%reportRows == 0 {
				report(done.Rows)
			}
		}
		if err := flush(); err != nil {
			return err
		}
		if done.Rows%reportRows != 0 || done.Rows == 0 {
			report(done.Rows)
		}
		return nil
	})
	if err != nil {
		return Imported{}, err
	}
	return done, nil
}

// csvReader reads persons from a CSV file.
type csvReader struct {
	*csv.Reader
	fields []field
	// seen counts equal rows by the start of their hash. Two different rows with the same start
	// merely share a count, which is as good for telling equal ones apart.
	seen map[uint64]uint32
}

// newCSVReader checks the heading.
func newCSVReader(r io.Reader) (*csvReader, error) {
	buffered := bufio.NewReader(r)
	// Spreadsheets put a byte order mark before the first heading.
	if mark, err := buffered.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = buffered.Discard(3)
	}
	c := &csvReader{Reader: csv.NewReader(buffered), seen: map[uint64]uint32{}}
	c.ReuseRecord = true
	var headings []string
	for _, f := range fields {
		if f.csv != "" {
			c.fields = append(c.fields, f)
			headings = append(headings, f.csv)
		}
	}
	c.FieldsPerRecord = -1 // counted here, to say which column is missing
	record, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, &RowError{Line: 1, Column: 1, Detail: "the heading is missing; it is " + strings.Join(headings, ",")}
	}
	if err != nil {
		return nil, csvError(err)
	}
	for i, want := range headings {
		if i >= len(record) {
			return nil, c.errorAt(len(record)-1, "", fmt.Sprintf("the heading lacks %q", want))
		}
		if record[i] != want {
			return nil, c.errorAt(i, "", fmt.Sprintf("the heading is %s here, not %q", shown(record[i]), want))
		}
	}
	if len(record) > len(headings) {
		return nil, c.errorAt(len(headings), "", fmt.Sprintf("the heading has one more, %s", shown(record[len(headings)])))
	}
	return c, nil
}

// next reads a person; io.EOF at the end.
func (c *csvReader) next() (Person, error) {
	record, err := c.Read()
	if errors.Is(err, io.EOF) {
		return Person{}, err
	}
	if err != nil {
		return Person{}, csvError(err)
	}
	if n := len(record); n < len(c.fields) {
		return Person{}, c.errorAt(n-1, "", fmt.Sprintf("the row ends after %d of %d columns; %s is missing", n, len(c.fields), c.fields[n].csv))
	}
	if len(record) > len(c.fields) {
		return Person{}, c.errorAt(len(c.fields), "", fmt.Sprintf("the row has more than %d columns", len(c.fields)))
	}
	var p Person
	for i, f := range c.fields {
		if reason := f.setCell(&p, record[i]); reason != "" {
			return Person{}, c.errorAt(i, f.csv, fmt.Sprintf("%s (found %s)", reason, shown(record[i])))
		}
	}
	p.UUID = c.identify(&p)
	return p, nil
}

// setCell stores a cell in a field. The reason says why not.
func (f field) setCell(p *Person, cell string) (reason string) {
	switch to := f.at(p).(type) {
	case *bool:
		if cell != "0" && cell != "1" {
			return "must be 0 or 1"
		}
		*to = cell == "1"
	case *int32, *float64:
		if !isNumber(cell) {
			return "must be " + f.kind()
		}
		return f.setNumber(p, cell)
	case *string:
		return f.setString(p, cell)
	}
	return ""
}

// identify gives the uuid of a row, see [Import].
func (c *csvReader) identify(p *Person) uuid.UUID {
	hash := sha256.New()
	for _, f := range c.fields {
		fmt.Fprintf(hash, "%v\x00", f.value(p)) // no value contains the separator
	}
	var sum [sha256.Size]byte
	hash.Sum(sum[:0])
	key := binary.BigEndian.Uint64(sum[:])
	c.seen[key]++
	return uuid.NewSHA1(namespace, binary.BigEndian.AppendUint32(sum[:], c.seen[key]))
}

func (c *csvReader) errorAt(i int, name, detail string) error {
	line, column := c.FieldPos(i)
	return &RowError{Line: line, Column: column, Field: name, Detail: detail}
}

// csvError turns a mistake in the syntax into a RowError; a failure to read stays what it is.
func csvError(err error) error {
	var syntax *csv.ParseError
	if !errors.As(err, &syntax) {
		return err
	}
	detail := "a quote stands where none may be, or is not closed"
	return &RowError{Line: syntax.Line, Column: syntax.Column, Detail: detail}
}

// shown is a cell in an error message: quoted, and not longer than fits on a line.
func shown(cell string) string {
	const most = 40
	runes := []rune(cell)
	if len(runes) > most {
		return fmt.Sprintf("%q…", string(runes[:most]))
	}
	return fmt.Sprintf("%q", cell)
}
