package environment_test

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"cuelang.org/go/cue"
	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// shared is what an environment with teams says for all of them.
const shared = `	name: "prod"
	tier: "production"
	delivery: {revision: "refs/heads/env/prod", signatureKeys: ["8C1D1F5A9B0E4C77"]}
	releases: [string]: values: config: workloads: {people: false, portal: false}
`

const own = `	releases: service: {chart: "service", values: {replicas: 2, image: digest: "sha256:` + digest + `"}}
`

const digest = "9c5955fc99a60b8f6dee6cf582c4420d91e1b3e2a201f532c91e2cbdfce7fa51"

// teamRelease is a release as a team writes it.
func teamRelease(name, more string) string {
	return fmt.Sprintf("	releases: %q: {chart: \"service\", values: {replicas: 3, image: digest: \"sha256:%s\"%s}}\n", name, digest, more)
}

// withTeams returns the repository with prod as given, by file below envs/prod.
// Files get the header of prod.
func withTeams(t testing.TB, files map[string]string) fstest.MapFS {
	t.Helper()
	repo := repositoryFiles(t)
	delete(repo, "envs/prod/release.cue")
	for name, text := range files {
		if !strings.HasPrefix(text, "package") {
			text = header + text + "}\n"
		}
		repo["envs/prod/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return repo
}

func TestTeams(t *testing.T) {
	repo := withTeams(t, map[string]string{
		"env.cue": shared + own + "	waivers: [{rule: \"latest-tag\", object: \"*\", reason: \"r\", owner: \"o\", until: \"2030-01-01\"}]\n",
		"pay/a.cue": teamRelease("pay-api", "") +
			"	waivers: [{rule: \"single-replica\", object: \"*\", reason: \"r\", owner: \"pay\", until: \"2030-01-01\"}]\n",
		"pay/b.cue":     "package prod\n\nreleases: \"pay-job\": {chart: \"service\", values: {replicas: 3, image: digest: \"sha256:" + digest + "\"}}\n",
		"shop/shop.cue": teamRelease("shop", ""),
	})
	set, err := environment.Load(repo, []string{"prod"})
	if err != nil {
		t.Fatal(err)
	}
	env := set.Environments[0]
	var got []string
	for _, r := range env.Releases {
		tree, err := r.Tree()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(r.Name, " ", r.Team, " ", env.ReleaseDir(r), " ", tree["replicas"], " ", tree["config"].(map[string]any)["workloads"].(map[string]any)["people"]))
	}
	want := []string{
		"pay-api pay envs/prod/pay 3 false",
		"pay-job pay envs/prod/pay 3 false",
		"service  envs/prod 2 false",
		"shop shop envs/prod/shop 3 false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("releases (-want +got):\n%s", diff)
	}
	got = nil
	for i, w := range env.Waivers {
		got = append(got, fmt.Sprintf("%s %q %s", w.Rule, w.Team, env.WaiverOrigin(i, "rule").Label))
	}
	if diff := cmp.Diff([]string{`latest-tag "" envs/prod/env.cue:11:13`, `single-replica "pay" envs/prod/pay/a.cue:7:13`}, got); diff != "" {
		t.Errorf("waivers (-want +got):\n%s", diff)
	}
	data, err := env.Data()
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(data["releases"].(map[string]any))); !slices.Equal(got, []string{"pay-api", "pay-job", "service", "shop"}) {
		t.Errorf("the data has the releases %v", got)
	}
	if got := len(data["waivers"].([]any)); got != 2 {
		t.Errorf("the data has %d waivers, want 2", got)
	}
	for release, want := range map[string]string{"pay-job": "envs/prod/pay/b.cue:3:50", "service": "envs/prod/env.cue:10:49", "shop": "envs/prod/shop/shop.cue:6:48"} {
		v, _ := env.Find([]string{"releases", release, "values", "replicas"})
		if origins := environment.Origins(v); len(origins) == 0 || origins[0].Label.String() != want {
			t.Errorf("replicas of %s come from %v, want %s", release, origins, want)
		}
	}
}

// TestTeamsGetNoReleases makes sure that an environment's own releases are not
// evaluated again for each team, unless something refers to them.
func TestTeamsGetNoReleases(t *testing.T) {
	load := func(more string) cue.Value {
		repo := withTeams(t, map[string]string{
			"env.cue":       strings.Replace(header, "import", "import \"strings\"\n\nimport", 1) + shared + own + "	releases: other: {chart: \"service\", values: {replicas: 2, image: digest: strings.TrimSpace(\"sha256:" + digest + "\")}}\n" + more + "}\n",
			"shop/shop.cue": teamRelease("shop", ""),
		})
		set, err := environment.Load(repo, []string{"prod"})
		if err != nil {
			t.Fatal(err)
		}
		return set.Environments[0].Around("shop")
	}
	has := func(v cue.Value, release string) bool {
		return v.LookupPath(cue.MakePath(cue.Str("releases"), cue.Str(release))).Exists()
	}
	if v := load(""); has(v, "service") || has(v, "other") || !has(v, "shop") {
		t.Errorf("the folder of team shop has the environment's own releases: %v", v.LookupPath(cue.ParsePath("releases")))
	}
	if v := load("	_all: [for name, _ in releases {name}]\n"); !has(v, "service") {
		t.Error("the folder of team shop lacks a release that a field of the environment refers to")
	}
}

func TestTeamFindings(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{{
		name:  "a setting of the environment, under a condition too",
		files: map[string]string{"shop/shop.cue": teamRelease("shop", "") + "	delivery: selfHeal: false\n	if true {cluster: kubernetesVersion: \"1.34\"}\n"},
		want: []string{
			`envs/prod/shop/shop.cue:7:2: error: delivery belongs to the environment, and this is the folder of team shop [team-setting] | allowed: releases, waivers | set it in envs/prod`,
			`envs/prod/shop/shop.cue:8:11: error: cluster belongs to the environment, and this is the folder of team shop [team-setting] | allowed: releases, waivers | set it in envs/prod`,
		},
	}, {
		name: "a setting by way of a field that the environment looks at",
		files: map[string]string{
			"env.cue":       header + strings.Replace(shared, "delivery: {", "delivery: {selfHeal: _heal, ", 1) + own + "}\n_heal: bool | *true\n",
			"shop/shop.cue": header + teamRelease("shop", "") + "}\n_heal: false\n",
		},
		want: []string{
			`envs/prod/shop/shop.cue:5:1: error: the folder of team shop changes delivery of the environment [team-setting] | allowed: releases, waivers | see what it embeds, and which fields of envs/prod it sets`,
		},
	}, {
		name: "a release of two teams",
		files: map[string]string{
			"pay/pay.cue":   teamRelease("web", ""),
			"shop/shop.cue": teamRelease("web", ""),
		},
		want: []string{
			`envs/prod/shop/shop.cue:6:12: error: prod has a release web already [duplicate-release] | give one of the two another name: a release belongs to one folder | envs/prod/pay/pay.cue:6:12: the other one`,
		},
	}, {
		name:  "a release of the environment",
		files: map[string]string{"shop/shop.cue": "	releases: service: values: replicas: 9\n"},
		want: []string{
			`envs/prod/shop/shop.cue:6:12: error: prod has a release service already [duplicate-release] | give one of the two another name: a release belongs to one folder | envs/prod/env.cue:10:12: the other one`,
		},
	}, {
		name: "a release that the contract adds to the environment",
		files: map[string]string{
			"env.cue":       "	name: \"prod\"\n	tier: \"development\"\n	database: \"bundled\"\n",
			"shop/shop.cue": "	releases: (\"post\" + \"gres\"): chart: \"postgres\"\n",
		},
		want: []string{
			`envs/prod/shop/shop.cue:6:12: error: prod has a release postgres already [duplicate-release] | give one of the two another name: a release belongs to one folder | envs/contract/environment.cue: the other one`,
		},
	}, {
		name:  "a wrong value, an unknown key and a broken rule",
		files: map[string]string{"shop/shop.cue": "	releases: shop: {chart: \"service\", values: {replicas: 1, repicas: 2, image: tag: \"1\", ports: http: 80}}\n"},
		want: []string{
			`envs/prod/shop/shop.cue:6:59: error: unknown field "repicas" [unknown-field] | allowed: autoscaling, config, database, disruptionBudget, externalSecrets, image, ingress, monitoring, networkPolicy, owner, ports, redis, replicas, resources, route, spread, storage | did you mean replicas?`,
			`envs/prod/shop/shop.cue:6:95: error: http can't be 80 [wrong-value] | allowed: int & >=1024 & <=65535 (A TCP port that a process without privileges can listen on)`,
		},
	}, {
		name:  "a key of the environment that is misspelt",
		files: map[string]string{"shop/shop.cue": teamRelease("shop", "") + "	relases: {}\n"},
		want: []string{
			`envs/prod/shop/shop.cue:7:2: error: unknown field "relases" [unknown-field] | allowed: cluster, database, delivery, differs, name, namespace, redis, regions, releases, rollout, tier, waivers | did you mean releases?`,
		},
	}, {
		name:  "an unknown key of a release's values, in a file that joins the contract",
		files: map[string]string{"shop/shop.cue": teamRelease("shop", ", misspelt: 1")},
		want: []string{
			`envs/prod/shop/shop.cue:6:151: error: unknown field "misspelt" [unknown-field] | allowed: autoscaling, config, database, disruptionBudget, externalSecrets, image, ingress, monitoring, networkPolicy, owner, ports, redis, replicas, resources, route, spread, storage`,
		},
	}, {
		name: "an environment that is wrong itself",
		files: map[string]string{
			"env.cue":       strings.Replace(shared, `"production"`, `"prodution"`, 1) + own,
			"shop/shop.cue": teamRelease("shop", ""),
		},
		want: []string{
			`envs/prod/env.cue:7:2: error: tier can't be "prodution" [wrong-value] | allowed: "development", "staging", "production" | did you mean "production"?`,
		},
	}, {
		name:  "another package",
		files: map[string]string{"shop/shop.cue": "package shop\n\nreleases: shop: chart: \"service\"\n"},
		want: []string{
			`envs/prod/shop/shop.cue:1:9: error: the package is shop, and that of the environment prod [team-folder] | write package prod: the folder then has what the environment says`,
		},
	}, {
		name:  "folders that nothing reads",
		files: map[string]string{"shop/shop.cue": teamRelease("shop", ""), "shop/deep/er/x.cue": teamRelease("x", ""), "Big_Shop/x.cue": teamRelease("x", "")},
		want: []string{
			`envs/prod/Big_Shop: error: a team can't be called "Big_Shop" [team-folder] | rename the folder: small letters, digits and dashes, and a letter first`,
			`envs/prod/shop/deep: error: nothing reads the CUE in this folder [team-folder] | move it up into envs/prod/shop`,
		},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"env.cue": shared + own}
			maps.Copy(files, tt.files)
			set, err := environment.Load(withTeams(t, files), []string{"prod", "dev"})
			list, rest := finding.From(err)
			if rest != nil {
				t.Fatalf("error of another kind: %v", rest)
			}
			got := lines(list)
			for i, f := range list {
				if f.Rule == "duplicate-release" {
					other := f.Notes[0].Position.String()
					if f.Notes[0].File == "envs/contract/environment.cue" {
						other = f.Notes[0].File // Its lines move with what is added to the contract.
					}
					got[i] += fmt.Sprintf(" | %s: %s", other, f.Notes[0].Message)
				}
				if _, known := finding.Lookup(f.Rule); !known {
					t.Errorf("no rule %s", f.Rule)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if set == nil || len(set.Environments) != 1 || set.Environments[0].Name != "dev" {
				t.Errorf("the set has %v, want dev alone", set)
			}
		})
	}
}

// TestTeamsAtOnce loads an environment with so many teams that they are evaluated in
// several contexts. Run with -race.
func TestTeamsAtOnce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	files := map[string]string{"env.cue": shared + own}
	want := []string{"service"}
	for i := range 16 {
		team := fmt.Sprintf("team-%02d", i)
		files[team+"/env.cue"] = teamRelease(team, "")
		want = append(want, team)
	}
	set, err := environment.Load(withTeams(t, files), []string{"dev", "prod"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range set.Environments[1].Releases {
		tree, err := r.Tree()
		if err != nil {
			t.Fatal(err)
		}
		if replicas := fmt.Sprint(tree["replicas"]); r.Name != "service" && replicas != "3" {
			t.Errorf("%s has %s replicas", r.Name, replicas)
		}
		got = append(got, r.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("releases (-want +got):\n%s", diff)
	}
	files["team-07/env.cue"] = teamRelease("team-07", ", repicas: 1")
	files["team-11/env.cue"] = teamRelease("team-11", ", repicas: 1")
	_, err = environment.Load(withTeams(t, files), []string{"dev", "prod"})
	list, _ := finding.From(err)
	if len(list) != 2 || list[0].File != "envs/prod/team-07/env.cue" || list[1].File != "envs/prod/team-11/env.cue" {
		t.Errorf("findings: %v", list)
	}
}
