package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/gitlab"
	"gitlab.com/towpath/towpath/gen/report"
)

// noteTime is how long writing a note may take with all that is tried again. The
// job goes on without it.
const noteTime = 3 * time.Minute

// diffWithNote compares, and keeps what it finds in a note on the merge request.
// What is wrong with an environment stands there as well, lest the note of an
// earlier push is taken for what is true now.
func (a *app) diffWithNote(o diffOptions, args []string) error {
	job, err := gitlab.JobFrom(a.Getenv)
	if err != nil {
		return fmt.Errorf("--note: %w", err)
	}
	var said bytes.Buffer
	stderr := a.Err
	a.Err = io.MultiWriter(stderr, &said)
	compared, err := a.diffReport(o, args)
	a.Err = stderr
	var invalid errReported
	if err != nil && !errors.As(err, &invalid) {
		return err
	}
	marker := gitlab.Marker("diff")
	body, bodyErr := a.noteBody(o, compared, said.String(), report.NoteLimit-len(marker))
	if bodyErr != nil {
		return bodyErr
	}
	noteErr := a.keepNote(job, marker, body)
	if err == nil {
		err = o.verdict(compared)
	}
	if err != nil {
		if noteErr != nil {
			fmt.Fprintf(a.Err, "gen: %v\n", noteErr)
		}
		return err
	}
	return noteErr
}

// noteBody is the report as Markdown, or, without one, what was said in its place.
func (a *app) noteBody(o diffOptions, compared *diff.Report, said string, limit int) (string, error) {
	var b strings.Builder
	options := report.MarkdownOptions{Limit: limit, MoreURL: a.moreURL(o)}
	if compared == nil {
		options.MoreURL = a.Getenv("CI_JOB_URL") // There is no report; the log has it all.
		err := report.MarkdownInvalid(&b, said, options)
		return b.String(), err
	}
	err := report.Markdown(&b, compared, options)
	return b.String(), err
}

// keepNote writes the note, and says so. A pipeline that has no token, such as that
// of a fork, has no note, and is none the worse for it.
func (a *app) keepNote(job gitlab.Job, marker, body string) error {
	if job.Token == "" {
		fmt.Fprintln(a.Err, "no note on the merge request: GITLAB_NOTE_TOKEN is not set, as in a merge request from a fork, or where the variable is protected and the branch is not")
		return nil
	}
	client, err := gitlab.New(job)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), noteTime)
	defer cancel()
	kept, err := client.Keep(ctx, marker, body)
	if err != nil {
		return err
	}
	done := "updated"
	if kept.Created {
		done = "created"
	}
	fmt.Fprintf(a.Err, "note on merge request %s %s\n", job.MergeRequest, done)
	return nil
}

// moreURL is where there is more than fits: the full report, or the job with its
// log, or nothing outside of a pipeline.
func (a *app) moreURL(o diffOptions) string {
	if o.fullReport != "" {
		return o.fullReport
	}
	return a.Getenv("CI_JOB_URL")
}
