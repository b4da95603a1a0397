package waiver_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/waiver"
)

func TestApply(t *testing.T) {
	found := func(rule, subject string) waiver.Candidate {
		return waiver.Candidate{Finding: finding.Finding{Rule: rule, Severity: finding.Error, Message: subject}, Subject: subject}
	}
	deployment, value := found("a-rule", "Deployment.apps/web"), found("b-rule", "releases.web.values.replicas")
	tests := []struct {
		name                string
		rule, object, until string
		incomplete          bool
		waived              bool // the first candidate
		want                []string
	}{
		{name: "by name", rule: "a-rule", object: "Deployment.apps/web", until: "2026-06-01", waived: true},
		{name: "by a pattern", rule: "a-rule", object: "Deployment.apps/*", until: "2026-06-01", waived: true},
		{name: "its last day", rule: "a-rule", object: "*/web", until: "2026-03-10", waived: true},
		{name: "the day after", rule: "a-rule", object: "*/web", until: "2026-03-09",
			want: []string{"waiver-expired error: the waiver for a-rule ended on 2026-03-09"}},
		{name: "a year", rule: "a-rule", object: "*/web", until: "2027-03-10", waived: true},
		{name: "a year and a day", rule: "a-rule", object: "*/web", until: "2027-03-11",
			want: []string{"waiver-too-long error: the waiver for a-rule ends on 2027-03-11, more than a year from now"}},
		{name: "an asterisk is no slash", rule: "a-rule", object: "*", until: "2026-06-01",
			want: []string{"waiver-unused warning: the waiver for a-rule covers nothing of the name *"}},
		{name: "another rule", rule: "c-rule", object: "*/*", until: "2026-06-01",
			want: []string{"waiver-unused warning: the waiver for c-rule covers nothing"}},
		{name: "nothing was looked for", rule: "c-rule", object: "*/*", until: "2026-06-01", incomplete: true},
		{name: "expired and unused", rule: "c-rule", object: "*/*", until: "2020-06-01",
			want: []string{"waiver-expired error: the waiver for c-rule ended on 2020-06-01"}},
		{name: "misspelt", rule: "a-rul", object: "*/*", until: "2026-06-01",
			want: []string{`waiver-unknown-rule error: no rule is called "a-rul"`}},
		{name: "of class input", rule: "wrong-type", object: "*/*", until: "2026-06-01",
			want: []string{"waiver-unknown-rule error: wrong-type can't be waived"}},
		{name: "no pattern", rule: "a-rule", object: "[", until: "2026-06-01",
			want: []string{`waiver-unused warning: the pattern "[" can't be read`}},
		{name: "an index", rule: "b-rule", object: "releases.*.values.replicas", until: "2026-06-01"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := environment.Waiver{Rule: tt.rule, Object: tt.object, Reason: "r", Owner: "o", Until: tt.until}
			env := &environment.Environment{Name: "prod", Waivers: []environment.Waiver{w}}
			env.Value = cuecontext.New().CompileString(fmt.Sprintf("waivers: [{rule: %q, object: %q, until: %q}]", w.Rule, w.Object, w.Until),
				cue.Filename("envs/prod/env.cue"))
			// The hour does not count, nor does where it is.
			today := time.Date(2026, 3, 10, 23, 59, 0, 0, time.UTC)
			findings := waiver.Apply(env, []waiver.Candidate{deployment, value}, []string{"a-rule", "b-rule", "c-rule"}, today, !tt.incomplete)
			if got := findings[0].Waiver != nil; got != tt.waived {
				t.Errorf("waived: %t, want %t", got, tt.waived)
			}
			if tt.waived && *findings[0].Waiver != (finding.Waiver{Reason: "r", Owner: "o", Until: tt.until, Position: finding.Position{File: "envs/prod/env.cue", Line: 1, Column: 11}}) {
				t.Errorf("waiver %+v", *findings[0].Waiver)
			}
			var rest []string
			for _, f := range findings[2:] {
				if f.File != "envs/prod/env.cue" || f.Environment != "prod" || f.Help == "" && !strings.Contains(f.Message, "read") {
					t.Errorf("%+v", f)
				}
				rest = append(rest, fmt.Sprintf("%s %s: %s", f.Rule, f.Severity, f.Message))
			}
			if diff := cmp.Diff(tt.want, rest); diff != "" {
				t.Errorf("about the waiver (-want +got):\n%s", diff)
			}
		})
	}
}
