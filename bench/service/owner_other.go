//go:build !unix

package main

import (
	"errors"
	"syscall"
)

func databaseOwner(string) (*syscall.SysProcAttr, error) {
	return nil, errors.New("this starts a server on Unix only")
}
