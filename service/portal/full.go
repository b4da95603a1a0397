package portal

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// isDatabaseFull tells whether a statement failed because the database has no room left.
func isDatabaseFull(err error) bool {
	const primary = 0xff // an extended code has its primary one in the lowest byte
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code()&primary == sqlite3.SQLITE_FULL
	}
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "53100" // disk_full
}
