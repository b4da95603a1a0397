//go:build !unix

package databasetest

import "errors"

const superuser = "postgres"

func startOnce() (string, error) {
	return "", errors.New("these tests start PostgreSQL on Unix only")
}
