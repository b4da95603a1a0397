package trust

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v2/util/argo"
	"github.com/argoproj/argo-cd/v2/util/db"
	"github.com/argoproj/argo-cd/v2/util/security"

	"gitlab.com/towpath/towpath/argocd/verify/bootstrap"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/finding"
)

// clusters answers what Argo CD asks about clusters: every one is known.
type clusters struct{ db.ArgoDB }

func (clusters) GetCluster(_ context.Context, server string) (*v1alpha1.Cluster, error) {
	return &v1alpha1.Cluster{Server: server, Name: server}, nil
}

func (clusters) GetProjectClusters(context.Context, string) ([]*v1alpha1.Cluster, error) {
	return nil, nil
}

// permitted asks Argo CD whether it would sync the Application.
func (c *check) permitted(d *document, p place) {
	project := c.project(p.project)
	if project == nil {
		return // reported as missing
	}
	before := len(c.findings)
	refused := func(at finding.Position, message string) {
		c.in(p.env, at, "not-permitted", fmt.Sprintf("Argo CD would not sync Application %s: %s", d.name, message), render(p.env))
	}
	if !project.project.IsAppNamespacePermitted(d.app, delivery.Namespace) {
		refused(project.at("spec", "sourceNamespaces"), fmt.Sprintf("AppProject %s does not permit namespace %s", project.name, d.namespace))
	}
	conditions, err := argo.ValidatePermissions(context.Background(), d.app.Spec.DeepCopy(), project.project, clusters{})
	if err != nil {
		refused(d.at("spec"), err.Error())
	}
	for _, condition := range conditions {
		at := d.at("spec", "destination")
		if strings.Contains(condition.Message, "repo") {
			at = d.at("spec", "source", "repoURL")
		}
		refused(at, condition.Message)
	}
	if dest := d.app.Spec.Destination; !dest.Equals(c.destination(p)) && len(c.findings) == before {
		whose := "its environment's"
		if p.release != nil && p.release.Region != "" {
			whose = "that of its region " + p.release.Region
		}
		refused(d.at("spec", "destination"), fmt.Sprintf("namespace %s of %s is not %s", dest.Namespace, dest.Server, whose))
	}
	if c.built != nil && !security.IsNamespaceEnabled(d.namespace, delivery.Namespace, c.applicationNamespaces()) {
		refused(d.at("metadata", "namespace"), fmt.Sprintf("application.namespaces does not enable namespace %s", d.namespace))
	}
	c.windows(d, p, project)
	if p.release != nil {
		c.kinds(d, p, project)
	}
}

// destination returns where the Application of a place writes: each region's in the
// region's own cluster, though the AppProject permits those of the others too.
func (c *check) destination(p place) v1alpha1.ApplicationDestination {
	if p.release == nil {
		return c.expectedProjects()[p.project].destinations[0]
	}
	return v1alpha1.ApplicationDestination{Server: p.env.ClusterOf(*p.release).Server, Namespace: p.env.Namespace}
}

// kinds reports objects of a release that its AppProject, or Argo CD's settings,
// keep from the cluster.
func (c *check) kinds(d *document, p place, project *document) {
	kinds, err := c.Kinds(d.app)
	if err != nil {
		findings, rest := finding.From(err)
		if rest != nil {
			c.in(p.env, d.at("spec", "source", "path"), "not-permitted", fmt.Sprintf("the kinds of Application %s can't be found: %v", d.name, rest), "")
		}
		c.findings = append(c.findings, findings...)
		return
	}
	filter := c.resourcesFilter()
	for _, kind := range kinds {
		// Cluster-wide kinds are permitted by another list, which is empty; a
		// chart can't know which of the two a kind is.
		if !project.project.IsGroupKindPermitted(kind, true) {
			c.in(p.env, project.at("spec", "namespaceResourceWhitelist"), "kind-not-permitted",
				fmt.Sprintf("release %s creates a %s, which AppProject %s does not permit", d.name, kind, project.name),
				fmt.Sprintf("add %q to delivery.kinds in %s and run gen render %s", kind, p.env.Dir(), p.env.Name))
		}
		if filter != nil && filter.IsExcludedResource(kind.Group, kind.Kind, d.app.Spec.Destination.Server) {
			c.in(p.env, c.setting("resource.exclusions"), "unsafe-setting",
				fmt.Sprintf("Argo CD is set to leave out every %s, and release %s has one", kind, d.name), "")
		}
	}
}

// delivered reports AppProjects and roots that the Job of bootstrap would not
// apply as they stand in the repository, and what it would apply besides.
func (c *check) delivered() {
	applied := map[string]string{}
	for _, o := range c.built {
		if o.GetKind() == "ConfigMap" && strings.HasPrefix(o.GetName(), "delivery-") {
			for name, text := range stringMap(o, "data") {
				applied[text] = o.GetName() + "/" + name
			}
		}
	}
	known := map[string]bool{}
	for _, d := range c.documents {
		if !strings.HasPrefix(d.file, delivery.ProjectsDir+"/") && !strings.HasPrefix(d.file, delivery.EnvironmentsDir+"/") {
			continue
		}
		text, err := fs.ReadFile(c.Repo, d.file)
		if err != nil {
			continue // read reported it
		}
		known[string(text)] = true
		if _, ok := applied[string(text)]; ok || !d.judged {
			continue
		}
		rule := "missing-project"
		if d.app != nil {
			rule = "missing-root"
		}
		c.report(d.at("metadata", "name"), rule, fmt.Sprintf("bootstrap does not apply %s %s from this file", d.kind, d.name),
			"run gen render, which lists it in a kustomization")
	}
	for text, name := range applied {
		if !known[text] {
			c.report(whole(bootstrap.Kustomization), "unexpected-object",
				fmt.Sprintf("bootstrap applies %s, which is no file of %s or %s", name, delivery.ProjectsDir, delivery.EnvironmentsDir), "")
		}
	}
}

// sourceOverrides reports files with which a folder changes how Argo CD renders
// it, whatever its Application says.
func (c *check) sourceOverrides() {
	for _, dir := range []string{"charts", delivery.Dir} {
		_ = fs.WalkDir(c.Repo, dir, func(name string, _ fs.DirEntry, err error) error {
			if err != nil {
				return nil //nolint:nilerr // no charts, no overrides
			}
			if base := path.Base(name); strings.HasPrefix(base, ".argocd-source") && slices.Contains([]string{".yaml", ".yml"}, path.Ext(base)) {
				c.report(whole(name), "value-override", "Argo CD merges this file into the source of every Application of the folder",
					"delete it, and set values in envs")
			}
			return nil
		})
	}
}
