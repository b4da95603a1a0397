package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Marker is how a note is found again: a comment of HTML, which GitLab shows
// nobody. The name is that of what the note says, of letters and dashes.
func Marker(name string) string { return "<!-- towpath:" + name + " -->\n" }

// Kept says what became of a note.
type Kept struct {
	// Created tells a new note from one that was there.
	Created bool
	// ID is the number that GitLab gave the note.
	ID int64
}

type note struct {
	ID     int64  `json:"id"`
	Body   string `json:"body"`
	System bool   `json:"system"`
	Author struct {
		ID int64 `json:"id"`
	} `json:"author"`
}

// Keep writes body, Markdown, into the note that begins with the marker, and
// creates it if there is none. Where there are several the newest is written, and
// notes of other people are none of ours, whatever they begin with.
//
// A fault that passes is waited for, a few seconds. Each attempt looks for the note
// anew, so that an answer that got lost leaves no second one.
func (c *Client) Keep(ctx context.Context, marker, body string) (Kept, error) {
	wait := firstPause
	for attempt := 1; ; attempt++ {
		kept, err := c.keep(ctx, marker, marker+body)
		if err == nil {
			return kept, nil
		}
		again, after := temporary(err)
		if !again || attempt == attempts || ctx.Err() != nil {
			return Kept{}, fmt.Errorf("note on merge request %s: %w", c.job.MergeRequest, err)
		}
		if err := c.pause(ctx, max(wait, after)); err != nil {
			return Kept{}, fmt.Errorf("note on merge request %s: %w", c.job.MergeRequest, err)
		}
		wait *= 2
	}
}

func (c *Client) keep(ctx context.Context, marker, text string) (Kept, error) {
	notes := "/projects/" + url.PathEscape(c.job.Project) + "/merge_requests/" + url.PathEscape(c.job.MergeRequest) + "/notes"
	found, err := c.find(ctx, notes, marker)
	if err != nil {
		return Kept{}, err
	}
	in := map[string]string{"body": text}
	var written note
	if found == 0 {
		_, err = c.do(ctx, http.MethodPost, notes, in, &written)
		return Kept{Created: true, ID: written.ID}, err
	}
	_, err = c.do(ctx, http.MethodPut, notes+"/"+strconv.FormatInt(found, 10), in, &written)
	return Kept{ID: found}, err
}

// find returns the newest note of ours that begins with the marker, or 0.
func (c *Client) find(ctx context.Context, notes, marker string) (int64, error) {
	var me struct {
		ID int64 `json:"id"`
	}
	if _, err := c.do(ctx, http.MethodGet, "/user", nil, &me); err != nil {
		return 0, err
	}
	var newest int64
	// A note that is written while the pages are read moves others to the next page,
	// where they are read twice; none is missed.
	for page := "1"; page != ""; {
		query := url.Values{"per_page": {"100"}, "page": {page}, "order_by": {"created_at"}, "sort": {"desc"}}
		var some []note
		header, err := c.do(ctx, http.MethodGet, notes+"?"+query.Encode(), nil, &some)
		if err != nil {
			return 0, err
		}
		for _, n := range some {
			if !n.System && n.Author.ID == me.ID && begins(n.Body, marker) {
				newest = max(newest, n.ID)
			}
		}
		next := header.Get("X-Next-Page")
		if newest > 0 || next == page || len(some) == 0 {
			break
		}
		page = next
	}
	return newest, nil
}

// begins reports whether a note is the one of the marker, however its lines end.
func begins(body, marker string) bool {
	return strings.HasPrefix(strings.TrimLeft(body, "\r\n "), strings.TrimSpace(marker))
}
