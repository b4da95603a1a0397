package suite

import (
	"strings"
	"testing"
)

// TestPodsHaveNoRights asks what a program could do in the cluster that has got into a pod.
func TestPodsHaveNoRights(t *testing.T) {
	namespaces := []string{"towpath-stage", "towpath-prod", "argocd", "argocd-prod", "kube-system"}
	for _, env := range []string{"stage", "prod"} {
		t.Run(env, func(t *testing.T) {
			happened := tried(t, "a program in a pod of "+env+" asks the API server what it may")
			for account := range strings.FieldsSeq(kubectl(t, "-n", "towpath-"+env, "get", "serviceaccounts", "-o", "jsonpath={.items[*].metadata.name}")) {
				for _, namespace := range namespaces {
					list := kubectl(t, "auth", "can-i", "--list", "--no-headers", "--as=system:serviceaccount:towpath-"+env+":"+account, "--namespace="+namespace)
					for line := range strings.Lines(list) {
						resource := strings.Fields(line)[0]
						// Whoever is known may ask about itself, and what the API server is.
						if !strings.HasPrefix(resource, "selfsubject") && !strings.HasPrefix(resource, "[/") {
							t.Errorf("account %s of %s, in %s: %s", account, env, namespace, line)
						}
					}
				}
			}
			happened("nothing but questions about itself, in %s", strings.Join(namespaces, ", "))
		})
	}
}
