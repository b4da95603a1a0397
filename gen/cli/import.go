package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/gen/edit"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/intake"
	"gitlab.com/towpath/towpath/gen/output"
	"gitlab.com/towpath/towpath/gen/produce"
	"gitlab.com/towpath/towpath/gen/render"
	"gitlab.com/towpath/towpath/gen/report"
)

type importOptions struct {
	envs, common       []string
	release, namespace string
	team               string
	dryRun, force      bool
}

func (a *app) importCommand() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import CHART VALUES...",
		Short: "Take in a chart with plain Helm values",
		Long: `Import reads the files of values that a chart has had with plain Helm, and writes
them as CUE: into the contract the types of the chart's values, and as defaults what
all environments say alike; into each environment what it alone says. Comments go
along. The chart's own defaults stay in the chart. Then it renders the chart both
ways, and writes nothing unless the objects are equal.

CHART is a folder under charts/, or any other folder or packed chart, which is then
copied to charts/NAME.

The types come from the chart's values.schema.json, or else from its defaults, its
templates and the files. Where the contract knows the chart already, it stays as it
is, and the environments get what differs from it; --force makes it anew.

A file is for the environment in its name: values-stage.yaml, stage.yaml and
stage.values.yaml, or that of its folder: stage/values.yaml, values/stage/app.yaml.
--env says it where names don't, and layers files as helm --values does, the last one
winning. --common names files that every environment reads first. An environment that
is not there is made, with the tier that its name suggests. In one with regions the
values are said for all of them, and proved in each.

Helm drops some things without a word: a key that stands twice, a second document.
Those are warnings, and so is what looks like a secret, which no file in Git may have.

Exit codes: 0 fine, 2 a file is no YAML, the chart refuses it or can't be rendered,
3 the objects would differ, or another environment's values.`,
		Example: `  gen import charts/shop values-stage.yaml values-prod.yaml
  gen import ../shop/helm ../shop/values/*.yaml --dry-run
  gen import shop-2.1.0.tgz --common values.yaml values-*.yaml
  gen import shop --env stage=values.yaml,stage.yaml --env prod=values.yaml,prod.yaml
  gen import shop values-qa.yaml                   one more environment, later
  gen import shop values-*.yaml --release shop-eu  a second release of the chart
  gen import shop values-*.yaml --team web         in the folders of team web`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeImport,
		RunE:              func(_ *cobra.Command, args []string) error { return a.importValues(o, args[0], args[1:]) },
	}
	cmd.Flags().StringArrayVar(&o.envs, "env", nil, "environment and its files, the last one winning: NAME=FILE[,FILE...]; repeatable")
	cmd.Flags().StringArrayVar(&o.common, "common", nil, "file that every environment reads first; repeatable")
	cmd.Flags().StringVar(&o.release, "release", "", "name of the release; without it the chart's")
	cmd.Flags().StringVar(&o.team, "team", "", "team whose folder in each environment gets the release")
	cmd.Flags().StringVar(&o.namespace, "namespace", "", "namespace of environments that are made; without it the contract's")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print the files that would be written, and write none")
	cmd.Flags().BoolVar(&o.force, "force", false, "overwrite files, and make the contract's types anew")
	_ = cmd.RegisterFlagCompletionFunc("env", func(cmd *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if strings.Contains(toComplete, "=") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		names, _ := a.completeEnvironments(cmd, nil, toComplete)
		for i := range names {
			names[i] += "="
		}
		return names, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	})
	_ = cmd.RegisterFlagCompletionFunc("release", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("team", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("namespace", cobra.NoFileCompletions)
	return cmd
}

// completeImport completes a chart, and files of values after it.
func (a *app) completeImport(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
	}
	if err := a.openRepository(); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return chartFolders(a.repoFS()), cobra.ShellCompDirectiveDefault
}

func (a *app) importValues(o importOptions, chartArg string, files []string) error {
	if err := a.openRepository(); err != nil {
		return err
	}
	if o.team != "" {
		if err := environment.CheckTeam(o.team); err != nil {
			return fmt.Errorf("--team: %w", err)
		}
	}
	in := &taking{app: a, options: o, base: a.repoFS(), progress: a.newProgress()}
	defer in.progress.clear()
	in.progress.phase("reading the chart and the files")
	if err := in.findChart(chartArg); err != nil {
		return err
	}
	envs, err := in.assign(files)
	if err != nil {
		return err
	}
	if in.values, err = in.read(envs); err != nil {
		return err
	}
	in.progress.phase("loading the environments")
	if err := in.survey(); err != nil {
		return err
	}
	in.progress.phase("rendering with the plain files")
	plain, err := intake.Plain(in.chart, in.values, in.drafts, in.release)
	if err != nil {
		in.progress.clear()
		return in.print(err)
	}
	taken, err := in.take(plain)
	if err != nil {
		return err
	}
	in.progress.clear()
	return in.finish(taken)
}

// taken is a state of the repository with the values in it, proved.
type taken struct {
	*intake.Written
	repo  edit.Overlay
	way   intake.Options
	set   *environment.Set
	proof *intake.Proof
}

// take writes the values as CUE, in memory, in the first way that proves equal: with
// the chart's schema and without what is its default, then with less of both.
func (in *taking) take(plain intake.Objects) (*taken, error) {
	ways := []intake.Options{{}, {Infer: true}, {Keep: true}, {Infer: true, Keep: true}}
	var last *taken
	var lastErr error
	for i, way := range ways {
		if in.known && way.Infer || i > 0 && last != nil && !way.Keep {
			continue // Another type changes nothing.
		}
		way.Release, way.Team, way.Said = in.release, in.options.team, in.said
		t, err := in.try(way, plain)
		if err == nil && len(t.proof.Unlike) == 0 {
			return t, nil
		}
		if t != nil && t.proof != nil {
			last = t
		}
		if lastErr == nil || err == nil {
			lastErr = err
		}
	}
	in.progress.clear()
	if last == nil {
		return nil, in.print(lastErr)
	}
	return nil, in.unlike(last.proof)
}

// try writes the values in one way.
func (in *taking) try(way intake.Options, plain intake.Objects) (*taken, error) {
	in.progress.phase("writing CUE")
	written, err := intake.Write(in.repo, in.chart, in.values, way)
	if err != nil {
		return nil, err
	}
	t := &taken{Written: written, way: way, repo: in.overlay(slices.Concat(written.Contract, written.Environments))}
	if t.set, err = environment.Load(t.repo, in.names); err != nil {
		if findings, rest := finding.From(err); rest == nil && in.known {
			for i := range findings {
				if findings[i].Help == "" {
					findings[i].Help = "the contract knows the chart already; --force makes its types anew, from these files"
				}
			}
			err = findings
		}
		return nil, stateError{t.repo, err}
	}
	in.progress.phase("rendering with CUE")
	t.proof, err = intake.Prove(render.New(t.repo), in.values, in.ours(t.set), in.release, plain)
	if err != nil {
		return nil, stateError{t.repo, err}
	}
	return t, nil
}

// unlike says what would differ, and why nothing is written.
func (in *taking) unlike(proof *intake.Proof) error {
	if err := report.Text(in.Err, proof.Report, report.TextOptions{Colour: in.colour(in.ErrTerminal), Width: in.width()}); err != nil {
		return err
	}
	fmt.Fprintf(in.Err, "gen: the objects would differ in %s; nothing was written\n", strings.Join(proof.Unlike, ", "))
	if len(proof.Unsteady) > 0 {
		fmt.Fprintf(in.Err, "gen: with plain Helm too, each rendering makes other objects: %s; see gen explain not-hermetic\n", strings.Join(proof.Unsteady, ", "))
	} else if in.known {
		fmt.Fprintln(in.Err, "gen: the contract knows the chart already, with values that these files don't have; --force makes it anew, for the files of all environments")
	}
	return errReported{exitStale}
}

// finish writes what was taken in, or shows it.
func (in *taking) finish(t *taken) error {
	changes, err := in.changes(t)
	if err != nil {
		return err
	}
	if changed := in.others(t); len(changed) > 0 {
		fmt.Fprintf(in.Err, "gen: the values of %s would change, which the contract's new types and defaults are for too; name their files as well\n", strings.Join(changed, ", "))
		return errReported{exitStale}
	}
	if !in.options.force {
		if err := in.overwrites(changes); err != nil {
			return err
		}
	}
	if in.options.dryRun {
		return in.show(t, in.worthSaying(t, changes))
	}
	if err := in.apply(changes); err != nil {
		return err
	}
	for _, c := range in.worthSaying(t, changes) {
		fmt.Fprintf(in.Out, "%-9s  %s\n", c.State, c.Path)
	}
	in.say(t)
	if !slices.ContainsFunc(changes, func(c output.Change) bool { return c.State != output.Unchanged }) {
		return nil
	}
	fmt.Fprintf(in.Err, "next: look at %s, then run gen check\n", strings.Join(in.toRead(t), ", "))
	return nil
}

// say prints what was proved.
func (in *taking) say(t *taken) {
	objects, envs := plural(t.proof.Objects, "object"), plural(len(in.values.Environments), "environment")
	fmt.Fprintf(in.Err, "equal: %s in %s\n", objects, envs)
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// show prints the files that people read, and lists those that are produced.
func (in *taking) show(t *taken, changes []output.Change) error {
	hidden, err := in.hidden(t)
	if err != nil {
		return err
	}
	for _, c := range changes {
		content, ok := hidden[c.Path]
		if !ok || c.State == output.Unchanged {
			continue
		}
		fmt.Fprintf(in.Out, "// %s\n%s\n", c.Path, content)
	}
	for _, c := range changes {
		state := "new"
		switch {
		case c.State == output.Unchanged, c.State == output.Removed:
			state = string(c.State)
		case c.Old != nil:
			state = "changed"
		}
		fmt.Fprintf(in.Err, "%-9s  %s\n", state, c.Path)
	}
	in.say(t)
	return nil
}

// hidden returns the files that people read, without what looks like a secret.
func (in *taking) hidden(t *taken) (map[string][]byte, error) {
	way := t.way
	way.Hide = intake.IsSecret
	written, err := intake.Write(in.repo, in.chart, in.values, way)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, f := range slices.Concat(written.Contract, in.made, written.Environments) {
		files[f.Path] = f.Content
	}
	return files, nil
}

// toRead returns the files that somebody should look at.
func (in *taking) toRead(t *taken) []string {
	var names []string
	for _, f := range slices.Concat(t.Contract, in.made, t.Environments) {
		names = append(names, f.Path)
	}
	if len(names) > 4 {
		names = append(names[:3], fmt.Sprintf("%d more", len(names)-3))
	}
	return names
}

// changes returns what is to be written: the chart, CUE, and what is produced.
func (in *taking) changes(t *taken) ([]output.Change, error) {
	produced, err := produce.Shared(t.repo, t.set.Environments)
	if err != nil {
		return nil, err
	}
	for _, env := range in.ours(t.set) {
		mine, err := produce.Environment(env)
		if err != nil {
			return nil, err
		}
		produced = append(produced, mine...)
	}
	var changes []output.Change
	add := func(name string, content []byte, env string) error {
		change, err := output.Compare(in.base, name, content)
		if err != nil {
			return err
		}
		change.Whole = isWhole(name, env)
		changes = append(changes, change)
		return nil
	}
	var errs []error
	// In this order, where files are written one by one, a killed process leaves nothing
	// new that is invalid: what an environment needs is there before it, and what is
	// produced comes last.
	for _, f := range slices.Concat(in.chartFiles, t.Contract, in.made, t.Environments) {
		errs = append(errs, add(f.Path, f.Content, ""))
	}
	for _, name := range in.stale(t) {
		if slices.ContainsFunc(produced, func(f produce.File) bool { return f.Path == name }) {
			continue // It was nobody's to leave out, as the schema of a chart of the contract.
		}
		old, err := fs.ReadFile(in.base, name)
		changes, errs = append(changes, output.Change{Path: name, State: output.Removed, Old: old}), append(errs, err)
	}
	for _, f := range produced {
		errs = append(errs, add(f.Path, f.Content, f.Environment))
	}
	return changes, errors.Join(errs...)
}

// worthSaying leaves out files that nobody reads and that stay as they are.
func (in *taking) worthSaying(t *taken, changes []output.Change) []output.Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c output.Change) bool {
		return c.State == output.Unchanged && !slices.ContainsFunc(slices.Concat(t.Contract, in.made, t.Environments), func(f environment.File) bool { return f.Path == c.Path })
	})
}
