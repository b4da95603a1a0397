package approval_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/argocd"
	"gitlab.com/towpath/towpath/gen/manifest"
)

func running(change ...func(*approval.Running)) approval.Running {
	ran := []string{"r/other:1", "r/service:2@sha256:aa"}
	r := approval.Running{Release: "service", Images: []string{"r/service:2@sha256:aa"}, Rendered: ran, Application: argocd.Application{
		Sync: "Synced", Health: "Healthy", Revision: strings.Repeat("ab", 20), Images: []string{"r/other:1", "r/service:2@sha256:aa"},
	}}
	for _, c := range change {
		c(&r)
	}
	return r
}

func TestEvidence(t *testing.T) {
	t.Parallel()
	worker := running(func(r *approval.Running) { r.Release, r.Images = "worker", nil })
	text, problems := approval.Evidence("stage", []approval.Running{running(), worker})
	want := "stage: service r/service:2@sha256:aa Synced and Healthy at ababababab; worker without images Synced and Healthy at ababababab"
	if text != want || len(problems) > 0 {
		t.Errorf("%q, %q", text, problems)
	}
	if err := approval.CheckLine(text); err != nil {
		t.Error(err)
	}
	// Without pods among the kinds of the AppProject, Argo CD lists no images.
	if text, problems := approval.Evidence("stage", one(func(r *approval.Running) { r.Application.Images = nil })); text == "" {
		t.Errorf("without a list of images: %q", problems)
	}
	for name, c := range map[string]struct {
		releases []approval.Running
		want     string
	}{
		"nothing":             {nil, "there is no release"},
		"missing":             {one(func(r *approval.Running) { r.Err = fmt.Errorf("x: %w", argocd.ErrNotFound) }), "service in stage: Argo CD has no such Application"},
		"no answer":           {one(func(r *approval.Running) { r.Err = errors.New("no answer") }), "service in stage: no answer"},
		"out":                 {one(func(r *approval.Running) { r.Application.Sync = "OutOfSync" }), "service in stage is OutOfSync, not Synced"},
		"degraded":            {one(func(r *approval.Running) { r.Application.Health = "Degraded" }), "service in stage is Degraded, not Healthy"},
		"syncing":             {one(func(r *approval.Running) { r.Application.Syncing = true }), "being synced"},
		"other tag":           {one(func(r *approval.Running) { r.Images = []string{"r/service:3@sha256:aa"} }), "does not run r/service:3@sha256:aa; it runs r/other:1, r/service:2@sha256:aa"},
		"other at the commit": {one(func(r *approval.Running) { r.Rendered = []string{"r/service:1"} }), "does not run r/service:2@sha256:aa; it runs r/service:1"},
		"other in the pods": {one(func(r *approval.Running) { r.Application.Images = []string{"r/service:1"} }),
			"does not run r/service:2@sha256:aa, though its commit says so; it runs r/service:1"},
		"no digest":  {one(func(r *approval.Running) { r.Images = []string{"r/service:2"} }), "does not run r/service:2"},
		"one of two": {[]approval.Running{running(), running(func(r *approval.Running) { r.Release = "b"; r.Application.Health = "Missing" })}, "b in stage is Missing"},
		"says what acts": {one(func(r *approval.Running) {
			r.Application.Health = "Degraded"
			r.Application.Unhealthy = []argocd.Object{{Kind: "Pod", Name: "x", Health: "Degraded", Message: "\x1b[2Jgone"}}
		}), "Pod x is Degraded:  [2Jgone"},
	} {
		text, problems := approval.Evidence("stage", c.releases)
		if text != "" || !strings.Contains(strings.Join(problems, "\n"), c.want) {
			t.Errorf("%s: %q, %q, want %q", name, text, problems, c.want)
		}
	}
}

func one(change func(*approval.Running)) []approval.Running {
	return []approval.Running{running(change)}
}

func TestImages(t *testing.T) {
	t.Parallel()
	pod := func(images ...string) map[string]any {
		var containers []any
		for _, image := range images {
			containers = append(containers, map[string]any{"name": "x", "image": image})
		}
		return map[string]any{"containers": containers, "initContainers": []any{map[string]any{"image": "init"}}}
	}
	objects := []manifest.Object{
		{Data: map[string]any{"spec": map[string]any{"template": map[string]any{"spec": pod("b", "a")}}}},
		{Data: map[string]any{"spec": map[string]any{"jobTemplate": map[string]any{"spec": map[string]any{"template": map[string]any{"spec": pod("cron", "a")}}}}}},
		{Data: map[string]any{"spec": pod("bare")}},
		{Data: map[string]any{"metadata": map[string]any{"annotations": map[string]any{"argocd.argoproj.io/hook": "Sync"}}, "spec": pod("hook")}},
		{Data: map[string]any{"kind": "ConfigMap", "data": map[string]any{"image": "none"}}},
	}
	if got := strings.Join(approval.Images(objects), " "); got != "a b bare cron init" {
		t.Error(got)
	}
}
