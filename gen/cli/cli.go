// Package cli is the command line of gen: a file per command, each an options
// struct and one function that runs it. What the commands print to, and where
// they stand, comes in one value, [Streams].
package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// The exit codes of gen.
const (
	exitOK = iota
	exitFailure
	exitInvalid
	exitStale
	exitPolicy
)

// errReported ends a command whose findings have been printed already.
type errReported struct{ code int }

func (e errReported) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// Main runs gen with the arguments after its name, and returns the exit code.
func Main(args []string, s *Streams) int {
	app := &app{Streams: s}
	root := app.rootCommand()
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	return app.exitCode(root.ExecuteContext(context.Background()))
}

// exitCode prints what is left to be said about an error, and returns the exit
// code that it stands for.
func (a *app) exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	var reported errReported
	if errors.As(err, &reported) {
		return reported.code
	}
	findings, rest := finding.From(err)
	if rest != nil {
		fmt.Fprintf(a.Err, "gen: %v\n", rest)
		return exitFailure
	}
	if err := finding.Text(a.Err, a.repoFS(), findings, a.colour(a.ErrTerminal)); err != nil {
		return exitFailure
	}
	return codeOf(findings)
}

// codeOf returns the exit code for findings: the worst that has to be done about
// them.
func codeOf(findings finding.List) int {
	switch {
	case findings.Has(finding.Input):
		return exitInvalid
	case findings.Has(finding.Policy):
		return exitPolicy
	case findings.Has(finding.Stale):
		return exitStale
	default:
		return exitOK
	}
}

// app is what the commands share.
type app struct {
	*Streams
	directory  string
	colourMode string
	root       string // of the repository, set before any command runs
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "gen",
		Short: "Produce values, manifests and Argo CD's files from the environments in CUE",
		Long: `Gen reads the environments under envs/, holds them against the contract, and
produces what they mean: the values of each release, the Kubernetes objects that
Argo CD will apply, and Argo CD's own files.

An environment is named by its name or its folder: prod and envs/prod are the
same. No name means every environment.

Exit codes: 0 fine, 1 usage or internal error, 2 invalid input, 3 differs or
stale, 4 against the policy.`,
		Example: `  gen render envs/prod              write what prod produces
  gen render prod --manifests       print the objects that Argo CD will apply
  gen check                         check everything, as the pipeline does
  gen explain prod service.replicas say where a value comes from
  gen diff                          say what a change does to each environment`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			switch a.colourMode {
			case "auto", "always", "never":
			default:
				return fmt.Errorf("--color is %q; it can be auto, always or never", a.colourMode)
			}
			return nil
		},
	}
	root.PersistentFlags().StringVarP(&a.directory, "directory", "C", "", "run as if started in this folder")
	root.PersistentFlags().StringVar(&a.colourMode, "color", "auto", "when to use colours: auto, always or never")
	root.AddGroup(&cobra.Group{ID: "configuration", Title: "Configuration:"})
	for _, cmd := range []*cobra.Command{a.renderCommand(), a.checkCommand(), a.explainCommand(), a.diffCommand(), a.envCommand(), a.importCommand()} {
		cmd.GroupID = "configuration"
		root.AddCommand(cmd)
	}
	root.AddGroup(&cobra.Group{ID: "delivery", Title: "Delivery:"})
	for _, cmd := range []*cobra.Command{a.releaseCommand(), a.promoteCommand(), a.approveCommand(), a.rollbackCommand(), a.historyCommand(), a.statusCommand()} {
		cmd.GroupID = "delivery"
		root.AddCommand(cmd)
	}
	root.AddCommand(a.versionCommand())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w\nsee %s --help", err, cmd.CommandPath())
	})
	return root
}

// openRepository finds the repository and makes it the one that the command
// works on.
func (a *app) openRepository() error {
	start := a.Dir
	if a.directory != "" {
		start = a.directory
		if !filepath.IsAbs(start) {
			start = filepath.Join(a.Dir, start)
		}
		if info, err := os.Stat(start); err != nil || !info.IsDir() {
			return fmt.Errorf("-C %s: there is no such folder", a.directory)
		}
	}
	root, err := environment.FindRoot(start)
	a.root = root
	return err
}

// repoFS returns the files of the repository, or an empty file system before
// one is open.
func (a *app) repoFS() fs.FS {
	if a.root == "" {
		return emptyFS{}
	}
	return os.DirFS(a.root)
}

type emptyFS struct{}

func (emptyFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// resolve opens the repository and returns the environments that args name.
func (a *app) resolve(args []string) ([]string, error) {
	if err := a.openRepository(); err != nil {
		return nil, err
	}
	names := make([]string, len(args))
	for i, arg := range args {
		names[i] = a.relative(arg)
	}
	return environment.Resolve(a.repoFS(), names)
}

// relative makes a path to a folder of the repository relative to its root, so
// that completion by the shell works from any folder.
func (a *app) relative(arg string) string {
	path := arg
	if !filepath.IsAbs(path) {
		path = filepath.Join(a.Dir, path)
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return arg
	}
	rel, err := filepath.Rel(a.root, path)
	if err != nil || rel == "." || strings.HasPrefix(rel, "..") {
		return arg
	}
	return filepath.ToSlash(rel)
}

// completeEnvironments completes names of environments.
func (a *app) completeEnvironments(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	names, err := a.resolve(nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var left []string
	for _, name := range names {
		if !contains(args, name) {
			left = append(left, name)
		}
	}
	return left, cobra.ShellCompDirectiveNoFileComp
}

func contains(args []string, name string) bool {
	for _, arg := range args {
		if arg == name || arg == environment.Dir+"/"+name {
			return true
		}
	}
	return false
}

// jobsFlag adds -j to a command.
func jobsFlag(cmd *cobra.Command, jobs *int) {
	cmd.Flags().IntVarP(jobs, "jobs", "j", runtime.GOMAXPROCS(0), "releases to work on at once")
}

func checkJobs(jobs int) error {
	if jobs < 1 {
		return fmt.Errorf("--jobs is %d; it must be at least 1", jobs)
	}
	return nil
}

// checkFormat reports an output format that is none of those allowed.
func checkFormat(value string, allowed ...string) error {
	for _, a := range allowed {
		if value == a {
			return nil
		}
	}
	text := fmt.Sprintf("--output is %q; it can be %s", value, strings.Join(allowed, ", "))
	if near := finding.DidYouMean(value, allowed); near != "" {
		text += "; " + near
	}
	return errors.New(text)
}
