package trust

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v2/util/gpg"

	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
)

// expected is what an AppProject may permit at most.
type expected struct {
	env *environment.Environment
	// root tells that the project binds Applications that write Applications or
	// AppProjects.
	root bool
	// destinations are one for each cluster that the environment runs in.
	destinations     []v1alpha1.ApplicationDestination
	kinds            []metav1.GroupKind
	sourceNamespaces []string
}

func (c *check) expectedProjects() map[string]expected {
	out := map[string]expected{}
	for _, env := range c.Environments {
		var kinds []metav1.GroupKind
		for _, name := range env.Delivery.Kinds {
			kind, group, _ := strings.Cut(name, ".")
			kinds = append(kinds, metav1.GroupKind{Group: group, Kind: kind})
		}
		var destinations []v1alpha1.ApplicationDestination
		for _, place := range env.Places() {
			destinations = append(destinations, v1alpha1.ApplicationDestination{Server: place.Server, Namespace: env.Namespace})
		}
		namespace := delivery.ApplicationNamespace(env.Name)
		out[env.Name] = expected{
			env:              env,
			destinations:     destinations,
			kinds:            kinds,
			sourceNamespaces: []string{namespace},
		}
		rootKinds := []metav1.GroupKind{{Group: "argoproj.io", Kind: "Application"}}
		if len(env.Rollout) > 0 {
			rootKinds = append(rootKinds, metav1.GroupKind{Group: "argoproj.io", Kind: "ApplicationSet"})
		}
		out[delivery.Root(env.Name)] = expected{
			env: env, root: true,
			destinations: []v1alpha1.ApplicationDestination{{Server: delivery.InCluster, Namespace: namespace}},
			kinds:        rootKinds,
		}
	}
	if keeper := c.keeper(); keeper != nil {
		out[delivery.Projects] = expected{
			env: keeper, root: true,
			destinations: []v1alpha1.ApplicationDestination{{Server: delivery.InCluster, Namespace: delivery.Namespace}},
			kinds:        []metav1.GroupKind{{Group: "argoproj.io", Kind: "AppProject"}},
		}
	}
	return out
}

// project returns the AppProject of the given name that Argo CD would use.
func (c *check) project(name string) *document {
	i := slices.IndexFunc(c.documents, func(d *document) bool {
		return d.project != nil && d.judged && d.name == name
	})
	if i < 0 {
		return nil
	}
	return c.documents[i]
}

func (c *check) projects() {
	want := c.expectedProjects()
	var defaultProject *document
	for _, d := range c.documents {
		if d.project == nil || !strings.HasPrefix(d.file, delivery.ProjectsDir+"/") || d.namespace != delivery.Namespace {
			continue // leftOver reports it
		}
		if d.name == v1alpha1.DefaultAppProjectName {
			d.judged, defaultProject = true, d
			continue
		}
		w, ok := want[d.name]
		if !ok || c.project(d.name) != nil {
			continue
		}
		d.judged = true
		if err := d.project.DeepCopy().ValidateProject(); err != nil {
			c.in(w.env, d.at("spec"), "unreadable-object", fmt.Sprintf("Argo CD refuses AppProject %s: %v", d.name, err), render(w.env))
		}
		c.judgeProject(d, w)
	}
	for _, env := range c.Environments {
		for _, name := range []string{env.Name, delivery.Root(env.Name)} {
			if c.project(name) == nil {
				c.in(env, whole(delivery.ProjectsDir+"/"+name+".yaml"), "missing-project",
					fmt.Sprintf("environment %s has no AppProject %s", env.Name, name), "run gen render "+env.Name)
			}
		}
	}
	c.judgeDefault(defaultProject)
	c.overlaps(want)
}

// judgeProject compares each entry with what is expected, and then asks Argo CD
// itself about things that nobody may do: its patterns say more than they show.
func (c *check) judgeProject(d *document, w expected) {
	p := d.project
	found := len(c.findings)
	for i, repo := range p.Spec.SourceRepos {
		if repo != w.env.Delivery.Repository {
			c.in(w.env, d.at("spec", "sourceRepos", i), "wide-source",
				fmt.Sprintf("AppProject %s permits the source %q besides %s", d.name, repo, w.env.Delivery.Repository), render(w.env))
		}
	}
	if len(c.findings) == found && p.IsSourcePermitted(v1alpha1.ApplicationSource{RepoURL: "https://example.invalid/any.git"}) {
		c.in(w.env, d.at("spec", "sourceRepos"), "wide-source",
			fmt.Sprintf("AppProject %s permits any source", d.name), render(w.env))
	}
	c.judgeDestinations(d, w)
	c.judgeKinds(d, w)
	for i, namespace := range p.Spec.SourceNamespaces {
		if !slices.Contains(w.sourceNamespaces, namespace) {
			c.in(w.env, d.at("spec", "sourceNamespaces", i), "foreign-namespace",
				fmt.Sprintf("Applications in namespace %s may use AppProject %s", namespace, d.name), render(w.env))
		}
	}
	c.judgeSignatures(d, w)
}

func (c *check) judgeDestinations(d *document, w expected) {
	rule := "wide-destination"
	if w.root {
		rule = "wide-root"
	}
	found := len(c.findings)
	for i, dest := range d.project.Spec.Destinations {
		if !slices.Contains(w.destinations, dest) {
			var only []string
			for _, want := range w.destinations {
				only = append(only, want.Namespace+" of "+want.Server)
			}
			c.in(w.env, d.at("spec", "destinations", i), rule, fmt.Sprintf("AppProject %s permits namespace %q of %s, and should permit %s only",
				d.name, dest.Namespace, dest.Server+dest.Name, strings.Join(only, " and ")), render(w.env))
		}
	}
	none := func(string) ([]*v1alpha1.Cluster, error) { return nil, nil }
	for _, dest := range w.destinations {
		for _, namespace := range []string{"kube-system", "any-other"} {
			permitted, err := d.project.IsDestinationPermitted(v1alpha1.ApplicationDestination{Server: dest.Server, Namespace: namespace}, none)
			if err == nil && permitted && len(c.findings) == found {
				c.in(w.env, d.at("spec", "destinations"), rule,
					fmt.Sprintf("AppProject %s permits namespace %s", d.name, namespace), render(w.env))
			}
		}
	}
}

func (c *check) judgeKinds(d *document, w expected) {
	rule := "wide-kind"
	if w.root {
		rule = "wide-root"
	}
	p := d.project
	found := len(c.findings)
	for i, kind := range p.Spec.NamespaceResourceWhitelist {
		if !slices.Contains(w.kinds, kind) {
			c.in(w.env, d.at("spec", "namespaceResourceWhitelist", i), rule,
				fmt.Sprintf("AppProject %s permits kind %q of group %q, which environment %s does not list", d.name, kind.Kind, kind.Group, w.env.Name),
				"list it in delivery.kinds of "+w.env.Dir()+" if releases need it; "+render(w.env))
		}
	}
	if len(c.findings) == found && p.IsGroupKindPermitted(schema.GroupKind{Group: "example.invalid", Kind: "Any"}, true) {
		c.in(w.env, d.at("spec", "namespaceResourceWhitelist"), rule,
			fmt.Sprintf("AppProject %s lists no kinds, which Argo CD takes for permission for all", d.name), render(w.env))
	}
	for i, kind := range p.Spec.ClusterResourceWhitelist {
		c.in(w.env, d.at("spec", "clusterResourceWhitelist", i), "cluster-kinds",
			fmt.Sprintf("AppProject %s permits the cluster-wide kind %q of group %q", d.name, kind.Kind, kind.Group),
			"cluster-wide objects belong in argocd/bootstrap; "+render(w.env))
	}
}

func (c *check) judgeSignatures(d *document, w expected) {
	keys := d.project.Spec.SignatureKeys
	if len(keys) == 0 {
		if guarded(w.env) || len(w.env.Delivery.SignatureKeys) > 0 {
			c.in(w.env, d.at("spec"), "unsigned-project",
				fmt.Sprintf("AppProject %s has no signatureKeys: Argo CD would apply commits that nobody signed", d.name), render(w.env))
		}
		return
	}
	for i, key := range keys {
		if gpg.KeyID(key.KeyID) == "" || !slices.Contains(w.env.Delivery.SignatureKeys, key.KeyID) {
			c.in(w.env, d.at("spec", "signatureKeys", i), "unknown-signature-key",
				fmt.Sprintf("AppProject %s accepts commits of key %q, which is not a key of environment %s", d.name, key.KeyID, w.env.Name), render(w.env))
		}
	}
}

// judgeDefault makes sure that the AppProject which Argo CD makes for itself,
// open to all, is closed.
func (c *check) judgeDefault(d *document) {
	help := "run gen render: " + delivery.ProjectsDir + "/default.yaml permits nothing"
	if d == nil {
		c.report(whole(delivery.ProjectsDir+"/default.yaml"), "default-project-open",
			"nothing closes the AppProject default, in which Argo CD permits everything", help)
		return
	}
	p := d.project
	for _, open := range []struct {
		key  string
		open bool
	}{
		// A list that is absent leaves what Argo CD wrote there.
		{"sourceRepos", p.Spec.SourceRepos == nil || len(p.Spec.SourceRepos) > 0},
		{"sourceNamespaces", len(p.Spec.SourceNamespaces) > 0},
		{"destinations", p.Spec.Destinations == nil || len(p.Spec.Destinations) > 0},
		{"clusterResourceWhitelist", p.Spec.ClusterResourceWhitelist == nil || len(p.Spec.ClusterResourceWhitelist) > 0},
		{"namespaceResourceBlacklist", p.IsGroupKindPermitted(schema.GroupKind{Kind: "ConfigMap"}, true)},
	} {
		if open.open {
			c.report(d.at("spec", open.key), "default-project-open", "the AppProject default is open: "+open.key+" must permit nothing", help)
		}
	}
}

// overlaps reports environments that share a namespace, where each could change
// what the other owns.
func (c *check) overlaps(want map[string]expected) {
	owner := map[v1alpha1.ApplicationDestination]*environment.Environment{}
	for _, env := range c.Environments {
		for _, name := range []string{env.Name, delivery.Root(env.Name)} {
			for _, dest := range want[name].destinations {
				if other, taken := owner[dest]; taken && other != env {
					c.in(env, c.position(name, "spec", "destinations"), "project-namespace-overlap",
						fmt.Sprintf("environments %s and %s both write to namespace %s of %s", other.Name, env.Name, dest.Namespace, dest.Server),
						fmt.Sprintf("give %s a namespace of its own", env.Dir()))
				}
				owner[dest] = env
			}
		}
	}
}
