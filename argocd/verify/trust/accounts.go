package trust

import (
	"fmt"
	"slices"
	"strings"

	"github.com/argoproj/argo-cd/v2/util/assets"
	"github.com/argoproj/argo-cd/v2/util/rbac"
	"k8s.io/client-go/kubernetes/fake"

	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// everyone is a subject that no policy names, so that it has the default role
// and no other.
const everyone = "anyone who logs in"

// accounts asks Argo CD's RBAC engine who may do to guarded environments what
// only an approval may.
func (c *check) accounts() {
	data := c.configMap(rbacConfigMap)
	policy := rbac.PolicyCSV(data)
	for _, env := range c.Environments {
		if project := c.project(env.Name); project != nil {
			policy += "\n" + project.project.ProjectPoliciesString()
		}
	}
	enforcer := rbac.NewEnforcer(fake.NewClientset(), delivery.Namespace, rbacConfigMap, nil)
	enforcer.SetDefaultRole(data[rbac.ConfigMapPolicyDefaultKey])
	enforcer.SetMatchMode(data[rbac.ConfigMapMatchModeKey])
	err := enforcer.SetBuiltinPolicy(assets.BuiltinPolicyCSV)
	if err == nil {
		err = enforcer.SetUserPolicy(policy)
	}
	if err != nil {
		c.report(c.setting("policy.csv"), "open-rbac", fmt.Sprintf("Argo CD can't read its policy: %v", err), "")
		return
	}
	c.tokens(enforcer)
	admins := members(policy, "role:admin")
	for _, env := range c.Environments {
		if !guarded(env) {
			continue
		}
		for _, subject := range append([]string{everyone}, subjects(policy)...) {
			if slices.Contains(admins, subject) {
				continue // named to be an administrator; admission binds these too
			}
			c.account(enforcer, env, subject)
		}
	}
}

const rbacConfigMap = "argocd-rbac-cm"

func (c *check) account(enforcer *rbac.Enforcer, env *environment.Environment, subject string) {
	type request struct{ resource, action, object string }
	requests := []request{{"projects", "update", env.Name}, {"gpgkeys", "create", testKey}, {"gpgkeys", "delete", testKey}}
	for _, release := range env.Releases {
		app := env.Name + "/" + delivery.ApplicationNamespace(env.Name) + "/" + release.Name
		for _, action := range []string{"override", "create", "update", "delete", "action/apps/Deployment/restart"} {
			requests = append(requests, request{"applications", action, app})
		}
		requests = append(requests, request{"exec", "create", app})
		if subject == everyone {
			requests = append(requests, request{"applications", "sync", app})
		}
	}
	for _, r := range requests {
		// The default role is everyone's: reported once, and not for each.
		if !enforcer.Enforce(subject, r.resource, r.action, r.object) || subject != everyone && enforcer.Enforce(everyone, r.resource, r.action, r.object) {
			continue
		}
		at := c.rbacPosition(subject)
		c.in(env, at, "open-rbac", fmt.Sprintf("%s may %s %s %s", subject, r.action, r.resource, r.object),
			"operators may get and sync, and nothing else; see argocd/bootstrap/settings/argocd-rbac-cm.yaml")
		return // one is enough to see which line is wrong
	}
}

const testKey = "0000000000000000"

func (c *check) rbacPosition(subject string) finding.Position {
	if subject == everyone {
		return c.setting("policy.default")
	}
	for _, prefix := range []string{"p, " + subject, "g, " + subject} {
		if at := c.setting(prefix); at.Line > 0 {
			return at
		}
	}
	return c.setting("policy.csv")
}

// subjects returns every user, group and role that a policy names, but for
// Argo CD's own administrators.
func subjects(policy string) []string {
	var out []string
	for _, fields := range lines(policy) {
		if subject := fields[1]; subject != "role:admin" && subject != "admin" && !slices.Contains(out, subject) {
			out = append(out, subject)
		}
	}
	return out
}

func members(policy, role string) []string {
	var out []string
	for _, fields := range lines(policy) {
		if fields[0] == "g" && len(fields) > 2 && fields[2] == role {
			out = append(out, fields[1])
		}
	}
	return out
}

func lines(policy string) [][]string {
	var out [][]string
	for _, line := range strings.Split(policy, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, ",")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		if len(fields) > 1 {
			out = append(out, fields)
		}
	}
	return out
}
