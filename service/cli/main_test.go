package cli_test

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"gitlab.com/towpath/towpath/service/cli"
)

// TestMain lets this test binary play the service: a copy of it is first on PATH as "service",
// so scripts and process tests run real processes without a build of their own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"service": func() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}
