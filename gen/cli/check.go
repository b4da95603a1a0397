package cli

import (
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/gen/ahead"
	"gitlab.com/towpath/towpath/gen/check"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

type checkOptions struct {
	format string
	rules  bool
	jobs   int
}

func (a *app) checkCommand() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check [ENV...]",
		Short: "Check environments, charts and objects, as the pipeline does",
		Long: `Check reports everything that is wrong, in one run: values that break the
contract, produced files that are stale, charts that don't render or whose output
depends on more than chart and values, and objects that the environment's
Kubernetes version, or its AppProject, would refuse. It needs no network and
writes nothing.

Exit codes: 0 nothing is wrong, 2 invalid input, 3 only stale files, 4 against
the policy.`,
		Example: `  gen check                           everything
  gen check prod                      one environment
  gen check -o gitlab > quality.json  for GitLab's Code Quality
  gen check --rules                   list what is checked`,
		ValidArgsFunction: a.completeEnvironments,
		RunE:              func(_ *cobra.Command, args []string) error { return a.check(o, args) },
	}
	cmd.Flags().StringVarP(&o.format, "output", "o", "text", "text, json or gitlab (Code Quality report)")
	cmd.Flags().BoolVar(&o.rules, "rules", false, "list the rules instead")
	jobsFlag(cmd, &o.jobs)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json", "gitlab"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) check(o checkOptions, args []string) error {
	if err := checkJobs(o.jobs); err != nil {
		return err
	}
	if err := checkFormat(o.format, "text", "json", "gitlab"); err != nil {
		return err
	}
	if o.rules {
		return a.listRules()
	}
	names, err := a.resolve(args)
	if err != nil {
		return err
	}
	progress := a.newProgress()
	findings, err := check.Run(a.repoFS(), check.Options{
		Names: names, Jobs: o.jobs, Progress: progress.report,
		Load: func(_ fs.FS, names []string) (*environment.Set, error) { return ahead.Load(a.root, names) },
	})
	progress.clear()
	if err != nil {
		return err
	}
	switch o.format {
	case "json":
		err = finding.JSON(a.Out, findings)
	case "gitlab":
		err = finding.GitLab(a.Out, findings)
	default:
		err = finding.Text(a.Out, a.repoFS(), findings, a.colour(a.OutTerminal))
	}
	if err != nil {
		return err
	}
	if len(findings) == 0 {
		if o.format == "text" {
			fmt.Fprintf(a.Err, "%s: nothing is wrong\n", count(len(names), "environment"))
		}
		return nil
	}
	fmt.Fprintf(a.Err, "%s: %s\n", count(len(names), "environment"), count(len(findings), "finding"))
	return errReported{codeOf(findings)}
}

func (a *app) listRules() error {
	for _, rule := range finding.Rules() {
		if _, err := fmt.Fprintf(a.Out, "%-22s %-7s %s\n", rule.ID, rule.Class, rule.Title); err != nil {
			return err
		}
	}
	return nil
}

// count returns a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
