package people

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"gitlab.com/towpath/towpath/service/database"
)

var (
	// ErrUnknown is that no person has this uuid.
	ErrUnknown = errors.New("there is no such person")
	// ErrTaken is that another person has this uuid.
	ErrTaken = errors.New("the uuid is taken")
)

// Store keeps the register. Other errors than those above mean that the store itself failed.
type Store interface {
	// Add puts in a person. ErrTaken if the uuid is there.
	Add(ctx context.Context, p Person) error
	// Get finds a person. ErrUnknown if there is none.
	Get(ctx context.Context, id uuid.UUID) (Person, error)
	// Update changes some fields at once and returns the whole person. ErrUnknown if there is none.
	Update(ctx context.Context, id uuid.UUID, changes Changes) (Person, error)
	// Delete removes a person. ErrUnknown if there is none.
	Delete(ctx context.Context, id uuid.UUID) error
	// Page appends to entries those that match the filter and came in after the given place, in
	// the order in which they came in, at most limit of them.
	Page(ctx context.Context, filter Filter, after int64, limit int, entries []Entry) ([]Entry, error)
	// Import puts in what f adds, all or, if f returns an error, nothing. Whose uuid is there
	// already stays as it is; added counts the others.
	Import(ctx context.Context, f func(add func([]Person) (added int, err error)) error) error
}

// Changes are new values for some fields.
type Changes struct {
	fields []field
	to     Person
}

// Filter chooses among persons. The zero Filter matches all.
type Filter struct {
	Sex            string // empty for any
	Survived       *bool
	PassengerClass *int32
}

// Entry is a person at a place in the list.
type Entry struct {
	Seq int64 // grows with each person that comes in; from 1
	Person
}

// NewStore keeps the register in a database.
func NewStore(db *database.DB) Store {
	return &sqlStore{
		db:     db,
		add:    db.Rebind("INSERT INTO people (" + columnList + ") VALUES " + rowsOfParameters(1)),
		get:    db.Rebind("SELECT " + columnList + " FROM people WHERE uuid = ?"),
		delete: db.Rebind("DELETE FROM people WHERE uuid = ?"),
	}
}

// sqlStore speaks the SQL that SQLite and PostgreSQL share.
type sqlStore struct {
	db               *database.DB
	add, get, delete string // statements that are always the same
}

var columnList = strings.Join(columns(), ", ")

// values are what the columns hold, in order.
func (p *Person) values() []any {
	all := make([]any, len(fields))
	for i, f := range fields {
		all[i] = f.value(p)
	}
	return all
}

func (f field) value(p *Person) any {
	switch at := f.at(p).(type) {
	case *bool:
		return *at
	case *int32:
		return int64(*at)
	case *float64:
		return *at
	case *string:
		return *at
	case *uuid.UUID:
		return at.String()
	default:
		panic("people: a field of an unknown type: " + f.name)
	}
}

// cells are the columns of a row as the driver gives them, seq first if it is there. Scanned
// to the fields of a person, database/sql would turn each number into text and back.
type cells struct{ values, targets []any }

func newCells(n int) cells {
	c := cells{make([]any, n), make([]any, n)}
	for i := range c.values {
		c.targets[i] = &c.values[i]
	}
	return c
}

// person reads the columns of all fields, which are the last ones.
func (c cells) person(p *Person) error {
	values := c.values[len(c.values)-len(fields):]
	for i := range fields {
		if err := fields[i].setColumn(p, values[i]); err != nil {
			return err
		}
	}
	return nil
}

// setColumn stores what a column holds in the field. The databases differ in what they give for
// a boolean and for a uuid.
func (f *field) setColumn(p *Person, value any) error {
	switch to := f.at(p).(type) {
	case *bool:
		switch from := value.(type) {
		case bool:
			*to = from
			return nil
		case int64:
			*to = from != 0
			return nil
		}
	case *int32:
		if from, ok := value.(int64); ok && from == int64(int32(from)) {
			*to = int32(from)
			return nil
		}
	case *float64:
		if from, ok := value.(float64); ok {
			*to = from
			return nil
		}
	case *string:
		if from, ok := value.(string); ok {
			*to = from
			return nil
		}
	case *uuid.UUID:
		return to.Scan(value)
	}
	return fmt.Errorf("the column %s has %v, a %T", f.column, value, value)
}

// rowsOfParameters is "(?, …), (?, …)" for n persons.
func rowsOfParameters(n int) string {
	row := "(?" + strings.Repeat(", ?", len(fields)-1) + ")"
	return row + strings.Repeat(", "+row, n-1)
}

func (s *sqlStore) Add(ctx context.Context, p Person) error {
	_, err := s.db.Writer().ExecContext(ctx, s.add, p.values()...)
	if database.IsUniqueViolation(err) {
		return ErrTaken
	}
	if err != nil {
		return fmt.Errorf("add a person: %w", err)
	}
	return nil
}

func (s *sqlStore) Get(ctx context.Context, id uuid.UUID) (Person, error) {
	return scanOne("get a person", s.db.Reader().QueryRowContext(ctx, s.get, id.String()))
}

func (s *sqlStore) Update(ctx context.Context, id uuid.UUID, changes Changes) (Person, error) {
	if len(changes.fields) == 0 {
		return s.Get(ctx, id)
	}
	var set []string
	var args []any
	for _, f := range changes.fields {
		set = append(set, f.column+" = ?")
		args = append(args, f.value(&changes.to))
	}
	// One statement: two updates of different fields at once must both last.
	return scanOne("update a person", s.db.Writer().QueryRowContext(ctx, s.db.Rebind(
		"UPDATE people SET "+strings.Join(set, ", ")+" WHERE uuid = ? RETURNING "+columnList), append(args, id.String())...))
}

func scanOne(what string, row *sql.Row) (Person, error) {
	var p Person
	c := newCells(len(fields))
	err := row.Scan(c.targets...)
	if errors.Is(err, sql.ErrNoRows) {
		return Person{}, ErrUnknown
	}
	if err == nil {
		err = c.person(&p)
	}
	if err != nil {
		return Person{}, fmt.Errorf("%s: %w", what, err)
	}
	return p, nil
}

func (s *sqlStore) Delete(ctx context.Context, id uuid.UUID) error {
	result, err := s.db.Writer().ExecContext(ctx, s.delete, id.String())
	if err != nil {
		return fmt.Errorf("delete a person: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("delete a person: %w", err)
	}
	if n == 0 {
		return ErrUnknown
	}
	return nil
}

func (s *sqlStore) Page(ctx context.Context, filter Filter, after int64, limit int, entries []Entry) ([]Entry, error) {
	where, args := []string{"seq > ?"}, []any{after}
	if filter.Sex != "" {
		where, args = append(where, "sex = ?"), append(args, filter.Sex)
	}
	if filter.Survived != nil {
		where, args = append(where, "survived = ?"), append(args, *filter.Survived)
	}
	if filter.PassengerClass != nil {
		where, args = append(where, "passenger_class = ?"), append(args, int64(*filter.PassengerClass))
	}
	rows, err := s.db.Reader().QueryContext(ctx, s.db.Rebind("SELECT seq, "+columnList+" FROM people WHERE "+
		strings.Join(where, " AND ")+" ORDER BY seq LIMIT ?"), append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	defer rows.Close()
	c := newCells(1 + len(fields))
	var e Entry
	for rows.Next() {
		if err := rows.Scan(c.targets...); err != nil {
			return nil, fmt.Errorf("list people: %w", err)
		}
		e.Seq, _ = c.values[0].(int64) // it is the primary key
		if err := c.person(&e.Person); err != nil {
			return nil, fmt.Errorf("list people: %w", err)
		}
		entries = append(entries, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	return entries, nil
}

// importRows is how many persons go into one statement. A round trip to PostgreSQL should be
// worth its while; but the SQLite driver looks for each parameter among all of them, so the work
// grows with the square of their number.
const importRows = 64

func (s *sqlStore) Import(ctx context.Context, f func(add func([]Person) (int, error)) error) error {
	return s.db.InTx(ctx, func(tx *sql.Tx) error {
		full, err := tx.PrepareContext(ctx, s.importStatement(importRows))
		if err != nil {
			return fmt.Errorf("import people: %w", err)
		}
		defer full.Close()
		return f(func(people []Person) (added int, err error) {
			for part := range slices.Chunk(people, importRows) {
				var args []any
				for i := range part {
					args = append(args, part[i].values()...)
				}
				var result sql.Result
				if len(part) == importRows {
					result, err = full.ExecContext(ctx, args...)
				} else {
					result, err = tx.ExecContext(ctx, s.importStatement(len(part)), args...)
				}
				if err != nil {
					return added, fmt.Errorf("import people: %w", err)
				}
				n, err := result.RowsAffected()
				if err != nil {
					return added, fmt.Errorf("import people: %w", err)
				}
				added += int(n)
			}
			return added, nil
		})
	})
}

func (s *sqlStore) importStatement(rows int) string {
	return s.db.Rebind("INSERT INTO people (" + columnList + ") VALUES " + rowsOfParameters(rows) + " ON CONFLICT (uuid) DO NOTHING")
}
