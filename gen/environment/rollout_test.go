package environment_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

func TestRollout(t *testing.T) {
	set, err := environment.Load(withTeams(t, map[string]string{
		"env.cue":       strings.Replace(shared, "releases: [string]: values", "releases: [string]: regions: [string]: values", 1) + automatic + "	rollout: [[\"eu\"], [\"us\"]]\n" + regional,
		"shop/shop.cue": strings.ReplaceAll(regional, "web", "shop"),
	}), []string{"prod"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"eu"}, {"us"}}, set.Environments[0].Rollout); diff != "" {
		t.Errorf("rollout (-want +got):\n%s", diff)
	}
}

// automatic are regions of which none waits for an operator.
const automatic = `	regions: {
		eu: server: "https://eu.example"
		us: server: "https://us.example"
	}
`

func TestRolloutFindings(t *testing.T) {
	open := strings.Replace(shared, "releases: [string]: values", "releases: [string]: regions: [string]: values", 1)
	const byItself = `a rollout starts the syncs of each region itself: leave out one of the two [broken-rule]`
	tests := []struct {
		name, text string
		want       []string
	}{{
		name: "a name that no region has",
		text: automatic + regional + "	rollout: [[\"eu\"],\n		[\"use\"]]\n",
		want: []string{`envs/prod/env.cue:21:4: error: there is no region use [rollout-order] | allowed: eu, us | did you mean us?`},
	}, {
		name: "a region without a place",
		text: automatic + regional + "	rollout: [[\"us\"]]\n",
		want: []string{`envs/prod/env.cue:20:2: error: the rollout leaves out eu, which no change would reach [rollout-order] | give each region a place in one of the steps`},
	}, {
		name: "a region with two places",
		text: automatic + regional + "	rollout: [[\"us\"], [\"eu\", \"us\"]]\n",
		want: []string{`envs/prod/env.cue:20:27: error: region us has two places in the rollout [rollout-order] | keep one of the two`},
	}, {
		name: "a step without regions",
		text: automatic + regional + "	rollout: [[\"us\"], [], [\"eu\"]]\n",
		want: []string{`envs/prod/env.cue:20:20: error: step 2 of the rollout has no region [rollout-order] | name one, or leave the step out`},
	}, {
		name: "no regions",
		text: "	releases: web: {chart: \"service\", values: {replicas: 2, image: digest: \"sha256:" + digest + "\"}}\n	rollout: [[\"us\"]]\n",
		want: []string{`envs/prod/env.cue:11:2: error: a rollout goes from region to region, and the environment has none [rollout-order] | set regions, or leave rollout out`},
	}, {
		name: "a region that waits for an operator",
		text: inRegions + regional + "	rollout: [[\"eu\"], [\"us\"]]\n",
		want: []string{`envs/prod/env.cue:12:38: error: ` + byItself},
	}, {
		name: "an environment that waits for an operator",
		text: automatic + regional + "	rollout: [[\"eu\"], [\"us\"]]\n	delivery: sync: \"manual\"\n",
		want: []string{`envs/prod/env.cue:21:12: error: ` + byItself},
	}, {
		name: "an environment that does not heal",
		text: automatic + regional + "	rollout: [[\"eu\"], [\"us\"]]\n	delivery: selfHeal: false\n",
		want: []string{`envs/prod/env.cue:21:12: error: a rollout heals: to its controller what was changed by hand looks like what a commit changed [broken-rule]`},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := open + tt.text
			if tt.name == "no regions" {
				text = shared + tt.text
			}
			_, err := environment.Load(withTeams(t, map[string]string{"env.cue": text}), []string{"prod"})
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
