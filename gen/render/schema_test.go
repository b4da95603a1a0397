package render_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestSchemaAsHelm lints the chart with the values of prod, and with values that
// are a little off, by every version of Helm. Helm's validator of
// JSON Schema changed with 3.18 (xeipuuv/gojsonschema before, drafts 4 to 7;
// santhosh-tekuri/jsonschema since), and the produced values.schema.json must
// mean the same to both.
func TestSchemaAsHelm(t *testing.T) {
	for _, test := range []struct {
		name, values string
		// refused is part of what Helm says about the values, or "" if it must
		// accept them.
		refused string
	}{
		{"as committed", "", ""},
		{"global", "global: {}", ""},
		{"global with anything", "global: {some: [thing]}", ""},
		{"approval", "approval: {number: 12, commit: " + strings.Repeat("ab", 20) + ", approvedBy: Someone, approvedAt: \"2024-01-02T03:04:05Z\"}", ""},
		{"approval without a number", "approval: {commit: " + strings.Repeat("ab", 20) + ", approvedBy: Someone, approvedAt: \"2024-01-02T03:04:05Z\"}", "number"},
		{"approval of a short commit", "approval: {number: 1, commit: abcdef, approvedBy: Someone, approvedAt: \"2024-01-02T03:04:05Z\"}", "commit"},
		{"approval number 0", "approval: {number: 0, commit: " + strings.Repeat("ab", 20) + ", approvedBy: Someone, approvedAt: \"2024-01-02T03:04:05Z\"}", "number"},
		{"approval with more", "approval: {number: 1, commit: " + strings.Repeat("ab", 20) + ", approvedBy: Someone, approvedAt: \"2024-01-02T03:04:05Z\", extra: 1}", "extra"},

		{"misspelt at the top", "replica: 2", "replica"},
		{"misspelt in the middle", "ingress: {tls: {enable: true}}", "enable"},
		{"misspelt at depth", "resources: {limits: {mem: 1Gi}}", "mem"},
		{"misspelt workload", "config: {workloads: {hom: true}}", "hom"},

		// Each of these lies next to a default of the contract, which the schema
		// must not take for leave to accept anything.
		{"least replicas", "replicas: 1", ""},
		{"most replicas", "replicas: 100", ""},
		{"no replicas", "replicas: 0", "replicas"},
		{"too many replicas", "replicas: 101", "replicas"},
		{"beyond the percentage", "autoscaling: {targetCPUUtilizationPercentage: 101}", "targetCPUUtilizationPercentage"},
		{"privileged port", "ports: {http: 1023}", "http"},
		{"unprivileged port", "ports: {http: 1024}", ""},
		{"beyond the last port", "ports: {service: 65536}", "service"},
		{"delay of 0", "config: {startupDelaySeconds: 0}", ""},
		{"delay between 0 and 5", "config: {startupDelaySeconds: 4}", "startupDelaySeconds"},
		{"delay of 5", "config: {startupDelaySeconds: 5}", ""},
		{"delay beyond 15", "config: {startupDelaySeconds: 16}", "startupDelaySeconds"},
		{"unknown level", "config: {logLevel: loud}", "logLevel"},
		{"no digest", "image: {digest: \"\"}", ""},
		{"short digest", "image: {digest: \"sha256:abc\"}", "digest"},
		{"host in capitals", "ingress: {hosts: [Towpath.example]}", "hosts"},
		{"host twice", "ingress: {hosts: [a.example, a.example]}", "hosts"},

		{"text for a number", "replicas: \"2\"", "replicas"},
		{"fraction", "replicas: 2.5", "replicas"},
		{"whole number written as a fraction", "replicas: 2.0", ""},
		{"text for a boolean", "ingress: {enabled: \"true\"}", "enabled"},
		{"number for a text", "resources: {limits: {cpu: 1}}", "cpu"},
		{"list for a table", "image: []", "image"},
		{"text for a list", "ingress: {hosts: towpath.example}", "hosts"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, helm := range helms {
				t.Run(helm.Version, func(t *testing.T) {
					t.Parallel()
					args := []string{"lint", "--strict", filepath.Join(repository, "charts", "service")}
					values := filepath.Join(repository, "envs", "prod", "values", "service.yaml")
					for _, file := range append([]string{values}, valueFiles(t, []byte(test.values))...) {
						args = append(args, "-f", file)
					}
					stdout, stderr, err := run(t, helm, args...)
					said := string(stdout) + string(stderr)
					switch {
					case test.refused == "" && err != nil:
						t.Errorf("refused: %s", said)
					case test.refused != "" && err == nil:
						t.Error("accepted")
					case test.refused != "" && (!strings.Contains(said, "specifications of the schema") || !strings.Contains(said, test.refused)):
						t.Errorf("refused, but not by the schema for %s: %s", test.refused, said)
					}
				})
			}
		})
	}
}
