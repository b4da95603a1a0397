package check_test

import (
	"bytes"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/bench/fleet/synthetic"
	"gitlab.com/towpath/towpath/gen/check"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/produce"
)

var update = flag.Bool("update", false, "write the findings to testdata")

// sample has three teams in each of three environments.
var sample = synthetic.Fleet{Releases: 81, Environments: 3, Seed: 1}

// produced returns the sample with all that it produces.
func produced(t *testing.T) fstest.MapFS {
	t.Helper()
	repo, err := sample.Repository(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	set, err := environment.Load(repo, sample.Names())
	if err != nil {
		t.Fatal(err)
	}
	files, err := produce.Shared(repo, set.Environments)
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range set.Environments {
		more, err := produce.Environment(env)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	for _, file := range files {
		repo[file.Path] = &fstest.MapFile{Data: file.Content}
	}
	return repo
}

// spoiled are faults of many kinds, in folders of several teams and in what they share.
func spoiled(t *testing.T, repo fstest.MapFS) {
	t.Helper()
	change := func(name, old, now string) {
		t.Helper()
		data := string(repo[name].Data)
		if !strings.Contains(data, old) {
			t.Fatalf("%s has no %q:\n%s", name, old, data)
		}
		repo[name] = &fstest.MapFile{Data: []byte(strings.Replace(data, old, now, 1))}
	}
	add := func(name, text string) { repo[name] = &fstest.MapFile{Data: []byte(text)} }

	// Values against the policy, with a waiver, one that has ended, and one for nothing.
	change("envs/prod/catalogue/env.cue", `logLevel:            "warn"`, `logLevel: "debug"`)
	change("envs/prod/payments/env.cue", "values: {", "values: {\n\t\t\tconfig: apiDocs: true")
	add("envs/prod/payments/waivers.cue", `package prod

import "gitlab.com/towpath/towpath/envs/contract"

contract.#Environment & {
	waivers: [
		{rule: "api-docs", object: "releases.*.values.config.apiDocs", reason: "the API is meant for the public", owner: "payments", until: "2026-12-31"},
		{rule: "debug-logging", object: "releases.*.values.config.logLevel", reason: "looking for a leak in production", owner: "payments", until: "2026-01-31"},
		{rule: "host-clash", object: "Ingress.networking.k8s.io/nothing", reason: "it was needed a year ago", owner: "payments", until: "2026-12-31"},
	]
}
`)
	change("envs/prod/env.cue", "\tdatabase:", `	waivers: [{rule: "production-drift", object: "delivery.prune", reason: "a waiver of the environment itself", owner: "platform", until: "2026-12-31"}]
	delivery: prune: false
	database:`)
	// An order of promotion that goes in a circle.
	change("envs/stage/env.cue", `promotedFrom: "dev"`, `promotedFrom: "prod"`)
	// Objects of two releases with one name, two that claim a host, one that Kubernetes
	// would refuse, a kind that is not permitted, and a template that asks for the time.
	add("charts/redis/templates/shared.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\ndata: {a: {{ .Release.Name }}}\n{{- if .Values.never }}\n{{ end }}")
	add("charts/service/templates/host.yaml", `{{- if eq .Values.owner "payments" }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ .Release.Name }}-clash
spec:
  rules:
  - host: shop.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: x, port: {number: 80}}}}]}
{{- end }}
`)
	add("charts/service/templates/odd.yaml", "{{- if eq .Values.owner \"orders\" }}\napiVersion: v1\nkind: Node\nmetadata: {name: x, lables: {}}\n{{- end }}")
	add("charts/postgres/templates/time.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-time}\ndata: {at: {{ now | quote }}}")

	// Files that are stale, missing, and left over.
	values := slices.DeleteFunc(slices.Sorted(maps.Keys(repo)), func(name string) bool { return path.Dir(name) != "envs/prod/values" })
	repo["envs/prod/values/gone.yaml"] = &fstest.MapFile{Data: repo[values[0]].Data}
	repo[values[0]] = &fstest.MapFile{Data: append([]byte("# by hand\n"), repo[values[0]].Data...)}
	delete(repo, values[1])
	delete(repo, "argocd/projects/dev.yaml")
}

// invalid are faults for which an environment can't be loaded: of a team's values, and
// of two teams with one release.
func invalid(t *testing.T, repo fstest.MapFS) {
	t.Helper()
	data := string(repo["envs/dev/catalogue/env.cue"].Data)
	repo["envs/dev/catalogue/env.cue"] = &fstest.MapFile{Data: []byte(strings.Replace(data, "values: {", "values: {\n\t\t\treplicas: \"many\"\n\t\t\tnoSuchKey: 1", 1))}
	_, name, _ := strings.Cut(string(repo["envs/stage/catalogue/env.cue"].Data), `releases: "`)
	name, _, _ = strings.Cut(name, `"`)
	repo["envs/stage/orders/more.cue"] = &fstest.MapFile{Data: []byte(`package stage

import (
	"gitlab.com/towpath/towpath/envs/contract"
	defaults "gitlab.com/towpath/towpath/envs/teams/orders"
)

contract.#Environment & {
	releases: "` + name + `": defaults.Redis
}
`)}
}

// TestFleet holds the findings of a fleet with many faults against those committed, and
// makes sure that it does not matter how much of it is checked at a time.
func TestFleet(t *testing.T) {
	for _, test := range []struct {
		name  string
		names []string
		spoil []func(*testing.T, fstest.MapFS)
	}{
		{"sound", sample.Names(), nil},
		{"spoiled", sample.Names(), []func(*testing.T, fstest.MapFS){spoiled}},
		{"spoiled-prod", []string{"prod"}, []func(*testing.T, fstest.MapFS){spoiled}},
		{"invalid", sample.Names(), []func(*testing.T, fstest.MapFS){spoiled, invalid}},
	} {
		t.Run(test.name, func(t *testing.T) {
			repo := produced(t)
			for _, spoil := range test.spoil {
				spoil(t, repo)
			}
			golden := path.Join("testdata", "fleet", test.name+".txt")
			for name, bytes := range map[string]int64{"a folder at a time": 1, "at once": 1 << 30} {
				got := findings(t, repo, test.names, bytes)
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

func findings(t *testing.T, repo fs.FS, names []string, batch int64) string {
	t.Helper()
	found, err := check.Run(repo, check.Options{
		Names: names, Jobs: 3, BatchBytes: batch, Today: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := finding.JSON(&text, found); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// TestJudgePolicy asks for what the policy finds alone: that is what a whole check finds of
// it, and of its waivers.
func TestJudgePolicy(t *testing.T) {
	repo := produced(t)
	spoiled(t, repo)
	for _, names := range [][]string{sample.Names(), {"prod"}} {
		o := check.Options{Names: names, Jobs: 3, Today: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
		all, err := check.Run(repo, o)
		if err != nil {
			t.Fatal(err)
		}
		var want finding.List
		for _, f := range all {
			if f.Class == finding.Policy || strings.HasPrefix(f.Rule, "waiver-") {
				want = append(want, f)
			}
		}
		if len(want) == 0 {
			t.Fatal("the policy finds nothing")
		}
		got, err := check.JudgePolicy(repo, o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v (-check +policy):\n%s", names, diff)
		}
	}
	invalid(t, repo)
	_, err := check.JudgePolicy(repo, check.Options{Names: []string{"dev"}, Jobs: 3})
	if found, rest := finding.From(err); rest != nil || len(found) == 0 {
		t.Errorf("an environment that is invalid: %v, not findings", err)
	}
	if _, err := check.JudgePolicy(repo, check.Options{Names: []string{"prod"}, Jobs: 3}); err != nil {
		t.Errorf("an environment beside one that is invalid: %v", err)
	}
}
