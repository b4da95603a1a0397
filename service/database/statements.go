package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"
)

// mostStatements is how many prepared statements a connection keeps. The service has fewer.
const mostStatements = 64

// openStatements opens a pool of SQLite connections that keep what they have prepared, as those
// of the PostgreSQL driver do. For a small query, parsing takes a third of the time.
func openStatements(dsn string) *sql.DB { return sql.OpenDB(connector(dsn)) }

// connector is the data source name of its connections.
type connector string

func (c connector) Driver() driver.Driver { return &sqlite.Driver{} }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(string(c))
	if err != nil {
		return nil, err
	}
	return &statementConn{conn.(sqliteConn), map[string]sqliteStatement{}}, nil
}

// sqliteConn is all that database/sql makes use of in a connection of the driver, and
// sqliteStatement in a prepared statement.
type (
	sqliteConn interface {
		driver.Conn
		driver.ConnBeginTx
		driver.ConnPrepareContext
		driver.ExecerContext
		driver.Pinger
		driver.QueryerContext
		driver.SessionResetter
		driver.Validator
	}
	sqliteStatement interface {
		driver.Stmt
		driver.StmtExecContext
		driver.StmtQueryContext
	}
)

// statementConn is a connection with its idle statements, by their SQL. database/sql sees to it
// that one goroutine at a time uses a connection. A statement in use is not among the idle ones,
// so the same SQL may run twice at once: in a transaction, while the rows of the first are read.
type statementConn struct {
	sqliteConn
	idle map[string]sqliteStatement
}

// take finds or prepares a statement.
func (c *statementConn) take(ctx context.Context, query string) (sqliteStatement, error) {
	if s, ok := c.idle[query]; ok {
		delete(c.idle, query)
		return s, nil
	}
	s, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.(sqliteStatement), nil
}

// giveBack keeps a statement for the next time, unless it has failed. Where there are too many
// any other has to go: those in frequent use are soon back.
func (c *statementConn) giveBack(query string, s sqliteStatement, failed error) error {
	if _, ok := c.idle[query]; ok || failed != nil {
		return s.Close()
	}
	if len(c.idle) == mostStatements {
		for other, old := range c.idle {
			delete(c.idle, other)
			if err := old.Close(); err != nil {
				return errors.Join(err, s.Close())
			}
			break
		}
	}
	c.idle[query] = s
	return nil
}

func (c *statementConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := s.ExecContext(ctx, args)
	if closed := c.giveBack(query, s, err); err == nil {
		err = closed
	}
	return result, err
}

func (c *statementConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		_ = c.giveBack(query, s, err) // err tells more
		return nil, err
	}
	return &statementRows{rows, func(failed error) error { return c.giveBack(query, s, failed) }}, nil
}

// Close closes the idle statements as well: SQLite keeps a file open until its last one is.
func (c *statementConn) Close() error {
	for _, s := range c.idle {
		_ = s.Close() // what it reports is how it last ran
	}
	c.idle = nil
	return c.sqliteConn.Close()
}

// statementRows are rows that give their statement back at the end.
type statementRows struct {
	driver.Rows
	giveBack func(failed error) error
}

func (r *statementRows) Close() error {
	err := r.Rows.Close()
	if back := r.giveBack(err); err == nil {
		err = back
	}
	return err
}
