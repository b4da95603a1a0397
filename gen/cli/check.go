package cli

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"gitlab.com/towpath/towpath/gen/ahead"
	"gitlab.com/towpath/towpath/gen/check"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/fleet"
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
depends on more than chart and values, objects that the environment's Kubernetes
version, or its AppProject, would refuse, and values and objects that are against
the policy. It needs no network and writes nothing.

An environment puts up with a finding of the policy by a waiver, which has a reason
and a last day; see gen explain waiver-expired. Findings with a waiver are counted,
and listed with -o json. A warning fails nothing.

Exit codes: 0 nothing is wrong but warnings, 2 invalid input, 3 only stale files, 4 against
the policy.`,
		Example: `  gen check                           everything
  gen check prod                      one environment
  gen check -o gitlab > quality.json  for GitLab's Code Quality
  gen check --rules                   list what is checked`,
		ValidArgsFunction: a.completeEnvironments,
		RunE:              func(_ *cobra.Command, args []string) error { return a.check(o, args) },
	}
	cmd.Flags().StringVarP(&o.format, "output", "o", "text", "text, json or gitlab (Code Quality report)")
	cmd.Flags().BoolVar(&o.rules, "rules", false, "list the rules instead, gen's own and those of envs/policy")
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
		return a.listRules(o.format)
	}
	names, err := a.resolve(args)
	if err != nil {
		return err
	}
	progress := a.newProgress()
	findings, err := check.Run(a.repoFS(), check.Options{
		Names: names, Jobs: o.jobs, Today: a.Now().UTC(), Tools: a.Tools(),
		Progress: progress.folders(),
		Load:     func(_ fs.FS, names []string) (*environment.Set, error) { return ahead.Load(a.root, names) },
	})
	progress.clear()
	if err != nil {
		return err
	}
	open, waived := findings.Split()
	switch o.format {
	case "json":
		err = finding.JSON(a.Out, findings)
	case "gitlab":
		err = finding.GitLab(a.Out, open)
	default:
		err = finding.Text(a.Out, a.repoFS(), open, a.colour(a.OutTerminal))
	}
	if err != nil {
		return err
	}
	summary := "nothing is wrong"
	if len(open) > 0 {
		summary = count(len(open), "finding")
	}
	if len(waived) > 0 {
		summary += fmt.Sprintf(", %d waived", len(waived))
	}
	if len(open) > 0 || o.format == "text" {
		fmt.Fprintf(a.Err, "%s: %s\n", count(len(names), "environment"), summary)
	}
	if code := codeOf(open); code != exitOK {
		return errReported{code}
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

// folders returns what a work over folders tells its progress to, from now on.
func (p *progress) folders() func(fleet.Progress) {
	started := time.Now()
	return func(now fleet.Progress) { p.phase(fleetProgress(now, time.Since(started))) }
}
