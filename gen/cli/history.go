package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/commit"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/revision"
	"gitlab.com/towpath/towpath/gen/signature"
)

type historyOptions struct {
	format string
	verify bool
	fetch  bool
	remote string
	limit  int
}

func (a *app) historyCommand() *cobra.Command {
	var o historyOptions
	cmd := &cobra.Command{
		Use:   "history ENV",
		Short: "List the approvals of an environment, and verify them",
		Long: `History lists the releases of an environment that follows an approval branch, newest
first: the approved commit, the images, who approved, when, on what evidence, and what
the signature is worth. It reads what the last git fetch has brought, and the remote
itself with --fetch only.

With --verify the whole branch is judged, from the first approval on: that every commit
is an approval with the number after the one before, that its files are those of a
commit of the default branch and its record and nothing else, that record and trailers
say the same, and that a key signed it that was in force. It prints a line for each that
is good, and ends at the first that is not. No network is needed, and no gpg.

Exit codes: 0 fine, 1 failed, 4 an approval breaks a rule.`,
		Example: `  gen history prod
  gen history prod --limit 5 -o json
  gen history prod --fetch --verify`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeOneEnvironment,
		RunE:              func(_ *cobra.Command, args []string) error { return a.history(o, args[0]) },
	}
	cmd.Flags().StringVarP(&o.format, "output", "o", "text", "text or json")
	cmd.Flags().BoolVar(&o.verify, "verify", false, "judge the whole branch, and exit 4 at the first approval that breaks a rule")
	cmd.Flags().BoolVar(&o.fetch, "fetch", false, "ask the remote first")
	cmd.Flags().StringVar(&o.remote, "remote", "origin", "remote repository whose approval branch it is")
	cmd.Flags().IntVar(&o.limit, "limit", 20, "how many releases to list; 0 is all")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) history(o historyOptions, arg string) error {
	if err := checkFormat(o.format, "text", "json"); err != nil {
		return err
	}
	if o.limit < 0 {
		return fmt.Errorf("--limit is %d; it can be 0 for all, or more", o.limit)
	}
	names, err := a.resolve([]string{arg})
	if err != nil {
		return err
	}
	b := a.localBranch(names[0], o.remote)
	defer b.close()
	open := b.find
	if o.fetch {
		open = b.fetch
	}
	if err := open(); err != nil {
		return err
	}
	if b.tip == "" {
		fmt.Fprintf(a.Err, "nothing is approved for %s yet: there is no branch %s; --fetch asks %s\n", b.Environment, b.name, o.remote)
		if o.format == "json" {
			return a.printJSON([]historyEntry{})
		}
		return nil
	}
	if o.verify {
		return b.verifyHistory(o)
	}
	entries, err := b.entries(o.limit)
	if err != nil {
		return err
	}
	if o.format == "json" {
		return a.printJSON(entries)
	}
	return b.table(entries)
}

// find takes the branches as the clone has them.
func (b *branch) find() error {
	for _, ref := range []string{commit.Tracking(b.remote, b.name), b.ref} {
		tip, ok, err := b.Repo.Ref(ref)
		if err != nil {
			return err
		}
		if ok {
			b.tip = tip
			break
		}
	}
	for _, name := range []string{"HEAD", "main", "master"} {
		id, ok, err := b.Repo.Ref(commit.Tracking(b.remote, name))
		if err != nil {
			return err
		}
		if ok {
			b.Main, b.mainName = id, b.remote+"/"+name
			return nil
		}
	}
	main, err := b.Files.Default()
	if err != nil {
		return err
	}
	b.Main, b.mainName = main.Commit, main.Name
	return nil
}

// historyEntry is one release in the output of gen history -o json.
type historyEntry struct {
	// Release is the number, or 0 for a commit that is no approval.
	Release int64 `json:"release"`
	// Approval is the id of the approval itself, and Commit that of what it approves.
	Approval string `json:"approval"`
	Commit   string `json:"commit"`
	// Images are those that the values of the environment's releases name.
	Images     []historyImage `json:"images"`
	ApprovedBy string         `json:"approvedBy"`
	// ApprovedAt is RFC 3339 in UTC.
	ApprovedAt string           `json:"approvedAt"`
	Evidence   string           `json:"evidence,omitempty"`
	NoEvidence string           `json:"noEvidence,omitempty"`
	RollbackTo int64            `json:"rollbackTo,omitempty"`
	Signature  signature.Result `json:"signature"`
	// Problem is why the commit is no approval.
	Problem string `json:"problem,omitempty"`
}

// historyImage is the image of a release.
type historyImage struct {
	Release    string `json:"release"`
	Repository string `json:"repository"`
	Tag        string `json:"tag"`
	Digest     string `json:"digest,omitempty"`
}

func (b *branch) entries(limit int) ([]historyEntry, error) {
	read := limit
	if limit > 0 {
		read++ // The keys of the last one are those of the one before.
	}
	approvals, err := b.Read(b.tip, read)
	if err != nil {
		return nil, err
	}
	listed := approvals
	if limit > 0 {
		listed = approvals[:min(limit, len(approvals))]
	}
	entries := []historyEntry{}
	for i, one := range listed {
		entry := historyEntry{
			Release: one.Record.Number, Approval: one.ID, Commit: one.Record.Commit, Images: []historyImage{},
			ApprovedBy: one.Record.ApprovedBy, Evidence: one.Record.Evidence, NoEvidence: one.Record.NoEvidence, RollbackTo: one.Record.RollbackTo,
		}
		if !one.Record.ApprovedAt.IsZero() {
			entry.ApprovedAt = one.Record.ApprovedAt.Format(time.RFC3339)
		}
		if one.Problem != nil {
			entry.Problem = one.Problem.Message
		}
		if entry.Images, err = b.images(one.ID); err != nil {
			return nil, err
		}
		entry.Signature = b.signed(one, approvals[i+1:])
		entries = append(entries, entry)
	}
	return entries, nil
}

// signed says what the signature of an approval is worth, as far as that can be told
// from it and the one before.
func (b *branch) signed(one *approval.Approval, before []*approval.Approval) signature.Result {
	if one.Signature == "" {
		return signature.Result{State: signature.Unsigned}
	}
	if one.Problem != nil {
		return signature.Result{State: signature.UnknownKey, Reason: "it is no approval, so nothing says who may sign it"}
	}
	var previous *approval.Approval
	if len(before) > 0 {
		previous = before[0]
	}
	if previous != nil && previous.Problem != nil {
		return signature.Result{State: signature.UnknownKey, Reason: "what it follows is no approval, so nothing says who may sign it"}
	}
	if err := b.Sign(one, previous); err != nil {
		return signature.Result{State: signature.UnknownKey, Reason: err.Error()}
	}
	return one.Signed
}

// images returns the images that the values of an environment name at a commit.
func (b *branch) images(id string) ([]historyImage, error) {
	repo, err := b.Files.Resolve(id)
	if err != nil {
		return nil, err
	}
	env := environment.Environment{Name: b.Environment}
	images := []historyImage{}
	entries, err := fs.ReadDir(repo, env.Dir()+"/values")
	if errors.Is(err, fs.ErrNotExist) {
		return images, nil
	} else if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		release, isYAML := strings.CutSuffix(entry.Name(), ".yaml")
		if !isYAML {
			continue
		}
		data, err := fs.ReadFile(repo, env.ValuesFile(release))
		if err != nil {
			return nil, err
		}
		var values struct {
			Image historyImage `json:"image"`
		}
		if yaml.Unmarshal(data, &values) == nil && values.Image.Repository != "" {
			values.Image.Release = release
			images = append(images, values.Image)
		}
	}
	return images, nil
}

// table prints the releases for people.
func (b *branch) table(entries []historyEntry) error {
	table := tabwriter.NewWriter(b.app.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RELEASE\tCOMMIT\tIMAGE\tBY\tWHEN\tEVIDENCE\tSIGNATURE")
	for _, e := range entries {
		if e.Problem != "" {
			fmt.Fprintf(table, "-\t%s\t-\t-\t-\t-\t%s, no approval\n", revision.Short(e.Approval), e.Signature.State)
			continue
		}
		var images []string
		for _, image := range e.Images {
			images = append(images, printable(path.Base(image.Repository)+":"+image.Tag))
		}
		name, _, _ := strings.Cut(e.ApprovedBy, " <")
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Release, revision.Short(e.Commit), strings.Join(images, ","), name,
			e.ApprovedAt, e.evidence(), e.Signature.State)
	}
	return table.Flush()
}

// evidence returns the beginning of what showed that a release works.
func (e historyEntry) evidence() string {
	switch {
	case e.RollbackTo != 0:
		return fmt.Sprintf("release %d", e.RollbackTo)
	case e.NoEvidence != "":
		return "none: " + beginning(e.NoEvidence, 40)
	}
	where, _, _ := strings.Cut(e.Evidence, ":")
	return beginning(where, 40)
}

// beginning cuts a text at a number of characters.
func beginning(text string, limit int) string {
	if letters := []rune(text); len(letters) > limit {
		return string(letters[:limit-1]) + "…"
	}
	return text
}

// verifyHistory judges the whole branch.
func (b *branch) verifyHistory(o historyOptions) error {
	a := b.app
	progress := a.newProgress()
	approvals, err := b.Verify(b.tip, func(n, total int) { progress.phase(fmt.Sprintf("verifying %d of %d approvals", n, total)) })
	progress.clear()
	var bad *approval.Violation
	if err != nil && !errors.As(err, &bad) {
		return err
	}
	var good []historyVerdict
	for _, one := range slices.Backward(approvals) {
		if bad != nil && one.ID == bad.Commit {
			break
		}
		good = append(good, historyVerdict{one.Record.Number, one.ID, one.Record.Commit, one.Signed.KeyID})
	}
	if o.format == "json" {
		verdicts := struct {
			Good []historyVerdict `json:"good"`
			// Bad is the first that breaks a rule.
			Bad *historyBad `json:"bad,omitempty"`
		}{Good: append([]historyVerdict{}, good...)}
		if bad != nil {
			verdicts.Bad = &historyBad{bad.Commit, string(bad.Rule), bad.Message}
		}
		if err := a.printJSON(verdicts); err != nil {
			return err
		}
	} else {
		for _, g := range good {
			fmt.Fprintf(a.Out, "release %d  %s  approves %s, signed by %s\n", g.Release, revision.Short(g.Approval), revision.Short(g.Commit), g.Key)
		}
	}
	if bad != nil {
		return b.violation(bad)
	}
	fmt.Fprintf(a.Err, "%s: %s, all good\n", b.name, count(len(approvals), "approval"))
	return b.current(approvals)
}

// current refuses a branch whose history is good, and whose newest approval Argo CD
// would not take today.
func (b *branch) current(approvals []*approval.Approval) error {
	var previous *approval.Approval
	if len(approvals) > 1 {
		previous = approvals[1]
	}
	now, err := b.Current(approvals[0], previous)
	if err != nil || now.State == signature.Good {
		return err
	}
	return b.app.refused(fmt.Errorf("%s: %s was signed rightly, but is no good now: %s\n"+
		"Argo CD takes it for good, as gpg does; take the key off delivery.signatureKeys, or let its owner give it more time, bring that to %s, and approve anew",
		b.name, approvals[0].Release(), now, approval.KeyDir))
}

// historyVerdict is an approval that keeps every rule, in the output of gen history
// --verify -o json.
type historyVerdict struct {
	Release  int64  `json:"release"`
	Approval string `json:"approval"`
	Commit   string `json:"commit"`
	Key      string `json:"key"`
}

// historyBad is the first approval that breaks a rule.
type historyBad struct {
	Approval string `json:"approval"`
	Rule     string `json:"rule"`
	Message  string `json:"message"`
}
