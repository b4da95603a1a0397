package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/gen/ahead"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/explain"
	"gitlab.com/towpath/towpath/gen/finding"
)

type explainOptions struct{ format string }

func (a *app) explainCommand() *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain ENV [PATH] | RULE",
		Short: "Say where a value comes from, or what a rule is about",
		Long: `Explain shows a value of an environment, the contract's words about it, and every
place that set, bounded or defaulted it. A path starts with a release, below
whose values it then looks, or with a field of the environment. A name with a dot
in it is put in quotes, and an item of a list has its number: hosts[0]. Without a
path it shows every value of the environment with the place that decided it.

Explain RULE says what a rule demands, why, and how to keep it, be it one of gen's
or of envs/policy.`,
		Example: `  gen explain envs/prod service.autoscaling.minReplicas
  gen explain prod delivery.revision
  gen explain prod                 every value with its origin
  gen explain unknown-field        what a rule is about
  gen explain debug-logging        and one of envs/policy`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeExplain,
		RunE:              func(_ *cobra.Command, args []string) error { return a.explain(o, args) },
	}
	cmd.Flags().StringVarP(&o.format, "output", "o", "text", "text or json")
	return cmd
}

func (a *app) explain(o explainOptions, args []string) error {
	if err := checkFormat(o.format, "text", "json"); err != nil {
		return err
	}
	if rule, ok := finding.Lookup(args[0]); ok && len(args) == 1 {
		return a.explainRule(o, rule)
	}
	names, err := a.resolve(args[:1])
	var unknown *environment.UnknownError
	if errors.As(err, &unknown) && len(args) == 1 {
		return a.explainOther(o, unknown)
	}
	if err != nil {
		return err
	}
	set, err := ahead.Load(a.root, names)
	if err != nil {
		return err
	}
	env := set.Environments[0]
	if len(args) == 1 {
		return a.explainTree(o, env)
	}
	e, err := explain.Value(env, args[1])
	if err != nil {
		return err
	}
	if o.format == "json" {
		return a.printJSON(e)
	}
	fmt.Fprintf(a.Out, "%s = %s\n", e.Path, e.Value)
	if e.Doc != "" {
		fmt.Fprintf(a.Out, "\n%s\n", e.Doc)
	}
	fmt.Fprintln(a.Out)
	table := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	for _, p := range e.Places {
		fmt.Fprintf(table, "%s\t%s\t%s\n", p.Role, p.Position, p.Text)
	}
	return table.Flush()
}

func (a *app) explainTree(o explainOptions, env *environment.Environment) error {
	tree := explain.Tree(env)
	if o.format == "json" {
		return a.printJSON(tree)
	}
	table := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	for _, e := range tree {
		role, place := "", ""
		if len(e.Places) > 0 {
			role, place = string(e.Places[0].Role), e.Places[0].Position.String()
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", e.Path, strings.Join(strings.Fields(e.Value), " "), role, place)
	}
	return table.Flush()
}

func (a *app) printJSON(v any) error {
	encoder := json.NewEncoder(a.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// completeExplain completes an environment, then a path of its values.
func (a *app) completeExplain(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		names, directive := a.completeEnvironments(cmd, args, toComplete)
		rules, _ := a.allRules() // Those of gen, if the others are broken.
		for _, rule := range rules {
			names = append(names, rule.ID)
		}
		return names, directive
	}
	if len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, err := a.resolve(args)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	set, err := environment.Load(a.repoFS(), names)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var paths []string
	env := set.Environments[0]
	for _, e := range explain.Tree(env) {
		paths = append(paths, explain.Short(env, e.Path))
	}
	return paths, cobra.ShellCompDirectiveNoFileComp
}
