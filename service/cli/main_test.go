package cli_test

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"gitlab.com/towpath/towpath/service/cli/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m) }

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}
