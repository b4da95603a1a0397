package trust

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// place is what an Application has to be, by the file that it is in.
type place struct {
	env *environment.Environment
	// release is nil for roots.
	release   *environment.Release
	name      string
	namespace string
	project   string
	path      string
	automated *v1alpha1.SyncPolicyAutomated
}

// place returns where an Application belongs, or false if nowhere.
func (c *check) place(d *document) (place, bool) {
	dir := path.Dir(d.file)
	if dir == delivery.EnvironmentsDir {
		if keeper := c.keeper(); keeper != nil && path.Base(d.file) == delivery.Projects+".yaml" {
			return root(keeper, delivery.Projects, delivery.ProjectsDir), true
		}
		return place{}, false
	}
	env := c.environment(path.Base(dir))
	if env == nil {
		return place{}, false
	}
	switch dir {
	case delivery.EnvironmentsDir + "/" + env.Name:
		return root(env, delivery.Root(env.Name), delivery.Dir+"/"+env.Name), true
	case delivery.Dir + "/" + env.Name:
		if len(env.Rollout) > 0 {
			return place{}, false // ApplicationSets make them, in order.
		}
		for _, release := range env.Releases {
			if release.Name == d.name {
				return ofRelease(env, release), true
			}
		}
	}
	return place{}, false
}

// paths is what the Application may say that it is made from, "" for nothing.
func (p place) paths() string {
	if p.release == nil {
		return delivery.Paths(p.env, p.path)
	}
	return delivery.Paths(p.env, delivery.Reads(p.env, *p.release)...)
}

func root(env *environment.Environment, name, path string) place {
	return place{
		env: env, name: name, project: name, namespace: delivery.Namespace, path: path,
		automated: &v1alpha1.SyncPolicyAutomated{Prune: true, SelfHeal: true},
	}
}

func (c *check) applications() {
	roots := map[string]bool{}
	for _, d := range c.documents {
		if d.app == nil {
			continue
		}
		p, ok := c.place(d)
		if !ok {
			continue // leftOver reports it
		}
		d.judged = true
		if p.release == nil {
			roots[d.name] = true
		}
		c.judge(d, p)
	}
	for _, env := range c.Environments {
		if name := delivery.Root(env.Name); !roots[name] {
			c.in(env, whole(delivery.EnvironmentsDir+"/"+env.Name+"/root.yaml"), "missing-root",
				fmt.Sprintf("environment %s has no root Application %s", env.Name, name), "run gen render "+env.Name)
		}
	}
}

// belongs reports whether the Application is that of its place at all; if not,
// nothing else about it can be said.
func (c *check) belongs(d *document, p place) bool {
	app := d.app
	switch {
	case app.Spec.Project != p.project:
		rule := "foreign-project"
		if _, exists := c.expectedProjects()[app.Spec.Project]; !exists {
			rule = "missing-project"
		}
		c.in(p.env, d.at("spec", "project"), rule,
			fmt.Sprintf("Application %s uses AppProject %q, want %s", d.name, app.Spec.Project, p.project), render(p.env))
	case d.name != p.name || d.namespace != p.namespace:
		c.in(p.env, d.at("metadata", "namespace"), "foreign-namespace",
			fmt.Sprintf("Application %s/%s is not in its environment's namespace: want %s/%s", d.namespace, d.name, p.namespace, p.name), render(p.env))
	default:
		return true
	}
	return false
}

// source reports whether the Application reads what it should, from where it
// should.
func (c *check) source(d *document, p place) bool {
	spec := d.app.Spec
	before := len(c.findings)
	for _, second := range []struct {
		key string
		has bool
	}{
		{"sources", len(spec.Sources) > 0},
		{"sourceHydrator", spec.SourceHydrator != nil},
	} {
		if second.has {
			c.in(p.env, d.at("spec", second.key), "second-source",
				fmt.Sprintf("Application %s takes in a second source by %s", d.name, second.key), render(p.env))
		}
	}
	if spec.Source == nil {
		if len(c.findings) == before {
			c.in(p.env, d.at("spec"), "second-source", fmt.Sprintf("Application %s has no source of its own", d.name), render(p.env))
		}
		return false
	}
	if spec.Source.Chart != "" || spec.Source.Ref != "" {
		key := "chart"
		if spec.Source.Ref != "" {
			key = "ref"
		}
		c.in(p.env, d.at("spec", "source", key), "second-source",
			fmt.Sprintf("Application %s reads more than its folder of the repository: %s", d.name, key), render(p.env))
	}
	if want := revision(p.env); spec.Source.TargetRevision != want {
		message := fmt.Sprintf("Application %s follows %q, want %s", d.name, spec.Source.TargetRevision, want)
		if guarded(p.env) {
			message += ", whose commits are approvals"
		}
		c.in(p.env, d.at("spec", "source", "targetRevision"), "wrong-revision", message, render(p.env))
	}
	c.renderer(d, p)
	if p.release != nil && spec.Source.Helm != nil {
		c.values(d, p)
	}
	return len(c.findings) == before
}

func (c *check) renderer(d *document, p place) {
	source := d.app.Spec.Source
	wrong := func(key, message string) {
		c.in(p.env, d.at("spec", "source", key), "other-renderer", fmt.Sprintf("Application %s %s", d.name, message), render(p.env))
	}
	if source.Path != p.path {
		wrong("path", fmt.Sprintf("renders %q, want %s", source.Path, p.path))
	}
	if source.Kustomize != nil {
		wrong("kustomize", "is rendered by kustomize")
	}
	if source.Plugin != nil {
		wrong("plugin", "is rendered by a plugin, which runs a program of its own")
	}
	switch {
	case p.release != nil && source.Directory != nil:
		wrong("directory", "is no chart but plain files")
	case p.release != nil && source.Helm == nil:
		wrong("path", "has no helm settings, and renders with the chart's defaults")
	case p.release == nil && source.Helm != nil:
		wrong("helm", "renders a chart, where it should read plain files")
	case p.release == nil && source.Directory == nil:
		wrong("path", "lets the files decide how they are rendered: directory is missing")
	case source.Directory != nil && !source.Directory.Jsonnet.IsZero():
		wrong("directory", "evaluates Jsonnet")
	}
}

// values reports values that do not come from the environment's own files.
func (c *check) values(d *document, p place) {
	helm := d.app.Spec.Source.Helm
	for _, other := range []struct {
		key string
		set bool
	}{
		{"parameters", len(helm.Parameters) > 0},
		{"fileParameters", len(helm.FileParameters) > 0},
		{"values", helm.Values != ""},
		{"valuesObject", helm.ValuesObject != nil},
		{"ignoreMissingValueFiles", helm.IgnoreMissingValueFiles},
		{"skipSchemaValidation", helm.SkipSchemaValidation},
		{"skipCrds", helm.SkipCrds},
		{"namespace", helm.Namespace != ""},
		{"version", helm.Version != ""},
		{"passCredentials", helm.PassCredentials},
		{"releaseName", helm.ReleaseName != p.release.Helm},
		{"kubeVersion", helm.KubeVersion != p.env.ClusterOf(*p.release).HelmVersion()},
		{"apiVersions", !slices.Equal(helm.APIVersions, p.env.ClusterOf(*p.release).APIVersions)},
	} {
		if other.set {
			c.in(p.env, d.at("spec", "source", "helm", other.key), "value-override",
				fmt.Sprintf("Application %s is rendered with %s, which gen neither checks nor shows", d.name, other.key), render(p.env))
		}
	}
	want := []string{"/" + p.env.ValuesFile(p.release.Name)}
	if _, follows := p.env.ApprovalBranch(); follows {
		want = append(want, "/"+p.env.ApprovalFile())
	}
	if !slices.Equal(helm.ValueFiles, want) {
		c.in(p.env, d.at("spec", "source", "helm", "valueFiles"), "wrong-value-files",
			fmt.Sprintf("Application %s reads value files %s, want %s", d.name,
				strings.Join(helm.ValueFiles, ", "), strings.Join(want, ", ")), render(p.env))
	}
}

// forbidden are annotations with which an Application changes how Argo CD
// treats it.
var forbidden = []string{
	"argocd.argoproj.io/skip-reconcile", "argocd.argoproj.io/compare-options",
}

// options are the only sync options that neither lose data nor skip a check.
var options = []string{"FailOnSharedResource=true", "PruneLast=true"}

// syncs reports what keeps the Application from becoming, and staying, what Git
// says.
func (c *check) syncs(d *document, p place) {
	app := d.app
	wrong := func(at finding.Position, message string) {
		c.in(p.env, at, "loose-sync", fmt.Sprintf("Application %s %s", d.name, message), render(p.env))
	}
	for i := range app.Spec.IgnoreDifferences {
		c.in(p.env, d.at("spec", "ignoreDifferences", i), "ignored-difference",
			fmt.Sprintf("Application %s ignores differences between cluster and Git", d.name), render(p.env))
	}
	for _, key := range forbidden {
		if _, ok := app.Annotations[key]; ok {
			wrong(d.at("metadata", "annotations", key), "has the annotation "+key)
		}
	}
	// Without the annotation Argo CD renders each commit, which is never wrong.
	if paths, ok := app.Annotations[delivery.PathsAnnotation]; ok && paths != p.paths() {
		message := fmt.Sprintf("names other files than those it is made from: %q, want %q", paths, p.paths())
		switch {
		case len(p.env.Delivery.SignatureKeys) > 0:
			message = "names the files it is made from: a commit that changes none of them would pass for signed"
		case !p.env.Delivery.SkipUnchanged:
			message = "names the files it is made from, and its environment does not say skipUnchanged: hooks would be left out where commits come close together"
		}
		wrong(d.at("metadata", "annotations", delivery.PathsAnnotation), message)
	}
	policy := app.Spec.SyncPolicy
	if policy == nil {
		policy = &v1alpha1.SyncPolicy{}
	}
	switch got, want := policy.Automated, p.automated; {
	case want == nil && got != nil:
		wrong(d.at("spec", "syncPolicy", "automated"), "syncs by itself, where an operator has to start each sync")
	case want != nil && (got == nil || *got != *want):
		wrong(d.at("spec", "syncPolicy", "automated"), fmt.Sprintf("does not sync as its environment says: prune %t, selfHeal %t", want.Prune, want.SelfHeal))
	}
	for i, option := range policy.SyncOptions {
		if !slices.Contains(options, option) {
			wrong(d.at("spec", "syncPolicy", "syncOptions", i), fmt.Sprintf("has the sync option %s, which is not among %s", option, strings.Join(options, ", ")))
		}
	}
	if len(p.env.Delivery.SignatureKeys) > 0 && (policy.Retry == nil || policy.Retry.Limit != 0) {
		wrong(d.at("spec", "syncPolicy", "retry"), "retries a refused commit, and the good one that follows has to wait: retry.limit must be 0")
	}
}
