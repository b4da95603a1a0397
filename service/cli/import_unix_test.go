//go:build unix

package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gitlab.com/towpath/towpath/service/cli/clitest"
)

// Whoever presses Ctrl-C during an import finds nothing imported.
func TestImportInterrupted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := []string{"DATA_DIR=" + dir}
	pipe := filepath.Join(dir, "people.csv")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs clitest.Output
	cmd := exec.Command("service", "import", pipe)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	rows := "Survived,Pclass,Name,Sex,Age,Siblings/Spouses Aboard,Parents/Children Aboard,Fare\n" + strings.Repeat("0,3,X,male,1,0,0,1\n", 10_100)
	if _, err := w.WriteString(rows); err != nil {
		t.Fatal(err)
	}
	clitest.Eventually(t, "some progress", func() bool { return out.String() == "Imported: 10000 items\n" })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	// The file has no end, so only the signal can have ended it.
	for err == nil {
		_, err = w.WriteString("0,3,X,male,1,0,0,1\n")
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(errs.String(), "nothing was imported") {
		t.Errorf("%d %s", code, errs.String())
	}
	if _, _, errs := clitest.Run(t, env, "import", "../people/testdata/sample.csv"); errs != "" {
		t.Errorf("got %s", errs)
	}
}
