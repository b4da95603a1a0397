// Package cli is the command line of the service, a file per command.
//
// Exit codes: 0 fine, 1 the work failed, 2 the command or its configuration is wrong, and
// 128 plus the signal's number when a second signal cut the work short.
package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/service/config"
)

// usageError is a mistake in how the command was called.
type usageError struct{ error }

// signalError ends the process at once because of a second signal.
type signalError struct{ number int }

func (e signalError) Error() string { return "ended at once by a second signal" }

// Main runs the command line and returns the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)

	err := root.Execute()
	var usage usageError
	var invalid *config.InvalidError
	var signal signalError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &signal):
		return 128 + signal.number
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "service: %v\nRun 'service --help' for usage.\n", err)
		return 2
	case errors.As(err, &invalid):
		fmt.Fprintf(stderr, "service: %v\n", err)
		return 2
	default:
		fmt.Fprintf(stderr, "service: %v\n", err)
		return 1
	}
}

func newRoot() *cobra.Command {
	root := newServe()
	root.SilenceErrors = true
	root.SilenceUsage = true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.SetUsageTemplate(root.UsageTemplate() + "{{if not .HasParent}}" + variables() + "{{end}}")
	root.AddCommand(newImport(), newMigrate(), newVersion(), newUser(), newProbe())
	return root
}

// variables is the section of --help about the environment.
func variables() string {
	var b strings.Builder
	b.WriteString("\nEnvironment (NAME_FILE=path reads a variable from a file; times are \"90s\", \"1m30s\" or seconds):\n")
	if err := config.Usage(&b); err != nil {
		panic(err) // a strings.Builder does not fail
	}
	return b.String()
}

// noArgs is cobra.NoArgs with our exit code.
func noArgs(cmd *cobra.Command, args []string) error {
	if err := cobra.NoArgs(cmd, args); err != nil {
		return usageError{err}
	}
	return nil
}
