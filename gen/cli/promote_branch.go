package cli

import (
	"cmp"
	"fmt"
	"strings"

	"gitlab.com/towpath/towpath/gen/commit"
	"gitlab.com/towpath/towpath/gen/revision"
)

// promotedFrom is the trailer by which a promotion's commit is known.
const promotedFrom = "Promoted-From"

// publish makes the commit and moves the branch to it, here and, for a merge request,
// at the remote. What an earlier run has done is not done again.
func (p *promotion) publish(d *drafted, message commit.Message) error {
	branch := cmp.Or(p.o.branch, branchName(p.to.Name, p.moves))
	if err := p.commits.CheckBranch(branch); err != nil {
		return fmt.Errorf("%w; name another with --branch", err)
	}
	ref := "refs/heads/" + branch
	here, _, err := p.commits.Ref(ref)
	if err != nil {
		return err
	}
	there := ""
	if p.o.mergeRequest {
		var exists bool
		if there, exists, err = p.commits.At(p.o.remote, ref); err != nil {
			return err
		}
		if exists {
			if err := p.commits.Fetch(p.o.remote, branch); err != nil {
				return err
			}
		}
	}
	id := ""
	for _, tip := range []string{there, here} {
		if tip == "" || tip == id {
			continue
		}
		same, err := p.examine(d, branch, tip)
		if err != nil {
			return err
		}
		if same && id == "" {
			id = tip
		}
	}
	known := id != ""
	if !known {
		if id, err = p.write(d, message); err != nil {
			return err
		}
	}
	if err := p.move(ref, id, here); err != nil {
		return err
	}
	fmt.Fprintf(p.Out, "%s %s\n", branch, id)
	if known {
		fmt.Fprintf(p.Err, "%s holds this promotion already\n", branch)
	}
	switch {
	case p.o.mergeRequest && there == id:
		fmt.Fprintf(p.Err, "%s has it already, with its merge request\n", p.o.remote)
		return nil
	case p.o.mergeRequest:
		return p.push(ref, id, there, message)
	case p.target != "":
		fmt.Fprintf(p.Err, "next: git push %s %s, or the same command with --merge-request\n", p.o.remote, branch)
	}
	return nil
}

// examine reports whether the commit that a branch stands at is this promotion. It
// may be an earlier one, which is replaced; what a person has made is left alone.
func (p *promotion) examine(d *drafted, branch, tip string) (same bool, err error) {
	there, err := p.commits.Read(tip)
	if err != nil {
		return false, err
	}
	_, ours := there.Message.Trailer(promotedFrom)
	if ours = ours && len(there.Parents) == 1; ours {
		ours, err = p.commits.IsAncestor(there.Parents[0], p.base.Commit)
		if err != nil {
			return false, err
		}
	}
	if !ours {
		return false, fmt.Errorf("the branch %s is there already, at %s %q, and holds more than a promotion by gen; name another with --branch, or delete it",
			branch, revision.Short(tip), there.Message.Subject)
	}
	tree, err := p.commits.Tree(there.Parents[0], files(d.changes))
	return tree == there.Tree, err
}

// write stores the commit.
func (p *promotion) write(d *drafted, message commit.Message) (string, error) {
	author, err := p.commits.Author()
	if err != nil {
		return "", err
	}
	committer, err := p.commits.Committer()
	if err != nil {
		return "", err
	}
	return p.commits.Write(commit.Draft{
		Base: p.base.Commit, Parents: []string{p.base.Commit}, Files: files(d.changes),
		Author: author, Committer: committer, When: p.Now(), Message: message,
	})
}

// move moves the branch here.
func (p *promotion) move(ref, id, here string) error {
	if here == id {
		return nil
	}
	if here != "" {
		// The working tree would then differ from its own commit.
		folder, err := p.commits.CheckedOut(ref)
		if err != nil {
			return err
		}
		if folder != "" {
			return fmt.Errorf("the branch %s is checked out in %s; switch to another there, or name another with --branch", strings.TrimPrefix(ref, "refs/heads/"), folder)
		}
	}
	return p.commits.Update(ref, id, here)
}

// push brings the branch to the remote and asks for a merge request.
func (p *promotion) push(ref, id, there string, message commit.Message) error {
	err := p.commits.Push(commit.Push{
		Remote: p.o.remote, Ref: ref, Commit: id, Old: there,
		Options: []string{
			"merge_request.create",
			"merge_request.target=" + p.target,
			"merge_request.title=" + message.Subject,
			"merge_request.description=" + description(message),
			"merge_request.remove_source_branch",
		},
		Told: p.tell,
	})
	if err != nil {
		return fmt.Errorf("%w\nthe branch is made here; the same command pushes it again", err)
	}
	fmt.Fprintf(p.Err, "pushed to %s, with a merge request into %s\n", p.o.remote, p.target)
	return nil
}

// longest is how many bytes of a description are sent; Git takes options of 64 KiB.
const longest = 16 << 10

// description is the message's body on one line, as a push option has to be. Markdown
// knows the line ends of HTML.
func description(message commit.Message) string {
	var b strings.Builder
	for line := range strings.SplitSeq(message.Body, "\n") {
		if b.Len()+len(line) > longest {
			b.WriteString("…")
			break
		}
		b.WriteString(line + "<br>")
	}
	return strings.TrimSuffix(b.String(), "<br>")
}
