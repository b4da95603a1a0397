package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/people"
)

func newImport() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Import people from a CSV file",
		Long: `Import people from a CSV file with the heading

  Survived,Pclass,Name,Sex,Age,Siblings/Spouses Aboard,Parents/Children Aboard,Fare

It is all or nothing: a row at fault is named by its line and column, and nothing is
imported. Importing the same file again adds nobody twice.

Exit codes: 0 imported, 1 the file or the database is at fault, 2 wrong usage or
configuration, or there is no such file.`,
		Example: `  service import people.csv
  DATABASE_URL_FILE=/run/secrets/url service import people.csv`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.ExactArgs(1)(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return importFile(ctx, args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
}

func importFile(ctx context.Context, name string, stdout, stderr io.Writer) error {
	cfg, err := config.Load(os.LookupEnv)
	if err != nil {
		return err
	}
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	defer file.Close()
	db, err := prepareDatabase(ctx, cfg, slog.New(slog.NewTextHandler(stderr, nil)))
	if err != nil {
		return err
	}
	defer db.Close()
	status, err := db.Status(ctx)
	if err != nil {
		return err
	}
	if status.Behind() {
		return errBehind
	}
	progress := newProgress(stdout)
	done, err := people.Import(ctx, people.NewStore(db), file, progress.report)
	progress.end()
	var row *people.RowError
	switch {
	case errors.As(err, &row):
		return fmt.Errorf("%s:%w; nothing was imported", name, err)
	case err != nil:
		return fmt.Errorf("import %s: %w; nothing was imported", name, err)
	}
	if there := done.Rows - done.Added; there > 0 {
		fmt.Fprintf(stderr, "%d of them were there already.\n", there)
	}
	return nil
}

// progress prints how far an import is: a line each time, or on a terminal one line that grows.
type progress struct {
	w        io.Writer
	terminal bool
	begun    bool
}

func newProgress(w io.Writer) *progress {
	file, ok := w.(*os.File)
	return &progress{w: w, terminal: ok && term.IsTerminal(int(file.Fd()))}
}

func (p *progress) report(rows int) {
	line := fmt.Sprintf("Imported: %d items", rows)
	if p.terminal {
		p.begun = true
		fmt.Fprint(p.w, "\r"+line)
		return
	}
	fmt.Fprintln(p.w, line)
}

// end leaves the line, so that what comes next has one of its own.
func (p *progress) end() {
	if p.begun {
		fmt.Fprintln(p.w)
	}
}
