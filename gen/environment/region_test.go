package environment_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

const inRegions = `	regions: {
		eu: {server: "https://eu.example", kubernetesVersion: "1.34"}
		us: {server: "https://us.example", sync: "manual"}
	}
`

// regional is a release with a number of replicas in each region.
const regional = `	releases: web: {
		chart: "service"
		values: image: digest: "sha256:` + digest + `"
		regions: eu: values: replicas: 5
		regions: us: values: replicas: 3
	}
`

func TestRegions(t *testing.T) {
	set, err := environment.Load(withTeams(t, map[string]string{
		"env.cue":       strings.Replace(shared, "releases: [string]: values", "releases: [string]: regions: [string]: values", 1) + inRegions + regional,
		"shop/shop.cue": strings.ReplaceAll(regional, "web", "shop"),
	}), []string{"prod"})
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
		cluster := env.ClusterOf(r)
		got = append(got, fmt.Sprint(r.Name, " ", r.Helm, " ", r.Region, " ", r.Team, " ", cluster.Server, " ", cluster.KubernetesVersion, " ", env.SyncOf(r), " ", tree["replicas"]))
	}
	want := []string{
		"shop-eu shop eu shop https://eu.example 1.34 automated 5",
		"shop-us shop us shop https://us.example 1.33 manual 3",
		"web-eu web eu  https://eu.example 1.34 automated 5",
		"web-us web us  https://us.example 1.33 manual 3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("releases (-want +got):\n%s", diff)
	}
	got = nil
	for _, r := range env.Written() {
		got = append(got, r.Name+" "+r.Team)
	}
	if diff := cmp.Diff([]string{"shop shop", "web "}, got); diff != "" {
		t.Errorf("as written (-want +got):\n%s", diff)
	}
	data, err := env.Data()
	if err != nil {
		t.Fatal(err)
	}
	releases := data["releases"].(map[string]any)
	if len(releases) != 4 || fmt.Sprint(releases["shop-us"].(map[string]any)["region"]) != "us" {
		t.Errorf("the data has the releases %v", releases)
	}
	v, at := env.Find([]string{"releases", "shop-us", "values", "replicas"})
	if origins := environment.Origins(v); len(at) != 6 || len(origins) == 0 || origins[0].Label.String() != "envs/prod/shop/shop.cue:10:24" {
		t.Errorf("replicas of shop-us are at %v, from %v", at, origins)
	}
}

func TestRegionFindings(t *testing.T) {
	open := strings.Replace(shared, "releases: [string]: values", "releases: [string]: regions: [string]: values", 1)
	tests := []struct {
		name, text string
		want       []string
	}{{
		name: "a rule is broken in one region",
		text: inRegions + strings.Replace(regional, "replicas: 3", "replicas: 1", 1),
		want: []string{
			`envs/prod/env.cue:18:24: error: production needs at least 2 replicas [broken-rule]`,
		},
	}, {
		name: "a value for all regions, and another in one",
		text: inRegions + regional + "	releases: web: values: replicas: 4\n",
		want: []string{
			`envs/prod/env.cue:20:25: error: replicas is set to 4 here and to 3 elsewhere [conflict] | keep one of the two: a value is the same in all regions, or set in each`,
			`envs/prod/env.cue:20:25: error: replicas is set to 4 here and to 5 elsewhere [conflict] | keep one of the two: a value is the same in all regions, or set in each`,
		},
	}, {
		name: "an unknown key for all regions, once",
		text: inRegions + regional + "	releases: web: values: ports: htp: 8080\n",
		want: []string{
			`envs/prod/env.cue:20:32: error: unknown field "htp" [unknown-field] | allowed: http, metrics, service | did you mean http?`,
		},
	}, {
		name: "a region that the environment does not have",
		text: inRegions + regional + "	releases: web: regions: asia: values: replicas: 2\n",
		want: []string{
			`envs/prod/env.cue:20:26: error: there is no region asia among the environment's: eu, us [broken-rule]`,
		},
	}, {
		name: "two regions in one cluster",
		text: strings.Replace(inRegions, "https://us.example", "https://eu.example", 1) + regional,
		want: []string{
			`envs/prod/env.cue:12:8: error: region eu has the same cluster, and in it the same namespace [broken-rule]`,
		},
	}, {
		name: "two Applications of one name",
		text: strings.Replace(inRegions, "us: {", "\"a-us\": {server: \"https://a.example\"}\n\t\tus: {", 1) +
			strings.Replace(regional, "us: values", "[=~\"us\"]: values", 1) + strings.Replace(strings.Replace(regional, "us: values", "[=~\"us\"]: values", 1), "web", "\"web-a\"", 1),
		want: []string{
			`envs/prod/env.cue:21:12: error: web-a in region us has the Application web-a-us, and so has web in region a-us [duplicate-release] | give one of the two another name: a release belongs to one folder`,
		},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := environment.Load(withTeams(t, map[string]string{"env.cue": open + tt.text}), []string{"prod"})
			list, rest := finding.From(err)
			if rest != nil {
				t.Fatalf("error of another kind: %v", rest)
			}
			if diff := cmp.Diff(tt.want, lines(list)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}
