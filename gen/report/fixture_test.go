package report_test

import (
	"fmt"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/tool"
)

func at(file string, line, column int) finding.Position {
	return finding.Position{File: file, Line: line, Column: column}
}

func note(file string, line, column int, message string) finding.Note {
	return finding.Note{Position: at(file, line, column), Message: message}
}

// object makes one of namespace towpath with an ID as gen writes it.
func object(apiVersion, kind, name string, change diff.Change) diff.Object {
	group, _, grouped := strings.Cut(apiVersion, "/")
	id := kind
	if grouped {
		id += "." + group
	}
	return diff.Object{
		ID: id + "/towpath/" + name, APIVersion: apiVersion, Kind: kind, Namespace: "towpath", Name: name, Change: change,
		Template: "charts/service/templates/" + strings.ToLower(kind) + ".yaml",
	}
}

const (
	deploymentBefore = `apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app.kubernetes.io/instance: service
    app.kubernetes.io/name: service
  name: service
  namespace: towpath
spec:
  replicas: 3
  selector:
    matchLabels:
      app.kubernetes.io/instance: service
      app.kubernetes.io/name: service
  template:
    metadata:
      labels:
        app.kubernetes.io/instance: service
        app.kubernetes.io/name: service
    spec:
      automountServiceAccountToken: false
      containers:
      - env:
        - name: LOG_LEVEL
          value: info
        image: registry.gitlab.com/towpath/towpath/service:0.1.0@sha256:49d5c577f2810d67653c0031933534b8ce82dffe4676bd0222af797d379fc9fd
        name: service
        ports:
        - containerPort: 8080
          name: http
        readinessProbe:
          httpGet:
            path: /readyz
            port: http
        resources:
          limits:
            memory: 256Mi
          requests:
            cpu: 250m
            memory: 128Mi
        volumeMounts:
        - mountPath: /data
          name: data
      serviceAccountName: service
      volumes:
      - name: data
        persistentVolumeClaim:
          claimName: service-data
`
	imageAfter = "registry.gitlab.com/towpath/towpath/service:0.2.0@sha256:b3a1f2f0c8d94c55e2d6d6d0b1ff4be6f4d54b3c1f1a4f83b6a1e9b7c3c0d2e1"
)

var (
	imageBefore     = deploymentBefore[strings.Index(deploymentBefore, "registry."):strings.Index(deploymentBefore, "\n        name: service")]
	deploymentAfter = strings.NewReplacer("replicas: 3", "replicas: 0", "value: info", "value: debug", imageBefore, imageAfter,
		"            memory: 256Mi\n", "            memory: 512Mi\n", "        readinessProbe:\n          httpGet:\n            path: /readyz\n            port: http\n", "").Replace(deploymentBefore)
)

// everything is a report in which each change and each level of risk occurs.
func everything() *diff.Report {
	deployment := object("apps/v1", "Deployment", "service", diff.Changed)
	deployment.Before, deployment.After = deploymentBefore, deploymentAfter
	deployment.Fields = []diff.Field{
		{Path: "spec.replicas", Change: diff.Changed, Before: 3, After: 0, Causes: []finding.Note{note("envs/prod/env.cue", 19, 5, "autoscaling.minReplicas")}},
		{Path: "spec.template.spec.containers[name=service].env[name=LOG_LEVEL].value", Change: diff.Changed, Before: "info", After: "debug", Causes: []finding.Note{note("envs/prod/env.cue", 44, 4, "log.level")}},
		{Path: "spec.template.spec.containers[name=service].image", Change: diff.Changed, Before: imageBefore, After: imageAfter, Causes: []finding.Note{note("envs/prod/release.cue", 8, 3, "image.tag"), note("envs/prod/release.cue", 9, 3, "image.digest")}},
		{Path: "spec.template.spec.containers[name=service].readinessProbe", Change: diff.Removed, Before: map[string]any{"httpGet": map[string]any{"path": "/readyz", "port": "http"}}, Causes: []finding.Note{note("charts/service/templates/deployment.yaml", 61, 0, "the template changed")}},
		{Path: "spec.template.spec.containers[name=service].resources.limits.memory", Change: diff.Changed, Before: "256Mi", After: "512Mi", Causes: []finding.Note{note("envs/prod/env.cue", 28, 5, ""), note("envs/contract/service.cue", 80, 3, ""), note("envs/contract/service.cue", 91, 3, ""), note("envs/contract/types.cue", 7, 1, "")}},
	}
	deployment.Risks = []diff.Risk{
		{ID: "probe-removed", Level: diff.Medium, Message: "requests reach pods before they are ready", Path: "spec.template.spec.containers[name=service].readinessProbe"},
		{ID: "scaled-to-zero", Level: diff.High, Message: "no pod is left that answers", Path: "spec.replicas"},
		{ID: "pods-restart", Level: diff.Low, Message: "all pods are replaced, one after the other"},
	}
	deployment.Refers = []string{"ConfigMap/towpath/service", "PersistentVolumeClaim/towpath/service-data", "ServiceAccount/towpath/service", "ExternalSecret.external-secrets.io/towpath/service"}

	config := object("v1", "ConfigMap", "service", diff.Changed)
	config.Before = "apiVersion: v1\ndata:\n  config.yaml: |\n    listen: :8080\n    log:\n      level: info\n      format: json\n    limits:\n      uploads: 5MiB\nkind: ConfigMap\nmetadata:\n  name: service\n  namespace: towpath\n"
	config.After = strings.NewReplacer("level: info", "level: debug", "      uploads: 5MiB", "      uploads: 20MiB\n      notes: 1000").Replace(config.Before)
	config.Fields = []diff.Field{{
		Path: "data[config.yaml]", Change: diff.Changed, Causes: []finding.Note{note("envs/prod/env.cue", 44, 4, "log.level")},
		Before: "listen: :8080\nlog:\n  level: info\n  format: json\nlimits:\n  uploads: 5MiB\n",
		After:  "listen: :8080\nlog:\n  level: debug\n  format: json\nlimits:\n  uploads: 20MiB\n  notes: 1000\n",
	}}

	claim := object("v1", "PersistentVolumeClaim", "service-data", diff.Replaced)
	claim.Wave = -5
	claim.Before = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: service-data\n  namespace: towpath\nspec:\n  accessModes:\n  - ReadWriteMany\n  resources:\n    requests:\n      storage: 10Gi\n  storageClassName: shared\n"
	claim.After = strings.Replace(claim.Before, "ClassName: shared", "ClassName: fast", 1)
	claim.Fields = []diff.Field{{Path: "spec.storageClassName", Change: diff.Changed, Before: "shared", After: "fast", Causes: []finding.Note{note("envs/prod/env.cue", 37, 5, "storage.className")}}}
	claim.Risks = []diff.Risk{{ID: "claim-deleted", Level: diff.High, Message: "the claim is deleted, and the data in it with it", Path: "spec.storageClassName"}}

	budget := object("policy/v1", "PodDisruptionBudget", "service", diff.Removed)
	budget.Before = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: service\n  namespace: towpath\nspec:\n  minAvailable: 1\n"
	budget.Risks = []diff.Risk{{ID: "budget-removed", Level: diff.Medium, Message: "draining a node may end every pod at once"}}

	policy := object("networking.k8s.io/v1", "NetworkPolicy", "service", diff.Added)
	policy.After = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: service\n  namespace: towpath\nspec:\n  egress:\n  - ports:\n    - port: 5432\n      protocol: TCP\n  - ports:\n    - port: 53\n      protocol: UDP\n    - port: 53\n      protocol: TCP\n  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: service\n  policyTypes:\n  - Egress\n"
	policy.Refers = []string{deployment.ID}

	job := object("batch/v1", "CronJob", "service-clean-up", diff.Renamed)
	job.Was = "CronJob.batch/towpath/service-cleanup"
	job.Before = "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: service-cleanup\n  namespace: towpath\nspec:\n  schedule: 17 3 * * *\n"
	job.After = strings.Replace(job.Before, "service-cleanup", "service-clean-up", 1)
	job.Fields = []diff.Field{{Path: "metadata.name", Change: diff.Changed, Before: "service-cleanup", After: "service-clean-up", Causes: []finding.Note{note("charts/service/templates/cronjob.yaml", 5, 0, "the template changed")}}}
	job.Risks = []diff.Risk{{ID: "schedule-overlap", Level: diff.Low, Message: "both may run once while the old one goes"}}
	job.Refers = []string{"ServiceAccount/towpath/service", "ConfigMap/towpath/service"}

	migrate := object("batch/v1", "Job", "service-migrate", diff.Unchanged)
	migrate.Hook, migrate.Wave = "PreSync", -1
	migrate.Refers = []string{"ServiceAccount/towpath/service", "ExternalSecret.external-secrets.io/towpath/service"}

	scaler := object("autoscaling/v2", "HorizontalPodAutoscaler", "service", diff.Changed)
	scaler.Before = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: service\nspec:\n  maxReplicas: 10\n  minReplicas: 3\n"
	scaler.After = strings.Replace(scaler.Before, "maxReplicas: 10", "maxReplicas: 20", 1)
	scaler.Fields = []diff.Field{{Path: "spec.maxReplicas", Change: diff.Changed, Before: 10, After: 20, Causes: []finding.Note{note("envs/prod/env.cue", 20, 5, "autoscaling.maxReplicas")}}}
	scaler.Refers = []string{deployment.ID}

	service := object("v1", "Service", "service", diff.Unchanged)
	service.Refers = []string{deployment.ID}
	ingress := object("networking.k8s.io/v1", "Ingress", "service", diff.Changed)
	ingress.Before = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: service\nspec:\n  rules:\n  - host: towpath.example\n"
	ingress.After = ingress.Before + "  - host: www.towpath.example\n"
	ingress.Fields = []diff.Field{{Path: "spec.rules[host=www.towpath.example]", Change: diff.Added, After: map[string]any{"host": "www.towpath.example"}, Causes: []finding.Note{note("envs/prod/env.cue", 32, 12, "ingress.hosts")}}}
	ingress.Refers = []string{service.ID}

	secret := object("external-secrets.io/v1", "ExternalSecret", "service", diff.Unchanged)
	account := object("v1", "ServiceAccount", "service", diff.Unchanged)
	limits := object("v1", "ResourceQuota", "towpath", diff.Unchanged)

	set := object("apps/v1", "StatefulSet", "postgres", diff.Unchanged)
	set.Refers = []string{"Service/towpath/postgres"}
	postgres := []diff.Object{set, object("v1", "Service", "postgres", diff.Unchanged)}

	only := object("apps/v1", "Deployment", "service", diff.Changed)
	only.Before, only.After = deploymentBefore, strings.Replace(deploymentBefore, imageBefore, imageAfter, 1)
	only.Fields = []diff.Field{deployment.Fields[2]}
	only.Risks = []diff.Risk{deployment.Risks[2]}

	prodValues := []diff.Value{
		{Path: "autoscaling.maxReplicas", Before: 10, After: 20, Places: []finding.Position{at("envs/prod/env.cue", 20, 5)}, Objects: []string{scaler.ID}},
		{Path: "image.tag", Before: "0.1.0", After: "0.2.0", Places: []finding.Position{at("envs/prod/release.cue", 8, 3)}, Objects: []string{deployment.ID}},
		{Path: "ingress.hosts", Before: []any{"towpath.example"}, After: []any{"towpath.example", "www.towpath.example"}, Places: []finding.Position{at("envs/prod/env.cue", 32, 12)}, Objects: []string{ingress.ID}},
		{Path: "log.level", After: "debug", Places: []finding.Position{at("envs/prod/env.cue", 44, 4)}, Objects: []string{deployment.ID, config.ID}},
		{Path: "metrics.interval", Before: "30s", After: "15s", Places: []finding.Position{at("envs/prod/env.cue", 51, 3)}},
	}
	return &diff.Report{
		From: diff.State{Name: "main", Commit: "cdd046a1f0b5e0a4c1d2e3f405162738495a6b7c"},
		To:   diff.State{Name: "working tree"},
		Tools: []tool.Change{
			{Name: "gen", Before: "1", After: "2"}, {Name: "helm", Before: "v3.18.6", After: "v3.19.5"}, {Name: "sprig", After: "v3.3.0"},
		},
		Policy: judgement(),
		Environments: []diff.Environment{
			{Name: "dev", Tier: "development", Change: diff.Unchanged, Releases: []diff.Release{{Name: "service", Chart: "service", Change: diff.Unchanged, Objects: []diff.Object{account, service}}}},
			{Name: "prod", Tier: "production", Change: diff.Changed, Releases: []diff.Release{
				{Name: "postgres", Chart: "postgres", Change: diff.Unchanged, Objects: postgres},
				{Name: "service", Chart: "service", Change: diff.Changed, Values: prodValues, Objects: []diff.Object{claim, migrate, account, limits, secret, config, service, deployment, scaler, budget, policy, ingress, job}},
			}},
			{Name: "stage", Tier: "staging", Change: diff.Changed, Releases: []diff.Release{
				{Name: "postgres", Chart: "postgres", Change: diff.Unchanged, Objects: postgres, Values: []diff.Value{{Path: "backup.retention", Before: 7, Places: []finding.Position{at("envs/stage/env.cue", 12, 3)}}}},
				{Name: "redis", Chart: "redis", Change: diff.Added, Objects: []diff.Object{func() diff.Object {
					o := object("v1", "Service", "redis", diff.Added)
					o.After = "apiVersion: v1\nkind: Service\nmetadata:\n  name: redis\n"
					return o
				}()}},
				{Name: "service", Chart: "service", Change: diff.Changed, Objects: []diff.Object{account, service, only},
					Values: []diff.Value{{Path: "image.tag", Before: "0.1.0", After: "0.2.0", Places: []finding.Position{at("envs/stage/release.cue", 8, 3)}, Objects: []string{only.ID}}}},
			}},
		},
	}
}

// judgement has a finding of each state.
func judgement() *diff.Policy {
	return &diff.Policy{
		Introduced: finding.List{
			{Rule: "readiness-probe", Severity: finding.Error, Position: at("charts/service/templates/deployment.yaml", 61, 11), Message: "container service has no readiness probe",
				Help: "give it one that fails until the service can answer", Environment: "prod", Release: "service", Object: "Deployment.apps/towpath/service"},
		},
		Resolved: finding.List{
			{Rule: "resource-limits", Severity: finding.Error, Position: at("envs/prod/env.cue", 28, 5), Message: "container service has no limit of memory", Help: "set one", Environment: "prod", Release: "service", Object: "Deployment.apps/towpath/service"},
		},
		Remaining: finding.List{
			{Rule: "log-level", Severity: finding.Warning, Position: at("envs/prod/env.cue", 44, 4), Message: "production logs at debug", Allowed: "info, warn, error", Environment: "prod", Release: "service", Value: "log.level"},
		},
		Waived: finding.List{
			{Rule: "network-policy", Severity: finding.Error, Position: at("envs/stage/env.cue", 3, 1), Message: "pods of redis accept connections from anywhere", Environment: "stage", Release: "redis",
				Waiver: &finding.Waiver{Reason: "the policy comes with the next release", Owner: "platform", Until: "2026-12-31", Position: at("envs/stage/waivers.cue", 7, 2)}},
		},
	}
}

// hostile is text that would do something in each of the formats.
var hostile = []string{
	"</script><script>alert(1)</script>",
	"<img src=x onerror=alert(1)>",
	"a|b | c \\| d",
	"``` `x` ``````",
	"\x1b[2J\x1b]0;gone\x07\x9b31m",
	"cr\rlf\ntab\tnul\x00del\x7f",
	"left\u202eright\u2066\u200fmark\u2028line",
	"bad\xffutf8\xc3",
	"@all #1 !1 %2 ~bug $3 &4 ^alert#5 :smile: towpath@0123456789abcdef0123456789abcdef01234567",
	"/close\n/merge\n/assign @me",
	"[x](javascript:alert(1)) ![i](https://evil.example/x.png) https://evil.example/ www.evil.example",
	"**bold** _it_ ~~gone~~ <!-- comment --> &amp; &#64;all",
	"{{.Values}} ${x} '\"",
	strings.Repeat("verylong", 800),
	strings.Repeat("日本語", 60),
	"</details></summary>\n# heading\n| a | b |\n|---|---|\n",
}

// poisoned has hostile text in every place that is not an enumeration.
func poisoned() *diff.Report {
	report := &diff.Report{From: diff.State{Name: hostile[0], Commit: hostile[4]}, To: diff.State{Name: hostile[8]}}
	env := diff.Environment{Change: diff.Changed, Tier: strings.Join(hostile[:8], " "), Name: "e" + hostile[2] + hostile[8] + hostile[9]}
	for i, h := range hostile {
		release := diff.Release{Name: fmt.Sprint(i, h), Chart: h, Change: diff.Changed}
		o := diff.Object{
			ID: h, APIVersion: h, Kind: h, Namespace: h, Name: h, Template: h, Hook: h, Change: diff.Renamed, Was: h,
			Before: h + "\nkept\n" + h + "x", After: h + "y\nkept\n" + h, Refers: []string{h},
			Fields: []diff.Field{
				{Path: h, Change: diff.Changed, Before: h, After: h + "z", Causes: []finding.Note{note(h, 1, 1, h)}},
				{Path: h, Change: diff.Added, After: map[string]any{h: []any{h}}},
			},
			Risks: []diff.Risk{{ID: h, Level: diff.High, Message: h, Path: h}},
		}
		p := o
		p.ID += "2"
		p.Change, p.Before, p.Fields, p.Refers = diff.Added, "", nil, []string{o.ID}
		release.Objects = []diff.Object{o, p}
		release.Values = []diff.Value{{Path: h, Before: h, After: h, Places: []finding.Position{at(h, 1, 1)}}, {Path: h, After: h, Objects: []string{h}}}
		env.Releases = append(env.Releases, release)
	}
	report.Environments = []diff.Environment{env}
	report.Policy = poisonedJudgement()
	for _, h := range hostile {
		report.Tools = append(report.Tools, tool.Change{Name: h, Before: h, After: h})
	}
	return report
}

// poisonedBriefly has less of it, for people to read.
func poisonedBriefly() *diff.Report {
	r := poisoned()
	short := func(h string) bool { return len(h) < 200 }
	env := &r.Environments[0]
	env.Releases = slices.DeleteFunc(env.Releases, func(release diff.Release) bool { return !short(release.Chart) })
	for i := range env.Releases {
		env.Releases[i].Objects = env.Releases[i].Objects[:1]
	}
	r.Tools = slices.DeleteFunc(r.Tools, func(c tool.Change) bool { return !short(c.Name) })
	p := r.Policy
	for _, list := range []*finding.List{&p.Introduced, &p.Resolved, &p.Remaining, &p.Waived} {
		*list = slices.DeleteFunc(*list, func(f finding.Finding) bool { return !short(f.Rule) })
	}
	return r
}

func poisonedJudgement() *diff.Policy {
	p := &diff.Policy{}
	for _, h := range hostile {
		f := finding.Finding{Rule: h, Severity: finding.Error, Position: at(h, 1, 1), Message: h, Help: h, Allowed: h, Environment: h, Object: h}
		p.Introduced, p.Resolved, p.Remaining = append(p.Introduced, f), append(p.Resolved, f), append(p.Remaining, f)
		f.Waiver = &finding.Waiver{Reason: h, Owner: h, Until: h, Position: at(h, 1, 1)}
		p.Waived = append(p.Waived, f)
	}
	return p
}

// many has a thousand objects and more, of which most change.
func many() *diff.Report {
	r := &diff.Report{From: diff.State{Name: "main"}, To: diff.State{Name: "feature"}}
	all := []diff.Change{diff.Changed, diff.Added, diff.Removed, diff.Unchanged}
	for e := range 5 {
		env := diff.Environment{Name: fmt.Sprintf("env-%d", e), Tier: "staging", Change: diff.Changed}
		for n := range 10 {
			release := diff.Release{Name: fmt.Sprintf("release-%d", n), Chart: "service", Change: diff.Changed}
			for i := range 24 {
				o := object("apps/v1", "Deployment", fmt.Sprintf("service-%d", i), all[i%len(all)])
				switch o.Change {
				case diff.Changed:
					o.Before, o.After = deploymentBefore, deploymentAfter
					o.Fields = []diff.Field{{Path: "spec.replicas", Change: diff.Changed, Before: 3, After: 0}}
				case diff.Added:
					o.After = deploymentAfter
				case diff.Removed:
					o.Before = deploymentBefore
				}
				if i%9 == 0 {
					o.Risks = []diff.Risk{{ID: "pods-restart", Level: diff.Low, Message: "all pods are replaced"}}
				}
				if i > 0 {
					o.Refers = []string{fmt.Sprintf("Deployment.apps/towpath/service-%d", i/3)}
				}
				release.Objects = append(release.Objects, o)
			}
			env.Releases = append(env.Releases, release)
		}
		r.Environments = append(r.Environments, env)
	}
	return r
}
