package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/page"
	"gitlab.com/towpath/towpath/service/portal"
	"gitlab.com/towpath/towpath/service/redis"
)

// leastAdminPassword is the least length of a password that opens everything, in characters.
const leastAdminPassword = 8

// passwordFileVariable names a file with the password, such as a mounted secret. There is no
// flag and no plain variable for it: other processes can read those.
const passwordFileVariable = "PASSWORD_FILE"

type userAddOptions struct {
	config config.Config
	name   string
	admin  bool
	lookup func(string) (string, bool)
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

func newUser() *cobra.Command {
	user := &cobra.Command{
		Use:   "user",
		Short: "Manage the accounts of the web app",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New("which? service user add NAME")}
		},
	}
	user.AddCommand(newUserAdd())
	return user
}

func newUserAdd() *cobra.Command {
	o := userAddOptions{lookup: os.LookupEnv}
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add an account to the web app",
		Long: `Add an account to the web app, in the database that DATABASE_URL or DATA_DIR names.

Names are letters, digits and . _ @ + - ; upper and lower case are the same. The password
is the content of the file that PASSWORD_FILE names, or the first line of standard input;
at a terminal it is asked for twice and not shown. An administrator's has at least 8
characters.

Exit codes: 0 added, 1 not added (the name exists already, say), 2 wrong usage or
configuration.`,
		Example: `  service user add --admin ALICE                              # asks for the password
  PASSWORD_FILE=/run/secrets/alice service user add ALICE     # in a container`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.ExactArgs(1)(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if o.config, err = config.Load(o.lookup); err != nil {
				return err
			}
			o.name, o.stdin, o.stdout, o.stderr = args[0], cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			return userAdd(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.admin, "admin", false, "may manage the accounts of others")
	return cmd
}

func userAdd(ctx context.Context, o userAddOptions) error {
	if ctx == nil {
		ctx = context.Background()
	}
	name, err := portal.ParseName(o.name)
	if err != nil {
		return usageError{fmt.Errorf("%w: it has 1 to 64 letters, digits and . _ @ + -", err)}
	}
	password, err := readPassword(o)
	if err != nil {
		return err
	}
	if o.admin && len([]rune(password)) < leastAdminPassword {
		return usageError{fmt.Errorf("the password of an administrator has at least %d characters", leastAdminPassword)}
	}
	db, err := prepareDatabase(ctx, o.config, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer db.Close()
	if status, err := db.Status(ctx); err != nil {
		return err
	} else if status.Behind() {
		return errors.New("the database is not up to date; run `service migrate` first")
	}
	user, err := portal.AddUser(ctx, portal.NewStore(db), portal.NewHasher(), time.Now(),
		portal.NewUser{Name: name, Password: password, Admin: o.admin})
	if err != nil {
		return fmt.Errorf("add %s: %w", name, err)
	}
	kind := "account"
	if user.Admin {
		kind = "administrator"
	}
	_, err = fmt.Fprintf(o.stdout, "Added %s %s\n", kind, user.Name)
	return err
}

// maxPasswordInput bounds what is read for a password, in bytes.
const maxPasswordInput = 4096

// readPassword finds the password where a person or a program leaves it.
func readPassword(o userAddOptions) (string, error) {
	if path, _ := o.lookup(passwordFileVariable); path != "" {
		file, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("read %s: %w", passwordFileVariable, err)
		}
		defer file.Close()
		return firstLine(file, passwordFileVariable)
	}
	if file, ok := o.stdin.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return askPassword(file, o.stderr)
	}
	return firstLine(o.stdin, "standard input")
}

func firstLine(r io.Reader, source string) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPasswordInput)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password from %s: %w", source, err)
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if line == "" {
		return "", usageError{fmt.Errorf("there is no password on %s", source)}
	}
	return line, nil
}

// askPassword asks twice, since nobody sees what they type.
func askPassword(terminal *os.File, out io.Writer) (string, error) {
	var typed [2]string
	for i, prompt := range []string{"Password: ", "The same again: "} {
		fmt.Fprint(out, prompt)
		text, err := term.ReadPassword(int(terminal.Fd()))
		fmt.Fprintln(out)
		if err != nil {
			return "", fmt.Errorf("read the password: %w", err)
		}
		typed[i] = string(text)
	}
	switch {
	case typed[0] == "":
		return "", usageError{errors.New("the password is empty")}
	case typed[0] != typed[1]:
		return "", usageError{errors.New("the two passwords differ")}
	}
	return typed[0], nil
}

// newPortal makes the web app. Its sessions are in Redis if there is one, else beside the users.
func newPortal(cfg config.Config, db *database.DB, cache *redis.Client, site *page.Site, log *slog.Logger) *portal.Portal {
	sessions := portal.NewSessions(db)
	if cache != nil {
		sessions = portal.NewRedisSessions(cache, time.Now)
	}
	return portal.New(portal.Options{
		Store:    portal.NewStore(db),
		Sessions: sessions,
		DataDir:  cfg.DataDir,
		Lifetime: cfg.SessionLifetime,
		Quota:    portal.Quota{Notes: cfg.NoteQuota, ImageBytes: cfg.ImageQuota},
		OwnsRoot: !cfg.HomeEnabled,
		Site:     site,
		Log:      log,
	})
}

// preparePortal does what is due for the web app before it serves.
func preparePortal(cfg config.Config, db *database.DB, log *slog.Logger) error {
	if !cfg.PortalEnabled {
		return nil
	}
	portal.Sweep(cfg.DataDir, time.Now())
	if !cfg.SeedDemo {
		return nil
	}
	seeded, err := portal.SeedDemo(context.Background(), portal.NewStore(db), portal.NewHasher(), time.Now())
	if err != nil {
		return fmt.Errorf("SEED_DEMO: %w", err)
	}
	if seeded {
		log.Warn("accounts with well-known passwords were made", "accounts", "ADMIN, TEST")
	}
	return nil
}
