package policy

// account returns the name of the ServiceAccount that a pod runs as.
func (p pod) account() string {
	for _, name := range []string{"serviceAccountName", "serviceAccount"} {
		if account := p.spec.at(name).text(); account != "" {
			return account
		}
	}
	return "default"
}

func mountedToken(r *Release) []Violation {
	var found []Violation
	for _, p := range pods(r) {
		at := p.spec.at("automountServiceAccountToken")
		if at.is(false) {
			continue
		}
		account, known := r.find("ServiceAccount", p.namespace, p.account())
		if !at.exists() && known && account.at("automountServiceAccountToken").is(false) {
			continue
		}
		found = append(found, at.blame("set automountServiceAccountToken: false; a pod that calls the API has a waiver, and a Role of its own",
			"the pod of %s gets a token for the Kubernetes API", p.workload.object))
	}
	return found
}

func missingServiceAccount(r *Release) []Violation {
	var found []Violation
	for _, p := range pods(r) {
		if p.account() == "default" {
			continue
		}
		if _, known := r.find("ServiceAccount", p.namespace, p.account()); !known {
			found = append(found, p.spec.at("serviceAccountName").blame("render the ServiceAccount with the release, or correct the name",
				"the ServiceAccount %s is not part of the release", p.account()))
		}
	}
	return found
}

func serviceAccountAlias(p pod) []Violation {
	at := p.spec.at("serviceAccount")
	if !at.exists() || at.text() == p.spec.at("serviceAccountName").text() {
		return nil
	}
	return []Violation{at.blame("rename the field to serviceAccountName", "serviceAccount is the old name of serviceAccountName")}
}
