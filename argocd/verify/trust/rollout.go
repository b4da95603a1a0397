package trust

import (
	"fmt"
	"path"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
)

// sets judges ApplicationSets: what they would do beyond making Applications from a
// list, the order in which they sync them, and then each Application that Argo CD's own
// code makes of them, as if it stood in the repository.
func (c *check) sets() {
	for _, d := range c.documents {
		if d.set == nil {
			continue
		}
		env := c.environment(path.Base(path.Dir(d.file)))
		if env == nil || len(env.Rollout) == 0 || path.Dir(d.file) != delivery.Dir+"/"+env.Name {
			continue // leftOver reports it
		}
		releases := releasesOf(env, d.name)
		if len(releases) == 0 {
			continue
		}
		d.judged = true
		if want := delivery.ApplicationNamespace(env.Name); d.namespace != want {
			c.in(env, d.at("metadata", "namespace"), "foreign-namespace",
				fmt.Sprintf("ApplicationSet %s is in namespace %q, want %s", d.name, d.namespace, want), render(env))
			continue
		}
		if c.plain(d, env) {
			c.steps(d, env)
			c.generated(d, env, releases)
		}
	}
}

// releasesOf returns the releases of a name, one for each region.
func releasesOf(env *environment.Environment, helm string) []environment.Release {
	return slices.DeleteFunc(slices.Clone(env.Releases), func(r environment.Release) bool { return r.Helm != helm })
}

// plain reports whether the ApplicationSet makes its Applications of the list and the
// template that it shows, and of nothing else.
func (c *check) plain(d *document, env *environment.Environment) bool {
	spec := d.set.Spec
	before := len(c.findings)
	wrong := func(rule, message string, way ...any) {
		c.in(env, d.at(append([]any{"spec"}, way...)...), rule, fmt.Sprintf("ApplicationSet %s %s", d.name, message), render(env))
	}
	if !isList(spec.Generators) {
		wrong("second-source", "makes Applications of something else than one list", "generators")
	}
	if !spec.GoTemplate || !slices.Equal(spec.GoTemplateOptions, []string{"missingkey=error"}) {
		wrong("second-source", "is no Go template that fails on a key that is missing", "goTemplateOptions")
	}
	if spec.TemplatePatch != nil && *spec.TemplatePatch != delivery.APIVersionsPatch {
		wrong("value-override", "patches its Applications with more than their API versions", "templatePatch")
	}
	if len(spec.IgnoreApplicationDifferences) > 0 {
		wrong("ignored-difference", "ignores differences between its Applications and what it makes", "ignoreApplicationDifferences")
	}
	if spec.PreservedFields != nil {
		wrong("ignored-difference", "keeps labels or annotations that others wrote", "preservedFields")
	}
	policy := spec.SyncPolicy
	if policy == nil {
		policy = &v1alpha1.ApplicationSetSyncPolicy{}
	}
	_, follows := env.ApprovalBranch()
	if policy.ApplicationsSync != nil || policy.PreserveResourcesOnDeletion != follows {
		wrong("loose-sync", fmt.Sprintf("has to have preserveResourcesOnDeletion: %t in its syncPolicy, and nothing else", follows), "syncPolicy")
	}
	for i, finalizer := range spec.Template.Finalizers {
		if follows || finalizer != v1alpha1.ResourcesFinalizerName {
			wrong("loose-sync", fmt.Sprintf("gives its Applications the finalizer %s", finalizer), "template", "metadata", "finalizers", i)
		}
	}
	return len(c.findings) == before
}

// isList reports whether there is one generator, and it is a list that says all there is.
func isList(generators []v1alpha1.ApplicationSetGenerator) bool {
	if len(generators) != 1 {
		return false
	}
	g := generators[0]
	return g.List != nil && g.Clusters == nil && g.Git == nil && g.SCMProvider == nil && g.ClusterDecisionResource == nil &&
		g.PullRequest == nil && g.Matrix == nil && g.Merge == nil && g.Plugin == nil && g.Selector == nil &&
		g.List.ElementsYaml == "" && isEmpty(g.List.Template)
}

func isEmpty(t v1alpha1.ApplicationSetTemplate) bool {
	return t.Name == "" && t.Namespace == "" && len(t.Labels)+len(t.Annotations)+len(t.Finalizers) == 0 &&
		t.Spec.Source == nil && len(t.Spec.Sources) == 0 && t.Spec.SourceHydrator == nil && t.Spec.Project == "" &&
		t.Spec.Destination == v1alpha1.ApplicationDestination{} && t.Spec.SyncPolicy == nil &&
		len(t.Spec.IgnoreDifferences)+len(t.Spec.Info) == 0 && t.Spec.RevisionHistoryLimit == nil
}

// steps reports an order that is not the rollout's.
func (c *check) steps(d *document, env *environment.Environment) {
	wrong := func(way ...any) {
		c.in(env, d.at(append([]any{"spec", "strategy"}, way...)...), "unordered-rollout",
			fmt.Sprintf("ApplicationSet %s does not sync its regions in the order of the rollout: %v", d.name, env.Rollout), render(env))
	}
	strategy := d.set.Spec.Strategy
	if strategy == nil || strategy.Type != "RollingSync" || strategy.RollingSync == nil || len(strategy.RollingSync.Steps) != len(env.Rollout) {
		wrong()
		return
	}
	for i, step := range strategy.RollingSync.Steps {
		m := step.MatchExpressions
		if step.MaxUpdate != nil || len(m) != 1 || m[0].Key != delivery.RegionLabel || m[0].Operator != "In" || !slices.Equal(m[0].Values, env.Rollout[i]) {
			wrong("rollingSync", "steps", i)
		}
	}
}

// generated judges the Applications that the ApplicationSet makes.
func (c *check) generated(d *document, env *environment.Environment, releases []environment.Release) {
	apps, err := Generate(d.set)
	if err != nil {
		c.in(env, d.at("spec", "template"), "unreadable-object", fmt.Sprintf("Argo CD makes nothing of ApplicationSet %s: %v", d.name, err), render(env))
		return
	}
	_, template := child(d.node, "spec")
	if template != nil {
		_, template = child(template, "template")
	}
	if template == nil {
		template = d.node
	}
	_, list := child(d.node, "spec")
	for i, app := range apps {
		at := d.at("spec", "generators", 0, "list", "elements", i)
		release := slices.IndexFunc(releases, func(r environment.Release) bool { return r.Name == app.Name })
		if release < 0 || list == nil {
			c.in(env, at, "unexpected-object", fmt.Sprintf("ApplicationSet %s makes an Application %s, which is that of no region, or of one for the second time", d.name, app.Name), render(env))
			continue
		}
		r := releases[release]
		releases = slices.Delete(releases, release, release+1)
		if app.Labels[delivery.RegionLabel] != r.Region {
			c.in(env, at, "unordered-rollout", fmt.Sprintf("Application %s has the label of region %q, and with it a place in the order that is not its own", app.Name, app.Labels[delivery.RegionLabel]), render(env))
		}
		if len(app.OwnerReferences) > 0 || app.Operation != nil {
			c.in(env, at, "unreadable-object", fmt.Sprintf("Application %s is more than metadata and spec", app.Name), render(env))
		}
		one := &document{
			file: d.file, node: template, app: app, kind: "Application",
			apiVersion: d.apiVersion, namespace: app.Namespace, name: app.Name, judged: true,
		}
		c.judge(one, ofRelease(env, r))
	}
	for _, r := range releases {
		c.in(env, d.at("spec", "generators"), "unordered-rollout", fmt.Sprintf("ApplicationSet %s makes no Application of region %s", d.name, r.Region), render(env))
	}
}

// order reports a rollout whose order the API server does not keep.
func (c *check) order(policies map[string]*admissionv1.ValidatingAdmissionPolicy, bindings []*admissionv1.ValidatingAdmissionPolicyBinding) {
	for _, env := range c.Environments {
		if len(env.Rollout) == 0 {
			continue
		}
		g := guard{policy: delivery.InOrder, namespace: delivery.ApplicationNamespace(env.Name), group: "argoproj.io", resource: "applications"}
		// Without this label the controller may not sync at all.
		if c.labelled(g.namespace, delivery.RolloutLabel) {
			g.label = delivery.RolloutLabel
		}
		why := g.inForce(policies[g.policy], admissionv1.Update)
		var before []string
		for i, step := range env.Rollout {
			for _, region := range step {
				if i > 0 && why == "" && !slices.ContainsFunc(bindings, func(b *admissionv1.ValidatingAdmissionPolicyBinding) bool { return g.waits(b, region, before, env) }) {
					why = fmt.Sprintf("no binding has region %s wait for %s", region, strings.Join(before, ", "))
				}
			}
			before = append(before, step...)
		}
		if why != "" {
			c.in(env, c.setting("name: "+delivery.InOrder+"-"+env.Name), "unordered-rollout",
				fmt.Sprintf("admission policy %s is not in force in namespace %s: %s", g.policy, g.namespace, why),
				"restore the policy in argocd/bootstrap/admission, and run gen render "+env.Name+" for its bindings")
		}
	}
}

// labelled reports whether bootstrap gives a namespace a label.
func (c *check) labelled(namespace, label string) bool {
	return slices.ContainsFunc(c.built, func(o *unstructured.Unstructured) bool {
		return o.GetKind() == "Namespace" && o.GetName() == namespace && o.GetLabels()[label] == "true"
	})
}

// waits reports whether the binding has the Applications of a region wait for those of
// the regions before it.
func (g guard) waits(b *admissionv1.ValidatingAdmissionPolicyBinding, region string, before []string, env *environment.Environment) bool {
	match, param := b.Spec.MatchResources, b.Spec.ParamRef
	if b.Spec.PolicyName != g.policy || !slices.Contains(b.Spec.ValidationActions, admissionv1.Deny) || match == nil || param == nil ||
		param.Name != "" || param.Namespace != "" || param.ParameterNotFoundAction == nil || *param.ParameterNotFoundAction != admissionv1.DenyAction ||
		len(match.ExcludeResourceRules) > 0 || len(match.ResourceRules) > 0 {
		return false
	}
	if !selects(match.NamespaceSelector, labels.Set{"kubernetes.io/metadata.name": g.namespace}) ||
		!selects(match.ObjectSelector, labels.Set{delivery.RegionLabel: region}) {
		return false
	}
	for other := range env.Regions {
		if selects(param.Selector, labels.Set{delivery.RegionLabel: other}) != slices.Contains(before, other) {
			return false
		}
	}
	return true
}

func selects(selector *metav1.LabelSelector, set labels.Set) bool {
	if selector == nil {
		return false
	}
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(set)
}

// rolloutNamespaces reports settings of the ApplicationSet controller by which it would
// do more than the environments' rollouts, or less.
func (c *check) rolloutNamespaces() {
	const key, progressive = "applicationsetcontroller.namespaces", "applicationsetcontroller.enable.progressive.syncs"
	settings := c.configMap("argocd-cmd-params-cm")
	var known []string
	for _, env := range c.Environments {
		if len(env.Rollout) > 0 {
			known = append(known, delivery.ApplicationNamespace(env.Name))
		}
	}
	for _, namespace := range split(settings[key]) {
		if !slices.Contains(known, namespace) {
			c.report(c.setting(key), "open-namespaces",
				fmt.Sprintf("%s lets Argo CD carry out ApplicationSets of %q, which is not the namespace of an environment with a rollout", key, namespace),
				"run gen render, which lists those of environments with a rollout one by one")
		}
	}
	for _, namespace := range known {
		if !slices.Contains(split(settings[key]), namespace) {
			c.report(c.setting(key), "unordered-rollout", fmt.Sprintf("%s does not have %s: nothing would make the Applications of its ApplicationSets", key, namespace), "run gen render")
		}
	}
	if len(known) > 0 && settings[progressive] != "true" {
		c.report(c.setting(progressive), "unordered-rollout", fmt.Sprintf("%s is %q: a change would reach every region at once", progressive, settings[progressive]),
			fmt.Sprintf("set it to %q", "true"))
	}
}

// setsFromGit is the guard of ApplicationSets in a namespace.
func setsFromGit(namespace string) guard {
	return guard{delivery.SetsFromGit, namespace, "argoproj.io", "applicationsets", ""}
}

// ofRelease is the place of a release's Application.
func ofRelease(env *environment.Environment, release environment.Release) place {
	p := place{
		env: env, release: &release, name: release.Name, project: env.Name,
		namespace: delivery.ApplicationNamespace(env.Name), path: "charts/" + release.Chart,
	}
	if env.SyncOf(release) == "automated" {
		p.automated = &v1alpha1.SyncPolicyAutomated{Prune: env.Delivery.Prune, SelfHeal: env.Delivery.SelfHeal}
	}
	return p
}

// judge judges an Application that belongs to a place.
func (c *check) judge(d *document, p place) {
	if c.belongs(d, p) && c.source(d, p) {
		c.syncs(d, p)
		c.permitted(d, p)
	}
}
