package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"gitlab.com/towpath/towpath/e2e/cluster"
)

// printEnvironment prints the variables by which the suite tries a cluster that it knows nothing else of, for a shell.
func printEnvironment(dir string, out io.Writer) error {
	if !isUp(dir) {
		return errors.New("no cluster is up; bring one up with: go run . up")
	}
	variables, err := cluster.Variables(dir)
	if err != nil {
		return err
	}
	for _, variable := range variables {
		fmt.Fprintf(out, "export %s='%s'\n", variable[0], strings.ReplaceAll(variable[1], "'", `'\''`))
	}
	return nil
}
