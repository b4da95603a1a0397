package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/policy"
)

// allRules returns the rules of gen and, in a repository, those of envs/policy,
// ordered by id. With an error it returns those of gen.
func (a *app) allRules() ([]finding.Rule, error) {
	rules := slices.Clone(finding.Rules())
	if a.root == "" {
		if err := a.openRepository(); errors.Is(err, environment.ErrNoRepository) {
			return rules, nil
		} else if err != nil {
			return rules, err
		}
	}
	values, err := policy.Load(a.repoFS())
	if err != nil {
		return rules, err
	}
	rules = append(rules, values.Rules()...)
	slices.SortFunc(rules, func(x, y finding.Rule) int { return strings.Compare(x.ID, y.ID) })
	return rules, nil
}

// listRules prints the rules that gen checks.
func (a *app) listRules(format string) error {
	rules, err := a.allRules()
	if err != nil {
		return err
	}
	if format == "json" {
		return a.printJSON(rules)
	}
	width := 0
	for _, rule := range rules {
		width = max(width, len(rule.ID))
	}
	for _, rule := range rules {
		if _, err := fmt.Fprintf(a.Out, "%-*s  %-6s  %-7s  %s\n", width, rule.ID, rule.Class, rule.Severity, rule.Title); err != nil {
			return err
		}
	}
	return nil
}

// explainOther explains a word that is no environment: a rule of envs/policy, or
// something misspelt.
func (a *app) explainOther(o explainOptions, unknown *environment.UnknownError) error {
	rules, err := a.allRules()
	if err != nil {
		return err
	}
	var ids []string
	for _, rule := range rules {
		if rule.ID == unknown.Name {
			return a.explainRule(o, rule)
		}
		ids = append(ids, rule.ID)
	}
	if near := finding.DidYouMean(unknown.Name, ids); near != "" {
		return fmt.Errorf("%w; no rule has that name either, %s", unknown, near)
	}
	return fmt.Errorf("%w; no rule has that name either, see gen check --rules", unknown)
}

func (a *app) explainRule(o explainOptions, rule finding.Rule) error {
	if o.format == "json" {
		return a.printJSON(rule)
	}
	bold := func(s string) string { return s }
	if a.colour(a.OutTerminal) {
		bold = func(s string) string { return "\x1b[1m" + s + "\x1b[0m" }
	}
	about := string(rule.Class)
	if rule.Severity != finding.Error {
		about += ", " + string(rule.Severity)
	}
	if rule.CheckedBy != "" {
		about += ", checked by " + rule.CheckedBy
	}
	_, err := fmt.Fprintf(a.Out, "%s (%s)\n\n%s\n\n%s\n\n%s\n%s\n%s\n%s",
		bold(rule.ID), about, rule.Title, wrap(rule.Why, 80),
		bold("Wrong:"), indent(rule.Bad), bold("Right:"), indent(rule.Good))
	return err
}

// wrap breaks a paragraph into lines of at most width characters.
func wrap(text string, width int) string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}

func indent(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString("    " + line)
	}
	return out.String()
}
