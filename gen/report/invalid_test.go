package report

import (
	"fmt"
	"strings"
	"testing"
)

func TestMarkdownInvalid(t *testing.T) {
	var b strings.Builder
	wrong := "in working tree:\nenvs/prod/env.cue:3:5: error: ```</details>@all\x1b[31m [x]\n  3 | \tname: 1\n"
	if err := MarkdownInvalid(&b, wrong, MarkdownOptions{}); err != nil {
		t.Fatal(err)
	}
	const want = "### What changes: not known\n\nThe environments cannot be compared as they are:\n\n" +
		"````text\nin working tree:\nenvs/prod/env.cue:3:5: error: ```</details>@all\\u001b[31m [x]\n  3 |     name: 1\n````\n"
	if b.String() != want {
		t.Errorf("note is\n%s\nwant\n%s", b.String(), want)
	}
}

func TestMarkdownInvalidFits(t *testing.T) {
	var wrong strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&wrong, "envs/prod/env.cue:%d:5: error: wrong\n", i)
	}
	for _, limit := range []int{400, 1000, 20_000} {
		var b strings.Builder
		o := MarkdownOptions{Limit: limit, MoreURL: "https://gitlab.example/-/jobs/1"}
		if err := MarkdownInvalid(&b, wrong.String(), o); err != nil {
			t.Fatal(err)
		}
		if b.Len() > limit {
			t.Errorf("%d bytes, not at most %d", b.Len(), limit)
		}
		if !strings.Contains(b.String(), "left out. The whole: <https://gitlab.example/-/jobs/1>") {
			t.Errorf("limit %d: the note does not say where the rest is:\n%s", limit, b.String())
		}
	}
}
