//go:build !unix

package pgserver

import "errors"

type keeper struct{}

var errUnix = errors.New("this starts PostgreSQL on Unix only")

func (*Server) create() error { return errUnix }

// Restart needs Unix.
func (*Server) Restart() error { return errUnix }

// Stop needs Unix.
func (*Server) Stop() error { return errUnix }

// Kill needs Unix.
func (*Server) Kill() error { return errUnix }

// Close needs Unix.
func (*Server) Close() {}
