package cli

import (
	"cmp"
	"fmt"
	"path"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/gen/edit"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/output"
	"gitlab.com/towpath/towpath/gen/produce"
)

func (a *app) envCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "env",
		Short:   "List and add environments",
		Example: "  gen env list\n  gen env add canary --like stage",
		Args:    cobra.NoArgs,
	}
	cmd.AddCommand(a.envListCommand(), a.envAddCommand())
	return cmd
}

func (a *app) envListCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the environments with their releases",
		Example: "  gen env list\n  gen env list -o name",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.envList(format) },
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "text, name or json")
	return cmd
}

// listedEnvironment is an environment in the output of gen env list.
type listedEnvironment struct {
	*environment.Environment
	Releases []environment.Release `json:"releases"`
}

func (a *app) envList(format string) error {
	if err := checkFormat(format, "text", "name", "json"); err != nil {
		return err
	}
	names, err := a.resolve(nil)
	if err != nil {
		return err
	}
	if format == "name" {
		for _, name := range names {
			fmt.Fprintln(a.Out, name)
		}
		return nil
	}
	set, err := environment.Load(a.repoFS(), names)
	if err != nil {
		return err
	}
	if format == "json" {
		list := []listedEnvironment{}
		for _, env := range set.Environments {
			list = append(list, listedEnvironment{env, env.Releases})
		}
		return a.printJSON(list)
	}
	table := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tTIER\tNAMESPACE\tKUBERNETES\tFOLLOWS\tFROM\tSYNC\tRELEASES")
	for _, env := range set.Environments {
		var releases []string
		for _, release := range env.Releases {
			releases = append(releases, release.Name)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", env.Name, env.Tier, env.Namespace,
			env.Cluster.KubernetesVersion, env.Delivery.Revision, cmp.Or(env.Delivery.PromotedFrom, "-"), env.Delivery.Sync, strings.Join(releases, ","))
	}
	return table.Flush()
}

type envAddOptions struct {
	like   string
	dryRun bool
}

func (a *app) envAddCommand() *cobra.Command {
	var o envAddOptions
	cmd := &cobra.Command{
		Use:   "add NAME --like ENV",
		Short: "Add an environment that starts out like another",
		Long: `Add copies the CUE of an environment into a new folder, gives it its own name
wherever the other's stood (its name, its hosts, its approval branch), and renders
it. The copy is checked before anything is written.`,
		Example:           "  gen env add canary --like stage\n  gen env add canary --like stage --dry-run",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(_ *cobra.Command, args []string) error { return a.envAdd(o, args[0]) },
	}
	cmd.Flags().StringVar(&o.like, "like", "", "environment to start from (required)")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print the files that would be written, and write none")
	_ = cmd.MarkFlagRequired("like")
	_ = cmd.RegisterFlagCompletionFunc("like", func(cmd *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		return a.completeEnvironments(cmd, nil, toComplete)
	})
	return cmd
}

func (a *app) envAdd(o envAddOptions, name string) error {
	likes, err := a.resolve([]string{o.like})
	if err != nil {
		return err
	}
	like := likes[0]
	repo := a.repoFS()
	files, err := environment.CopyAs(repo, like, name)
	if err != nil {
		return err
	}
	// The copy is loaded and rendered in memory first: a mistake leaves the repository as
	// it was.
	draft := edit.Overlay{Base: repo, Files: map[string][]byte{}}
	var changes []output.Change
	for _, file := range files {
		draft.Files[file.Path] = file.Content
		changes = append(changes, output.Change{Path: file.Path, State: output.Written, New: file.Content, Whole: true})
	}
	names, err := environment.Names(draft)
	if err != nil {
		return err
	}
	set, err := environment.Load(draft, names)
	if err != nil {
		return a.printFindings(draft, err)
	}
	produced, err := produce.Shared(draft, set.Environments)
	if err != nil {
		return a.printFindings(draft, err)
	}
	for _, env := range set.Environments {
		if env.Name != name {
			continue
		}
		mine, err := produce.Environment(env)
		if err != nil {
			return err
		}
		produced = append(produced, mine...)
	}
	for _, file := range produced {
		change, err := output.Compare(repo, file.Path, file.Content)
		if err != nil {
			return err
		}
		change.Whole = isWhole(file.Path, file.Environment)
		if change.State != output.Unchanged {
			changes = append(changes, change)
		}
	}
	for _, c := range changes {
		state := string(c.State)
		if o.dryRun {
			state = "new"
			if c.Old != nil {
				state = "changed"
			}
		}
		fmt.Fprintf(a.Out, "%-9s  %s\n", state, c.Path)
	}
	if o.dryRun {
		return nil
	}
	if err := output.Apply(a.root, changes); err != nil {
		return err
	}
	fmt.Fprintf(a.Err, "next: adjust %s and run gen check\n", path.Join(environment.Dir, name, "env.cue"))
	return nil
}
