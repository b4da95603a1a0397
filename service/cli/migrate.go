package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/database"
)

// errBehind is the answer of commands that cannot work before the database is up to date.
var errBehind = errors.New("the database is behind this build; run `service migrate`")

func newMigrate() *cobra.Command {
	migrate := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database up to date",
		Long: `Run the migrations that the database lacks, each in a transaction.

It is safe to run in many pods at once: one migrates and the others wait for it. A
SQLite database is also brought up to date when the service starts; a PostgreSQL is
not, and until this command has run the service is not ready.

Exit codes: 0 up to date, 1 failed, 2 wrong usage or configuration.`,
		Example: `  DATABASE_URL_FILE=/run/secrets/url service migrate
  service migrate status`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDatabase(cmd, func(ctx context.Context, db *database.DB) error {
				return migrateUp(ctx, db, cmd.OutOrStdout())
			})
		},
	}
	migrate.AddCommand(&cobra.Command{
		Use:   "status",
		Short: "Tell whether the database is up to date",
		Long: `List the migrations that the database lacks. Nothing is changed.

Exit codes: 0 up to date or ahead of this build, 1 behind or failed, 2 wrong usage or
configuration.`,
		Example: "  service migrate status",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withDatabase(cmd, func(ctx context.Context, db *database.DB) error {
				return migrateStatus(ctx, db, cmd.OutOrStdout())
			})
		},
	})
	return migrate
}

func withDatabase(cmd *cobra.Command, f func(context.Context, *database.DB) error) error {
	cfg, err := config.Load(os.LookupEnv)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	db, err := openDatabase(ctx, cfg, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)))
	if err != nil {
		return err
	}
	defer db.Close()
	return f(ctx, db)
}

func migrateUp(ctx context.Context, db *database.DB, stdout io.Writer) error {
	applied, err := db.Migrate(ctx)
	if err != nil {
		return err
	}
	for _, a := range applied {
		fmt.Fprintf(stdout, "%s ran in %s\n", a.File, a.Took.Round(time.Millisecond))
	}
	status, err := db.Status(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "The database is at migration %d.\n", status.Current)
	return err
}

func migrateStatus(ctx context.Context, db *database.DB, stdout io.Writer) error {
	status, err := db.Status(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "The database is at migration %d; this build wants %d.\n", status.Current, status.Want)
	for _, file := range status.Pending {
		fmt.Fprintf(stdout, "%s has not run\n", file)
	}
	if status.Behind() {
		return errBehind
	}
	return nil
}
