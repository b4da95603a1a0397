package policy

import (
	"os"
	"strings"
	"testing"

	"cuelang.org/go/cue/cuecontext"
	"github.com/google/go-cmp/cmp"
)

// TestWeaker holds production against staging, value by value.
func TestWeaker(t *testing.T) {
	rules, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		stage, prod string
		want        map[string]string // messages by path
	}{
		"the same": {
			stage: `replicas: 2, ingress: {enabled: true, tls: enabled: true}, resources: limits: memory: "256Mi"`,
			prod:  `replicas: 2, ingress: {enabled: true, tls: enabled: true}, resources: limits: memory: "256Mi"`,
		},
		"stronger": {
			stage: `replicas: 2, ingress: enabled: false, resources: limits: cpu: "250m"`,
			prod:  `replicas: 3, ingress: enabled: true, resources: limits: cpu: 1`,
		},
		"fewer pods": {
			stage: `replicas: 3`,
			prod:  `replicas: 9, autoscaling: {enabled: true, minReplicas: 2}`,
			want:  map[string]string{"releases.web.values.autoscaling.minReplicas": "the fewest number of pods is 2 in production, and 3 in stage"},
		},
		"limits": {
			stage: `resources: limits: {cpu: 1, memory: "1Gi", "ephemeral-storage": "1k"}`,
			prod:  `resources: limits: {cpu: "900m", memory: "1000Mi", "ephemeral-storage": "1000"}`,
			want: map[string]string{
				"releases.web.values.resources.limits.cpu":    "the limit of cpu is 900m in production, and 1 in stage",
				"releases.web.values.resources.limits.memory": "the limit of memory is 1000Mi in production, and 1Gi in stage",
			},
		},
		"switches": {
			stage: `ingress: {enabled: true, tls: enabled: true}, monitoring: {enabled: true, alerts: true}, config: demo: true`,
			prod:  `ingress: {enabled: false, tls: enabled: false}, monitoring: {enabled: true, alerts: false}, config: demo: false`,
			want: map[string]string{
				"releases.web.values.ingress.enabled":     "ingress is off in production, and on in stage",
				"releases.web.values.ingress.tls.enabled": "ingress.tls is off in production, and on in stage",
				"releases.web.values.monitoring.alerts":   "monitoring.alerts is off in production, and on in stage",
			},
		},
		"not in production": {
			stage: `replicas: 2, ingress: enabled: true, resources: limits: cpu: 1`,
			prod:  `ingress: {}, resources: {}`,
		},
		"what is no switch": {
			stage: `a: enabled: "yes", b: null, c: [{enabled: true}], d: "enabled", e: 5, f: 1.5, g: enabled: null, h: {}, i: [], j: [1], k: true, l: x: null, m: x: [{enabled: true}], n: enabled: deep: true`,
			prod:  `a: enabled: "no", b: null, c: [{enabled: true}], d: "", e: 4, f: 0.5, g: enabled: null, h: {}, i: [], j: [1], k: false, l: x: null, m: x: [{enabled: false}], n: enabled: deep: false`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			data := &Data{}
			for env, values := range map[string]string{"stage": test.stage, "prod": test.prod} {
				tier := map[string]string{"stage": "staging", "prod": "production"}[env]
				var tree map[string]any
				text := `tier: "` + tier + `", name: "` + env + `", delivery: {sync: "manual"}, releases: web: {name: "web", values: {` + values + `}}`
				if err := cuecontext.New().CompileString(text).Decode(&tree); err != nil {
					t.Fatal(err)
				}
				if err := data.Add(env, tree); err != nil {
					t.Fatal(err)
				}
			}
			found, err := rules.Judge(data, []string{"prod", "stage"})
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]string
			for _, v := range found["prod"] {
				if v.Rule.ID == "production-weaker" {
					if got == nil {
						got = map[string]string{}
					}
					got[strings.Join(v.Path, ".")] = v.Message
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}
