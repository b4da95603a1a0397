package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Unavailable tells whether an error comes from a database that cannot be used right now: it is
// down or coming up, the connection broke, it does not answer in time, or is busy. The same
// request may succeed later. Whether a change has been made nobody can tell, just as with a
// connection that breaks while waiting for an answer.
func Unavailable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case pg.Code == diskFull:
			return false
		case strings.HasPrefix(pg.Code, "08"), // the connection
			strings.HasPrefix(pg.Code, "53"), // resources, such as connections
			strings.HasPrefix(pg.Code, "57"): // an operator: it stops, starts, or ended our statement
			return true
		}
	}
	var connect *pgconn.ConnectError
	var network *net.OpError // not net.Error, which any error of a file is too
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded) || isBusy(err)
}

// diskFull is what PostgreSQL calls it.
const diskFull = "53100"

// Full tells whether a statement failed because the database has no room left.
func Full(err error) bool {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code()&primary == sqlite3.SQLITE_FULL
	}
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == diskFull
}
