package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/report"
	"gitlab.com/towpath/towpath/gen/revision"
)

type rollbackOptions struct {
	approvingOptions
	to  int64
	yes bool
}

func (a *app) rollbackCommand() *cobra.Command {
	var o rollbackOptions
	cmd := &cobra.Command{
		Use:   "rollback ENV [--to RELEASE]",
		Short: "Go back to an earlier release of an environment",
		Long: `Rollback approves the commit of an earlier release once more, with a new and higher
number. The branch never goes back, and the cluster refuses a number that falls. It
shows what changes, as gen diff does, and asks before it writes.

Without --to it is the release before the one that runs. Where that is a rollback
itself, it is the one before the release that it went back to, and not the one that it
left. A pipeline names the release: said again, --to does nothing once it is done.

The evidence is the earlier release itself: it was checked and approved, so neither is
done again. Its commit must name no key in delivery.signatureKeys that is not in force
now: a rollback brings no key back.

Keys, --by and the remote are those of gen approve.`,
		Example: `  gen rollback prod
  gen rollback prod --to 5 --yes
  gen rollback prod --dry-run`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOneEnvironment,
		RunE:              func(_ *cobra.Command, args []string) error { return a.rollback(o, args[0]) },
	}
	cmd.Flags().Int64Var(&o.to, "to", 0, "number of the release to go back to; without it the one before")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	o.flags(cmd)
	return cmd
}

func (a *app) rollback(o rollbackOptions, arg string) error {
	if err := checkJobs(o.jobs); err != nil {
		return err
	}
	if o.to < 0 {
		return fmt.Errorf("--to is %d; it is the number of a release, from 1 on", o.to)
	}
	names, err := a.resolve([]string{arg})
	if err != nil {
		return err
	}
	if !o.yes && !o.dryRun && !a.asks() {
		return errors.New("rollback asks before it writes, and there is no terminal to ask at: write --yes")
	}
	b, err := a.openBranch(names[0], o.remote)
	if err != nil {
		return err
	}
	defer b.close()
	a.step("fetch", "%s is at %s, %s %s", b.mainName, revision.Short(b.Main), b.name, b.stand())
	if b.tip == "" {
		return fmt.Errorf("nothing is approved for %s yet, so there is nothing to go back to", b.Environment)
	}
	if err := b.verify(); err != nil {
		return err
	}
	newest := b.newest()
	target, err := b.target(o.to)
	if err != nil {
		return err
	}
	if target.Record.Commit == newest.Record.Commit {
		a.step("done", "%s runs the commit of release %d already", newest.Release(), target.Record.Number)
		fmt.Fprintf(a.Out, "%s release %d %s\n", b.Environment, newest.Record.Number, newest.ID)
		return nil
	}
	_, env, err := b.at(target.Record.Commit)
	if err != nil {
		return err
	}
	foreign, err := b.BroughtBack(target.Record.Commit, newest)
	if err != nil {
		return err
	}
	if len(foreign) > 0 {
		return a.refused(fmt.Errorf("%s names keys that are not in force any more (%s), and going back would let them sign again; "+
			"undo on the default branch what has to go, without the keys, and approve that", target.Release(), strings.Join(foreign, ", ")))
	}
	signer, err := b.signer(o.approvingOptions, target.Record.Commit, env)
	if err != nil {
		return err
	}
	a.step("key", "%s, from %s", signer.KeyID(), signer.From())
	change, err := b.change(
		diff.State{Name: fmt.Sprintf("release %d", newest.Record.Number), Commit: newest.ID},
		// Of the commit itself: the record will not be that of the earlier release.
		diff.State{Name: fmt.Sprintf("release %d", target.Record.Number), Commit: target.Record.Commit}, o.jobs)
	if err != nil {
		return err
	}
	if err := report.Text(a.Out, change, report.TextOptions{Colour: a.colour(a.OutTerminal), Width: a.width()}); err != nil {
		return err
	}
	if !o.yes && !o.dryRun && !a.ask(fmt.Sprintf("go back to release %d of %s, commit %s?", target.Record.Number, b.Environment, revision.Short(target.Record.Commit))) {
		return errors.New("nothing is changed")
	}
	record := approval.Record{
		Commit: target.Record.Commit, RollbackTo: target.Record.Number,
		Evidence: fmt.Sprintf("release %d of %s, approved %s", target.Record.Number, b.Environment, target.Record.ApprovedAt.Format(time.RFC3339)),
	}
	return b.write(o.approvingOptions, record, summarise(change), signer)
}

// target returns the release to go back to.
func (b *branch) target(number int64) (*approval.Approval, error) {
	newest := b.newest().Record
	if number == 0 {
		runs := newest.Number
		if newest.RollbackTo != 0 {
			runs = newest.RollbackTo
		}
		if number = runs - 1; number < 1 {
			return nil, fmt.Errorf("release %d is the first of %s, so there is none before it", runs, b.Environment)
		}
	}
	for _, a := range b.approvals {
		if a.Record.Number == number {
			return a, nil
		}
	}
	return nil, fmt.Errorf("%s has no release %d; they are 1 to %d, see gen history %s", b.Environment, number, newest.Number, b.Environment)
}

// asks reports whether there is a terminal to ask at.
func (a *app) asks() bool {
	in, ok := a.In.(*os.File)
	return ok && term.IsTerminal(int(in.Fd()))
}

// ask asks a question on the terminal; no is the answer to nothing.
func (a *app) ask(question string) bool {
	shown := a.Err
	if in, ok := a.In.(io.Writer); ok && !a.ErrTerminal {
		shown = in // Standard error goes elsewhere, where nobody reads it now.
	}
	fmt.Fprintf(shown, "%s [y/N] ", question)
	answer, err := bufio.NewReader(a.In).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	}
	return false
}
