// Package pgserver runs a PostgreSQL server of one's own, for tests and measurements.
//
//	server, err := pgserver.Start(pgserver.Options{})
//	defer server.Close()
//	url, err := server.Create(ctx)
//
// It is made from the programs of the distribution and listens on a socket in a temporary folder:
// no port, no container and no set-up. It ends with the process that started it, however that
// ends, and can be stopped and started again on the same data.
package pgserver

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

const (
	superuser = "postgres"
	// patience is how long a server may take to come up, and a statement of ours to run.
	patience = time.Minute
)

// Options of a server.
type Options struct {
	// Durable makes a commit wait for the disk, as a server does by default. Without it nothing
	// waits, and a server that is killed forgets what it has just promised.
	Durable bool
}

// Server is one PostgreSQL server. Its methods are for one goroutine, but for URL and Create.
type Server struct {
	bin, dir  string // of the programs; of data, socket and log
	options   Options
	running   *keeper // nil while it is stopped
	databases atomic.Int64
}

// Start makes a cluster and serves it. The error says so when PostgreSQL is not installed.
func Start(o Options) (*Server, error) {
	bin, err := Programs()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, options: o}
	if err := s.create(); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.Restart(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Socket is the folder of the server's socket.
func (s *Server) Socket() string { return s.dir }

// URL names a database of the server.
func (s *Server) URL(name string) string { return URL(s.dir, name) }

// URL names a database behind the socket in a folder.
func URL(dir, name string) string {
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + name, RawQuery: url.Values{"host": {dir}}.Encode()}
	return u.String()
}

// Create makes an empty database and returns its name.
func (s *Server) Create(ctx context.Context) (name string, err error) {
	name = fmt.Sprintf("test_%d", s.databases.Add(1))
	return name, s.administer(ctx, "CREATE DATABASE "+name)
}

// Drop removes a database, whoever still uses it.
func (s *Server) Drop(ctx context.Context, name string) error {
	return s.administer(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
}

func (s *Server) administer(ctx context.Context, statement string) error {
	db, err := sql.Open("pgx", s.URL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// Programs finds the folder of PostgreSQL's newest programs. Debian keeps them out of PATH.
func Programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("PostgreSQL is not installed: there is no /usr/lib/postgresql/*/bin/initdb; run apt-get install postgresql")
	}
	return filepath.Dir(found[len(found)-1]), nil
}
