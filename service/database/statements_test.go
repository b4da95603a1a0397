package database_test

import (
	"context"
	"fmt"
	"testing"

	"gitlab.com/towpath/towpath/service/database"
)

// openNumbers opens a SQLite file with a table n of the numbers from 1 to 3.
func openNumbers(t *testing.T) *database.DB {
	t.Helper()
	db := open(t, database.Config{DataDir: t.TempDir()})
	if _, err := db.Writer().ExecContext(t.Context(), "CREATE TABLE n (i INTEGER PRIMARY KEY); INSERT INTO n VALUES (1), (2), (3)"); err != nil {
		t.Fatal(err)
	}
	return db
}

// While the rows of a statement are read the same one may run again, on the same connection.
func TestStatementWithinItself(t *testing.T) {
	db := openNumbers(t)
	tx, err := db.Reader().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	pairs := 0
	each := func(f func()) {
		rows, err := tx.QueryContext(t.Context(), "SELECT i FROM n")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			f()
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		each(func() { each(func() { pairs++ }) })
	}
	if pairs != 2*3*3 {
		t.Errorf("got %d pairs", pairs)
	}
}

// A prepared statement sees what has become of the table, the rows and its parameters since.
func TestStatementAgain(t *testing.T) {
	db := openNumbers(t)
	sum := func(least any) (sum int) {
		t.Helper()
		if err := db.Reader().QueryRowContext(t.Context(), "SELECT coalesce(sum(i), 0) FROM n WHERE i >= ?", least).Scan(&sum); err != nil {
			t.Fatal(err)
		}
		return sum
	}
	exec := func(query string, args ...any) error {
		_, err := db.Writer().ExecContext(t.Context(), query, args...)
		return err
	}
	check := func(want, got int) {
		t.Helper()
		if got != want {
			t.Errorf("the sum is %d, want %d", got, want)
		}
	}
	const insert = "INSERT INTO n (i) VALUES (?)"
	check(6, sum(0))
	check(5, sum(2))
	check(0, sum(nil))
	// One that has failed works again.
	if err := exec(insert, 3); !database.IsUniqueViolation(err) {
		t.Errorf("got %v", err)
	}
	for i := 4; i < 6; i++ {
		if err := exec(insert, i); err != nil {
			t.Error(err)
		}
	}
	check(15, sum(0))
	for _, query := range []string{"ALTER TABLE n RENAME TO old", "CREATE TABLE n (other TEXT, i INTEGER)", "INSERT INTO n VALUES ('', 40)"} {
		if err := exec(query); err != nil {
			t.Fatal(err)
		}
	}
	check(40, sum(0))
	if err := exec("DROP TABLE n"); err != nil {
		t.Fatal(err)
	}
	if err := exec(insert, 1); err == nil {
		t.Error("there is no table any more")
	}
}

// Neither many different statements nor cancelled ones use anything up.
func TestManyStatements(t *testing.T) {
	db := openNumbers(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 500 {
		query := fmt.Sprintf("SELECT %d FROM n WHERE i = ?", i)
		if err := db.Reader().QueryRowContext(cancelled, query, 1).Scan(new(int)); err == nil {
			t.Fatal("a cancelled statement has a result")
		}
		var got int
		if err := db.Reader().QueryRowContext(t.Context(), query, 1).Scan(&got); err != nil || got != i {
			t.Fatalf("got %d, %v", got, err)
		}
	}
}
