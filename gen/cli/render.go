package cli

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/gen/ahead"
	"gitlab.com/towpath/towpath/gen/check"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/output"
	"gitlab.com/towpath/towpath/gen/produce"
)

type renderOptions struct {
	check     bool
	manifests bool
	outputDir string
	format    string
	jobs      int
	noCache   bool
	timings   string
}

func (a *app) renderCommand() *cobra.Command {
	var o renderOptions
	cmd := &cobra.Command{
		Use:   "render [ENV...]",
		Short: "Write what environments produce, or print their objects",
		Long: `Render produces the files that are committed beside the environments: the
values of each release under envs/ENV/values, Argo CD's files under argocd, and
the values.yaml and values.schema.json of each chart. It says of each whether it
was written or unchanged. A folder with the values of an environment changes as
a whole, or not at all. All environments together also produce envs/tool.lock,
the versions of gen's output and of the libraries that decide it.

With --manifests it writes none of these, and prints the Kubernetes objects of
the environments, in the order in which Argo CD applies them. What Argo CD adds
by itself, its tracking annotation, is not among them. What they were rendered to
is kept in the user's cache folder, or in $GEN_CACHE, and taken from there as long
as nothing that it was made from has changed, gen included; --no-cache neither
reads nor writes it.`,
		Example: `  gen render                                all environments
  gen render envs/prod                      one environment
  gen render --check                        write nothing; exit 3 if a file is stale
  gen render prod --manifests               print the objects of prod
  gen render --manifests --output-dir out   write them to out/ENV/RELEASE.yaml
  gen render --manifests --timings json     say on stderr where the time went`,
		ValidArgsFunction: a.completeEnvironments,
		RunE:              func(_ *cobra.Command, args []string) error { return a.render(o, args) },
	}
	cmd.Flags().BoolVar(&o.check, "check", false, "write nothing, and exit 3 if a committed file is stale")
	cmd.Flags().BoolVar(&o.manifests, "manifests", false, "print Kubernetes objects instead")
	cmd.Flags().StringVar(&o.outputDir, "output-dir", "", "with --manifests: write one file per release below this folder")
	cmd.Flags().StringVarP(&o.format, "output", "o", "yaml", "with --manifests: yaml or json")
	cmd.Flags().BoolVar(&o.noCache, "no-cache", false, "with --manifests: render everything anew, and keep nothing")
	cmd.Flags().StringVar(&o.timings, "timings", "", "with --manifests: say on standard error where the time went, as text or json")
	jobsFlag(cmd, &o.jobs)
	cmd.MarkFlagsMutuallyExclusive("check", "manifests")
	_ = cmd.MarkFlagDirname("output-dir")
	return cmd
}

func (a *app) render(o renderOptions, args []string) error {
	if err := checkJobs(o.jobs); err != nil {
		return err
	}
	if err := checkFormat(o.format, "yaml", "json"); err != nil {
		return err
	}
	if o.timings != "" && o.timings != "text" && o.timings != "json" {
		return fmt.Errorf("--timings is %q; it can be text, json", o.timings)
	}
	for flag, given := range map[string]bool{"output-dir": o.outputDir != "", "no-cache": o.noCache, "timings": o.timings != ""} {
		if given && !o.manifests {
			return fmt.Errorf("--%s is for the objects: add --manifests", flag)
		}
	}
	names, err := a.resolve(args)
	if err != nil {
		return err
	}
	if o.manifests {
		return a.renderManifests(o, names)
	}
	return a.renderFiles(o, names)
}

// renderFiles writes what the environments produce, or checks it.
func (a *app) renderFiles(o renderOptions, names []string) error {
	repo := a.repoFS()
	everyName, err := environment.Names(repo)
	if err != nil {
		return err
	}
	every, err := ahead.Load(a.root, everyName)
	findings, rest := finding.From(err)
	if rest != nil {
		return rest
	}
	// What is wrong with other environments does not keep these from being
	// rendered; only the files that list them all have to wait.
	var mine, others finding.List
	for _, f := range findings {
		if f.Environment == "" || contains(names, f.Environment) {
			mine = append(mine, f)
		} else {
			others = append(others, f)
		}
	}
	if len(mine) > 0 {
		return mine
	}
	all := every.Environments
	if len(others) > 0 {
		fmt.Fprintf(a.Err, "gen: environment %s is invalid, so the files that list all environments are left as they are; see gen check %s\n",
			others[0].Environment, others[0].Environment)
		all = nil
	}
	files, err := produce.Shared(repo, all)
	if err != nil {
		return err
	}
	var selected []*environment.Environment
	for _, env := range every.Environments {
		if !contains(names, env.Name) {
			continue
		}
		selected = append(selected, env)
		produced, err := produce.Environment(env)
		if err != nil {
			return err
		}
		files = append(files, produced...)
	}
	// The lock speaks of all files, so it changes with all of them.
	if tools := a.Tools(); tools != nil && (o.check || len(selected) == len(everyName)) {
		files = append(files, produce.Lock(tools))
	}
	if o.check {
		stale, err := check.Stale(repo, files, selected, all != nil)
		if err != nil {
			return err
		}
		return stale.Sort().Err()
	}
	changes, err := plan(a, files, names, all != nil)
	if err != nil {
		return err
	}
	if err := output.Apply(a.root, changes); err != nil {
		return err
	}
	slices.SortFunc(changes, func(x, y output.Change) int { return strings.Compare(x.Path, y.Path) })
	for _, c := range changes {
		fmt.Fprintf(a.Out, "%-9s  %s\n", c.State, c.Path)
	}
	return nil
}

// plan returns the changes that bring the produced files to the disk, those that
// are no longer produced included.
func plan(a *app, files []produce.File, names []string, shared bool) ([]output.Change, error) {
	repo := a.repoFS()
	var changes []output.Change
	for _, file := range files {
		change, err := output.Compare(repo, file.Path, file.Content)
		if err != nil {
			return nil, err
		}
		change.Whole = isWhole(file.Path, file.Environment)
		changes = append(changes, change)
	}
	leftovers, err := produce.Leftovers(repo, files, names, shared)
	if err != nil {
		return nil, err
	}
	for _, name := range leftovers {
		env := path.Base(path.Dir(path.Dir(name)))
		changes = append(changes, output.Change{Path: name, State: output.Removed, Whole: isWhole(name, env)})
	}
	return changes, nil
}

// isWhole reports whether a file lies in a folder that has to be old or new as a
// whole: the values of an environment, or its Applications.
func isWhole(name, env string) bool {
	dir := path.Dir(name)
	return dir == path.Join(environment.Dir, env, "values") || dir == path.Join(delivery.Dir, env)
}
