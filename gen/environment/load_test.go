package environment_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// repository returns the CUE module of this repository in memory, with prod's
// files replaced.
func repository(t *testing.T, prod map[string]string) fstest.MapFS {
	t.Helper()
	repo := repositoryFiles(t)
	for name, text := range prod {
		repo["envs/prod/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return repo
}

// repositoryFiles returns the CUE module of this repository in memory.
func repositoryFiles(t testing.TB) fstest.MapFS {
	t.Helper()
	repo := fstest.MapFS{}
	root := os.DirFS("../..")
	for _, dir := range []string{"envs/cue.mod", "envs/contract", "envs/dev", "envs/stage", "envs/prod"} {
		files, err := fs.Glob(root, dir+"/*.cue")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			data, err := fs.ReadFile(root, name)
			if err != nil {
				t.Fatal(err)
			}
			repo[name] = &fstest.MapFile{Data: data}
		}
	}
	return repo
}

const header = "package prod\n\nimport \"gitlab.com/towpath/towpath/envs/contract\"\n\ncontract.#Environment & {\n"

func env(body string) map[string]string {
	return map[string]string{"env.cue": header + body + "}\n"}
}

const good = `	name: "prod"
	tier: "production"
	delivery: {revision: "refs/heads/env/prod", signatureKeys: ["8C1D1F5A9B0E4C77"]}, releases: service: chart: "service", releases: service: values: config: workloads: {people: false, portal: false}
`

func TestLoad(t *testing.T) {
	repo := repository(t, nil)
	set, err := environment.Load(repo, []string{"dev", "stage", "prod"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range set.Environments {
		for _, r := range e.Releases {
			got = append(got, strings.Join([]string{e.Name, e.Tier, e.Namespace, e.Cluster.KubernetesVersion, e.Delivery.Revision, r.Name, r.Chart}, " "))
		}
	}
	want := []string{
		"dev development towpath-dev 1.33 main service service",
		"stage staging towpath-stage 1.33 main service service",
		"prod production towpath-prod 1.33 refs/heads/env/prod service service",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environments (-want +got):\n%s", diff)
	}
}

func TestFindings(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  []string
	}{{
		name:  "misspelt key at the top",
		files: env(good + "	namespce: \"x\"\n"),
		want: []string{
			`envs/prod/env.cue:8:94: error: production needs at least 2 replicas [broken-rule] | set releases.service.values.replicas`,
			`envs/prod/env.cue:9:2: error: unknown field "namespce" [unknown-field] | allowed: cluster, database, delivery, differs, name, namespace, redis, regions, releases, rollout, tier, waivers | did you mean namespace?`,
		},
	}, {
		name:  "misspelt required key",
		files: env(strings.Replace(good, "tier:", "tixr:", 1)),
		want: []string{
			`envs/prod/env.cue:7:2: error: unknown field "tixr" [unknown-field] | allowed: cluster, database, delivery, differs, name, namespace, redis, regions, releases, rollout, tier, waivers | did you mean tier?`,
		},
	}, {
		name:  "two misspelt keys deep down, and a wrong value",
		files: env(good + "	releases: service: values: {imaxe: tag: \"x\", autoscaling: minReplcas: 3, replicas: 0}\n"),
		want: []string{
			`envs/prod/env.cue:9:30: error: unknown field "imaxe" [unknown-field] | allowed: autoscaling, config, database, disruptionBudget, externalSecrets, image, ingress, monitoring, networkPolicy, owner, ports, redis, replicas, resources, route, spread, storage | did you mean image?`,
			`envs/prod/env.cue:9:60: error: unknown field "minReplcas" [unknown-field] | allowed: enabled, maxReplicas, minReplicas, scaleDown, scaleUp, targetCPUUtilizationPercentage | did you mean minReplicas?`,
			`envs/prod/env.cue:9:75: error: replicas can't be 0 [wrong-value] | allowed: int & >=1 & <=100`,
		},
	}, {
		name:  "unknown key outside the contract's struct",
		files: map[string]string{"env.cue": header + good + "}\nextra: 1\n"},
		want: []string{
			`envs/prod/env.cue:8:94: error: production needs at least 2 replicas [broken-rule] | set releases.service.values.replicas`,
			`envs/prod/env.cue:10:1: error: unknown field "extra" [unknown-field] | allowed: cluster, database, delivery, differs, name, namespace, redis, regions, releases, rollout, tier, waivers`,
		},
	}, {
		name:  "missing required key",
		files: env(strings.Replace(good, "	tier: \"production\"\n", "", 1)),
		want: []string{
			`envs/prod/env.cue:5:1: error: tier has no value [missing-field] | allowed: "development", "staging", "production" | set tier: What the environment is for. It decides which rules bind it: production needs two replicas, images pinned by digest and signed approvals.`,
		},
	}, {
		name:  "enumeration",
		files: env(strings.Replace(good, `"production"`, `"prodution"`, 1)),
		want: []string{
			`envs/prod/env.cue:7:2: error: tier can't be "prodution" [wrong-value] | allowed: "development", "staging", "production" | did you mean "production"?`,
		},
	}, {
		name:  "wrong type",
		files: env(good + "	releases: service: values: replicas: \"3\"\n"),
		want: []string{
			`envs/prod/env.cue:9:29: error: replicas is "3", which is a string [wrong-type] | allowed: int & >=1 & <=100`,
		},
	}, {
		name:  "bounds of a definition",
		files: env(good + "	releases: service: values: ports: http: 70000\n"),
		want: []string{
			`envs/prod/env.cue:9:36: error: http can't be 70000 [wrong-value] | allowed: int & >=1024 & <=65535 (A TCP port that a process without privileges can listen on)`,
		},
	}, {
		name:  "two values for one key",
		files: env(good + "	releases: service: values: replicas: 3\n	releases: service: values: replicas: 4\n"),
		want: []string{
			`envs/prod/env.cue:10:29: error: replicas is set to 4 here and to 3 elsewhere [conflict] | keep one of the two`,
		},
	}, {
		name:  "null",
		files: env(good + "	releases: service: values: ingress: className: null\n"),
		want: []string{
			`envs/prod/env.cue:9:38: error: className is null [null-value] | leave the key out to get the default, or give it a value`,
		},
	}, {
		name:  "limit below request, compared as quantities",
		files: env(good + "	releases: service: values: resources: {requests: {cpu: \"1000m\", memory: \"1Gi\"}, limits: {cpu: \"1\", memory: \"1000Mi\"}}\n	releases: service: values: replicas: 2\n"),
		want: []string{
			`envs/prod/env.cue:9:101: error: the limit 1000Mi is below the request 1Gi [broken-rule]`,
		},
	}, {
		name:  "fewer replicas at most than at least",
		files: env(good + "	releases: service: values: autoscaling: {enabled: true, minReplicas: 5, maxReplicas: 4}\n"),
		want: []string{
			`envs/prod/env.cue:9:74: error: maxReplicas is 4, below minReplicas 5 [broken-rule]`,
		},
	}, {
		name:  "one replica in production",
		files: env(good),
		want: []string{
			`envs/prod/env.cue:8:94: error: production needs at least 2 replicas [broken-rule] | set releases.service.values.replicas`,
		},
	}, {
		name: "no digest in production",
		files: map[string]string{
			"env.cue":     header + good + "	releases: service: values: replicas: 2\n}\n",
			"release.cue": "package prod\n\nreleases: service: values: image: tag: \"1.0.0\"\n",
		},
		want: []string{
			`envs/prod/release.cue:3:28: error: production needs the image's digest: a tag can be moved to another image [broken-rule] | set releases.service.values.image.digest`,
		},
	}, {
		name:  "production on main",
		files: env("	name: \"prod\"\n	tier: \"production\"\n	releases: service: {chart: \"service\", values: {replicas: 2, config: workloads: {people: false, portal: false}}}\n"),
		want: []string{
			`envs/prod/env.cue:5:1: error: production follows its approval branch refs/heads/env/prod only [broken-rule] | set delivery.revision`,
			`envs/prod/env.cue:5:1: error: production needs the id of its approval key: without one Argo CD accepts unsigned commits [broken-rule] | set delivery.signatureKeys`,
		},
	}, {
		name:  "host that is no DNS name",
		files: env(good + "	releases: service: values: {replicas: 2, ingress: hosts: [\"ok.example\", \"Not_A_Host\"]}\n"),
		want: []string{
			`envs/prod/env.cue:9:74: error: releases.service.values.ingress.hosts[1] can't be "Not_A_Host" [wrong-value] | allowed: =~"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$" & strings.MaxRunes(253) (A DNS name in lower case (RFC 1123))`,
		},
	}, {
		name:  "name of another folder",
		files: env(strings.Replace(strings.Replace(good, `"prod"`, `"live"`, 1), "env/prod", "env/live", 1) + "	releases: service: values: replicas: 2\n"),
		want: []string{
			`envs/prod/env.cue:6:2: error: the environment in envs/prod is named "live" [wrong-folder] | write name: "prod", or rename the folder`,
		},
	}, {
		name:  "a chart that the contract does not know",
		files: env(strings.Replace(good, `chart: "service"`, `chart: "servce"`, 1) + "	releases: service: values: replicas: 2\n"),
		want: []string{
			`envs/prod/env.cue:8:103: error: chart can't be "servce" [wrong-value] | allowed: "service", "postgres", "redis" | did you mean "service"?`,
		},
	}, {
		name:  "syntax",
		files: env(good + "	releases: service: values: replicas: \"3\n"),
		want: []string{
			`envs/prod/env.cue:9:39: error: string literal not terminated [cue-syntax]`,
		},
	}, {
		name:  "reference to nothing",
		files: env(good + "	releases: service: values: replicas: many\n"),
		want: []string{
			`envs/prod/env.cue:9:39: error: reference "many" not found [cue-syntax]`,
		},
	}, {
		name:  "module from a registry",
		files: map[string]string{"env.cue": strings.Replace(header, "gitlab.com/towpath/towpath/envs/contract", "example.com/elsewhere/contract", 1) + good + "}\n"},
		want: []string{
			`envs/prod/env.cue:3:8: error: import failed: cannot find package "example.com/elsewhere/contract": cannot find module providing package example.com/elsewhere/contract [cue-syntax]`,
		},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := environment.Load(repository(t, tt.files), []string{"prod"})
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

// lines writes findings as the command line does, in one line each.
func lines(list finding.List) []string {
	var lines []string
	for _, f := range list {
		line := f.Error()
		if f.Allowed != "" {
			line += " | allowed: " + f.Allowed
		}
		if f.Help != "" {
			line += " | " + f.Help
		}
		lines = append(lines, line)
	}
	return lines
}
