// Package trust judges the files under argocd/ with Argo CD's own code: whether
// what they let happen is what the environments allow, and nothing more.
//
// The question is never how a file looks but what Argo CD would do with it. Its
// types decode the files, its AppProject says what is permitted, its RBAC
// engine says who may do what. Around those answers stand the rules of this
// package, one per way in which production could be reached past an approval.
// They assume an author who wants exactly that, and who can merge to main.
package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/argoproj/argo-cd/v2/pkg/apis/application/v1alpha1"

	"gitlab.com/towpath/towpath/argocd/verify/bootstrap"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// Input is what there is to judge.
type Input struct {
	// Repo is the repository from its root.
	Repo fs.FS
	// Environments are all there are, valid and in any order.
	Environments []*environment.Environment
	// Install is the content of Argo CD's manifests/install.yaml.
	Install []byte
	// Kinds returns the kinds that an Application creates. If its chart can't be
	// rendered, the error is a [finding.List].
	Kinds func(*v1alpha1.Application) ([]schema.GroupKind, error)
	// Now is the time from which on sync windows have to let syncs happen.
	Now time.Time
}

// Check returns everything that is wrong, in the order of files. The error
// reports what prevented the check itself.
func Check(in Input) (finding.List, error) {
	c := &check{Input: in}
	var err error
	if c.documents, err = c.read(); err != nil {
		return nil, err
	}
	c.built, err = bootstrap.Build(in.Repo, in.Install)
	if err != nil {
		// What bootstrap would bring can't be known, so its settings can't be
		// judged; the files still can.
		rule, help := "bootstrap-broken", "kubectl kustomize "+bootstrap.Dir+" shows the same"
		if errors.Is(err, bootstrap.ErrOutside) {
			rule, help = "bootstrap-not-closed", "bootstrap may take in files of the repository, and Argo CD's manifests at "+bootstrap.Install
		}
		c.report(whole(bootstrap.Kustomization), rule, err.Error(), help)
	}
	c.projects()
	c.applications()
	c.sets()
	c.leftOver()
	c.sourceOverrides()
	if c.built != nil {
		c.delivered()
		c.settings()
		c.accounts()
		c.admission()
	}
	return c.findings.Sort(), nil
}

type check struct {
	Input
	documents []*document
	// built is bootstrap as kubectl would apply it, or nil.
	built    []*unstructured.Unstructured
	findings finding.List
}

func (c *check) report(at finding.Position, rule, message, help string) {
	c.findings = append(c.findings, finding.Finding{
		Rule: rule, Severity: finding.Error, Position: at, Message: message, Help: help,
	})
}

// in reports a finding that belongs to an environment.
func (c *check) in(env *environment.Environment, at finding.Position, rule, message, help string) {
	c.report(at, rule, message, help)
	c.findings[len(c.findings)-1].Environment = env.Name
}

// guarded reports whether only approvals may change an environment.
func guarded(env *environment.Environment) bool {
	_, follows := env.ApprovalBranch()
	return follows || env.Tier == "production"
}

// revision returns the ref that the environment has to follow.
func revision(env *environment.Environment) string {
	if branch, _ := env.ApprovalBranch(); guarded(env) {
		return branch
	}
	return env.Delivery.Revision
}

func (c *check) environment(name string) *environment.Environment {
	i := slices.IndexFunc(c.Environments, func(env *environment.Environment) bool { return env.Name == name })
	if i < 0 {
		return nil
	}
	return c.Environments[i]
}

// keeper returns the environment whose approvals carry the AppProjects, or nil.
func (c *check) keeper() *environment.Environment {
	var keeper *environment.Environment
	for _, env := range c.Environments {
		if _, follows := env.ApprovalBranch(); follows && (keeper == nil || env.Name < keeper.Name) {
			keeper = env
		}
	}
	return keeper
}

// render names the command that restores the produced files of an environment.
func render(env *environment.Environment) string {
	return fmt.Sprintf("the file is produced: change %s and run gen render %s", env.Dir(), env.Name)
}

// leftOver reports Argo CD's objects that no rule expects where they are.
func (c *check) leftOver() {
	for _, d := range c.documents {
		if d.judged || d.unreadable || d.apiVersion != "argoproj.io/v1alpha1" {
			continue
		}
		c.report(d.at("kind"), "unexpected-object", fmt.Sprintf("%s %s/%s has no place in this file", d.kind, d.namespace, d.name),
			"Applications of a release belong in "+delivery.Dir+"/NAME, AppProjects in "+delivery.ProjectsDir+
				", root Applications in "+delivery.EnvironmentsDir+"; all of them are produced by gen render")
	}
}
