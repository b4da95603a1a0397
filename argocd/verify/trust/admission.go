package trust

import (
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"gitlab.com/towpath/towpath/argocd/verify/bootstrap"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
)

// guard is an admission policy that has to be in force in a namespace.
type guard struct {
	policy, namespace string
	group, resource   string
	// label is one of the namespace that the guard depends on, or empty.
	label string
}

// admission reports environments whose namespaces the API server would not
// guard. It trusts the expressions of the policies, which have code owners and
// tests of their own, and checks that nothing keeps them from being asked.
func (c *check) admission() {
	policies := map[string]*admissionv1.ValidatingAdmissionPolicy{}
	var bindings []*admissionv1.ValidatingAdmissionPolicyBinding
	for _, o := range c.built {
		switch o.GetKind() {
		case "ValidatingAdmissionPolicy":
			policy := &admissionv1.ValidatingAdmissionPolicy{}
			if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, policy) == nil {
				policies[policy.Name] = policy
			}
		case "ValidatingAdmissionPolicyBinding":
			binding := &admissionv1.ValidatingAdmissionPolicyBinding{}
			if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, binding) == nil {
				bindings = append(bindings, binding)
			}
		}
	}
	for _, env := range c.Environments {
		if _, follows := env.ApprovalBranch(); !follows {
			continue
		}
		namespace := delivery.ApplicationNamespace(env.Name)
		guards := []guard{{delivery.ApprovedOnly, namespace, "argoproj.io", "applications", ""}, setsFromGit(namespace)}
		inCluster := func(p environment.Place) bool { return p.Server == delivery.InCluster }
		if slices.ContainsFunc(env.Places(), inCluster) {
			guards = append(guards, guard{delivery.NumberRises, env.Namespace, "", "configmaps", ""})
		}
		for _, g := range guards {
			if why := g.open(policies[g.policy], bindings); why != "" {
				c.unguarded(env, g, why)
			}
		}
	}
	c.order(policies, bindings)
}

func (c *check) unguarded(env *environment.Environment, g guard, why string) {
	at := c.setting("name: " + g.policy + "-" + env.Name)
	if at.Line == 0 {
		at = whole(bootstrap.Dir + "/admission/" + g.policy + ".yaml")
	}
	c.in(env, at, "unguarded-approval", fmt.Sprintf("admission policy %s is not in force in namespace %s: %s", g.policy, g.namespace, why),
		"restore the policy in "+bootstrap.Dir+"/admission, and run gen render "+env.Name+" for its binding")
}

// open says why the guard is not in force, or nothing.
func (g guard) open(policy *admissionv1.ValidatingAdmissionPolicy, bindings []*admissionv1.ValidatingAdmissionPolicyBinding) string {
	if why := g.inForce(policy, admissionv1.Create, admissionv1.Update, admissionv1.Delete); why != "" {
		return why
	}
	if !slices.ContainsFunc(bindings, g.bound) {
		return "no binding that denies selects the namespace"
	}
	return ""
}

// inForce says why the policy is not asked about the operations, or nothing.
func (g guard) inForce(policy *admissionv1.ValidatingAdmissionPolicy, operations ...admissionv1.OperationType) string {
	if policy == nil {
		return "there is no such policy"
	}
	if p := policy.Spec.FailurePolicy; p != nil && *p != admissionv1.Fail {
		return "an error in it lets requests through: failurePolicy must be Fail"
	}
	if len(policy.Spec.Validations) == 0 {
		return "it validates nothing"
	}
	for _, operation := range operations {
		if !g.asked(policy.Spec.MatchConstraints, operation) {
			return fmt.Sprintf("it is not asked about %s of %s", operation, g.resource)
		}
	}
	return ""
}

func (g guard) asked(match *admissionv1.MatchResources, operation admissionv1.OperationType) bool {
	if match == nil || !g.selected(match.NamespaceSelector) || match.ObjectSelector != nil || len(match.ExcludeResourceRules) > 0 {
		return false
	}
	return slices.ContainsFunc(match.ResourceRules, func(rule admissionv1.NamedRuleWithOperations) bool {
		return len(rule.ResourceNames) == 0 && slices.Contains(rule.APIGroups, g.group) &&
			slices.Contains(rule.Resources, g.resource) && slices.Contains(rule.Operations, operation)
	})
}

// selected reports whether a selector leaves the namespace in.
func (g guard) selected(selector *metav1.LabelSelector) bool {
	if selector == nil {
		return true
	}
	// But for the guard's own, only the label that the API server keeps itself can be
	// relied on.
	known := labels.Set{"kubernetes.io/metadata.name": g.namespace}
	if g.label != "" {
		known[g.label] = "true"
	}
	s, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(known)
}

func (g guard) bound(b *admissionv1.ValidatingAdmissionPolicyBinding) bool {
	match := b.Spec.MatchResources
	if b.Spec.PolicyName != g.policy || !slices.Contains(b.Spec.ValidationActions, admissionv1.Deny) || b.Spec.ParamRef != nil {
		return false
	}
	if match == nil {
		return true
	}
	if match.ObjectSelector != nil || len(match.ExcludeResourceRules) > 0 || len(match.ResourceRules) > 0 {
		return false
	}
	return g.selected(match.NamespaceSelector)
}
