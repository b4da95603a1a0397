package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/report"
)

// levels are the levels of risks, lowest first.
var levels = []string{string(diff.Low), string(diff.Medium), string(diff.High)}

// failOnNames are what --fail-on takes.
func failOnNames() []string {
	names := slices.Clone(levels)
	for _, rule := range diff.Risks() {
		names = append(names, rule.ID)
	}
	return names
}

func completeFailOn(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return failOnNames(), cobra.ShellCompDirectiveNoFileComp
}

func (o diffOptions) checkFailOn() error {
	for _, name := range o.failOn {
		if slices.Contains(levels, name) {
			continue
		}
		names := failOnNames()
		if slices.Contains(names, name) {
			continue
		}
		text := fmt.Sprintf("--fail-on is %q; it can be a level (%s) or the id of a risk", name, strings.Join(levels, ", "))
		if near := finding.DidYouMean(name, names); near != "" {
			text += "; " + near
		}
		return errors.New(text)
	}
	return nil
}

// writeReport prints a report in the chosen format.
func (a *app) writeReport(o diffOptions, r *diff.Report) error {
	switch o.format {
	case "json":
		return report.JSON(a.Out, r)
	case "markdown":
		return report.Markdown(a.Out, r, report.MarkdownOptions{MoreURL: a.moreURL(o)})
	case "html":
		return report.HTML(a.Out, r)
	default:
		return report.Text(a.Out, r, report.TextOptions{Colour: a.colour(a.OutTerminal), Width: a.width()})
	}
}

// width returns the number of columns of the terminal, or 0 if standard output is
// none.
func (a *app) width() int {
	out, ok := a.Out.(*os.File)
	if !a.OutTerminal || !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(out.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// verdict returns the error that stands for the exit code of a report.
func (o diffOptions) verdict(r *diff.Report) error {
	code := exitOK
	if len(r.Tools) > 0 && !o.exitZero {
		code = exitStale
	}
	for _, env := range r.Environments {
		if env.Change != diff.Unchanged && !o.exitZero {
			code = max(code, exitStale)
		}
		for _, release := range env.Releases {
			for _, object := range release.Objects {
				if slices.ContainsFunc(object.Risks, o.failsOn) {
					code = exitPolicy
				}
			}
		}
	}
	if code == exitOK {
		return nil
	}
	return errReported{code}
}

// failsOn reports whether a risk is one that --fail-on names.
func (o diffOptions) failsOn(risk diff.Risk) bool {
	return slices.ContainsFunc(o.failOn, func(name string) bool {
		least := slices.Index(levels, name)
		return name == risk.ID || least >= 0 && slices.Index(levels, string(risk.Level)) >= least
	})
}
