package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/gen/argocd"
	"gitlab.com/towpath/towpath/gen/report"
	"gitlab.com/towpath/towpath/gen/revision"
)

// writeText writes a line per release, and below what is wrong with them.
func (r *statusReport) writeText(w io.Writer, o report.TextOptions, now time.Time) error {
	var rows [][]report.Cell
	var problems []string
	for _, e := range r.Environments {
		for _, release := range e.Releases {
			rows = append(rows, []report.Cell{
				{Text: e.Name}, {Text: release.Name}, {Text: release.Wanted.String()},
				e.approvedCell(release, now), release.deployedCell(), e.driftCell(release, now),
			})
			if release.Deployed != nil {
				for _, problem := range release.Deployed.Problems {
					problems = append(problems, e.Name+"/"+release.Name+": "+problem)
				}
			}
		}
	}
	if err := report.Table(w, []string{"ENVIRONMENT", "RELEASE", "WANTED", "APPROVED", "DEPLOYED", "DRIFT"}, rows, o); err != nil {
		return err
	}
	for i, problem := range problems {
		if i == 0 {
			fmt.Fprintln(w)
		}
		if _, err := fmt.Fprintln(w, report.Visible(shorten(problem))); err != nil {
			return err
		}
	}
	return nil
}

// shortDigits is how much of a digest is shown.
const shortDigits = 10

func (i *statusImage) String() string {
	if i == nil {
		return "-"
	}
	_, digest, _ := strings.Cut(i.Digest, ":")
	return strings.TrimSpace(i.Tag + " " + digest[:min(shortDigits, len(digest))])
}

// version is the image in a word.
func (i *statusImage) version() string {
	if i == nil || i.Tag == "" {
		return i.String()
	}
	return i.Tag
}

func (e statusEnvironment) approvedCell(r statusRelease, now time.Time) report.Cell {
	switch {
	case !e.NeedsApproval:
		return report.Cell{Text: "-", Tone: report.Faint}
	case e.Approval == nil:
		return report.Cell{Text: "nothing yet", Tone: report.Attention}
	}
	text := fmt.Sprintf("release %d: %s, %s, %s", e.Approval.Number, r.Approved.version(),
		revision.Short(e.Approval.Commit), age(now.Sub(e.Approval.ApprovedAt)))
	return report.Cell{Text: text}
}

func (r statusRelease) deployedCell() report.Cell {
	d := r.Deployed
	switch {
	case r.Unknown == noApplication:
		return report.Cell{Text: noApplication, Tone: report.Attention}
	case d == nil:
		return report.Cell{Text: "unknown", Tone: report.Faint}
	}
	where := revision.Short(d.Revision)
	switch {
	case d.Approval > 0:
		where = fmt.Sprintf("release %d", d.Approval)
	case where == "":
		where = "nothing"
	}
	cell := report.Cell{Text: where + " " + d.Sync + ", " + d.Health, Tone: report.Attention}
	if d.Syncing {
		cell.Text += ", syncing"
	}
	switch {
	case d.Health == "Degraded" || d.Health == "Missing":
		cell.Tone = report.Bad
	case d.Sync == argocd.Synced && d.Health == argocd.Healthy && !d.Syncing:
		cell.Tone = report.Good
	}
	return cell
}

func (e statusEnvironment) driftCell(r statusRelease, now time.Time) report.Cell {
	switch d := r.Drift; {
	case e.NeedsApproval && e.Approval == nil:
		return report.Cell{Text: "-", Tone: report.Faint} // From what?
	case d == nil:
		return report.Cell{Text: "unknown", Tone: report.Faint}
	case d.Commits == 0:
		return report.Cell{Text: "none", Tone: report.Faint}
	default:
		return report.Cell{Text: count(d.Commits, "commit") + ", " + age(now.Sub(d.Since)), Tone: report.Attention}
	}
}

// age says how long ago something was, in the largest unit that there are two of.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return count(int(d/day), "day")
	case d >= 2*time.Hour:
		return count(int(d/time.Hour), "hour")
	case d >= time.Minute:
		return count(int(d/time.Minute), "minute")
	default:
		return "just now" // Or in the future, by another clock.
	}
}

// maxProblem is how much is shown of what others say.
const maxProblem = 400

func shorten(s string) string {
	if len(s) <= maxProblem {
		return s
	}
	return strings.ToValidUTF8(s[:maxProblem], "") + "…"
}
