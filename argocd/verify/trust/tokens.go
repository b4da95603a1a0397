package trust

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/argoproj/argo-cd/v2/util/rbac"
	"github.com/argoproj/argo-cd/v2/util/settings"

	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/finding"
)

// tokens asks Argo CD's RBAC engine what the accounts may do that have tokens. A
// token lies in the variables of a pipeline, where more people reach it than log in
// to Argo CD, and it has no second factor: it may get Applications.
func (c *check) tokens(enforcer *rbac.Enforcer) {
	data := c.configMap("argocd-cm")
	for _, key := range slices.Sorted(maps.Keys(data)) {
		name, ok := strings.CutPrefix(key, "accounts.")
		if ok && slices.Contains(split(data[key]), string(settings.AccountCapabilityApiKey)) {
			c.token(enforcer, name)
		}
	}
}

// token reports the first thing too many that an account may do.
func (c *check) token(enforcer *rbac.Enforcer, account string) {
	for _, env := range c.Environments {
		for _, resource := range rbac.Resources {
			object := env.Name // Of those without a project any name does.
			if rbac.ProjectScoped[resource] {
				object += "/" + delivery.ApplicationNamespace(env.Name) + "/any"
			}
			for _, action := range rbac.Actions {
				if resource == rbac.ResourceApplications && action == rbac.ActionGet || !enforcer.Enforce(account, resource, action, object) {
					continue
				}
				subject := account
				if enforcer.Enforce(everyone, resource, action, object) {
					subject = everyone
				}
				c.report(c.tokenPosition(account, subject), "open-token",
					fmt.Sprintf("account %s has tokens, and may %s %s %s", account, action, resource, object),
					"an account with tokens may get applications, and nothing else; see argocd/bootstrap/settings/argocd-rbac-cm.yaml")
				return
			}
		}
	}
}

// tokenPosition returns where the policy names the subject that has the right, or
// else where the account is.
func (c *check) tokenPosition(account, subject string) finding.Position {
	if at := c.rbacPosition(subject); at.Line > 0 && at != c.setting("policy.csv") {
		return at
	}
	return c.setting("accounts." + account)
}
