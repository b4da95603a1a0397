package policy

import (
	"strconv"
	"strings"
)

const budgets = "PodDisruptionBudget.policy"

// replicated returns the pods of Deployments and StatefulSets.
func replicated(r *Release) []pod {
	var found []pod
	for _, p := range pods(r) {
		if p.kind() == "Deployment" || p.kind() == "StatefulSet" {
			found = append(found, p)
		}
	}
	return found
}

func missingPDB(r *Release) []Violation {
	if !r.isProduction() {
		return nil
	}
	var found []Violation
	for _, p := range replicated(r) {
		if _, highest := scale(r, p.workload.object); highest < 2 {
			continue
		}
		protected := false
		for _, budget := range r.kind(budgets) {
			selector := budget.at("spec", "selector").selector()
			protected = protected || r.namespace(budget.object) == p.namespace && selector.Matches(p.labels())
		}
		if !protected {
			found = append(found, p.workload.at("spec").blame("add a PodDisruptionBudget with maxUnavailable: 1",
				"no PodDisruptionBudget protects %s", p.workload.object))
		}
	}
	return found
}

func pdbSelectsNothing(r *Release) []Violation {
	var found []Violation
	for _, budget := range r.kind(budgets) {
		at := budget.at("spec", "selector")
		if len(r.selected(r.namespace(budget.object), at.selector())) == 0 {
			found = append(found, at.blame("select labels that a pod template of the release has", "%s selects no pod of the release", budget.object))
		}
	}
	return found
}

func pdbWithoutLimit(r *Release) []Violation {
	var found []Violation
	for _, budget := range r.kind(budgets) {
		if !budget.at("spec", "minAvailable").exists() && !budget.at("spec", "maxUnavailable").exists() {
			found = append(found, budget.at("spec").blame("set maxUnavailable: 1", "%s states neither minAvailable nor maxUnavailable", budget.object))
		}
	}
	return found
}

func pdbUnhealthyEviction(r *Release) []Violation {
	var found []Violation
	for _, budget := range r.kind(budgets) {
		if at := budget.at("spec", "unhealthyPodEvictionPolicy"); at.text() != "AlwaysAllow" {
			found = append(found, at.blame("set unhealthyPodEvictionPolicy: AlwaysAllow", "%s lets pods that are not ready block a drain", budget.object))
		}
	}
	return found
}

// pdbBlocksDrains counts with the fewest pods that there can be, which is when a
// drain gets stuck.
func pdbBlocksDrains(r *Release) []Violation {
	var found []Violation
	for _, budget := range r.kind(budgets) {
		lowest := 0
		for _, p := range r.selected(r.namespace(budget.object), budget.at("spec", "selector").selector()) {
			if p.kind() == "Deployment" || p.kind() == "StatefulSet" || p.kind() == "ReplicaSet" {
				fewest, _ := scale(r, p.workload.object)
				lowest += fewest
			}
		}
		if at := budget.at("spec", "maxUnavailable"); at.exists() {
			if amount, ok := share(at, 100, true); ok && amount == 0 {
				found = append(found, at.blame("set maxUnavailable: 1", "%s never lets a pod go", budget.object))
			}
		}
		if at := budget.at("spec", "minAvailable"); at.exists() {
			if needed, ok := share(at, lowest, true); ok && lowest > 0 && needed >= lowest {
				found = append(found, at.blame("use maxUnavailable: 1, which holds for any number of pods",
					"%s needs %d pods of the %d that there may be, so it never lets one go", budget.object, needed, lowest))
			}
		}
	}
	return found
}

// share reads a number, or a percentage of a whole.
func share(f field, whole int, up bool) (int, bool) {
	if n, ok := f.number(); ok {
		return n, true
	}
	text, isPercentage := strings.CutSuffix(f.text(), "%")
	percent, err := strconv.Atoi(text)
	if !isPercentage || err != nil {
		return 0, false
	}
	if up {
		return (percent*whole + 99) / 100, true
	}
	return percent * whole / 100, true
}

// rolloutStrategy is about Deployments behind a Service: others may do without a
// pod for a moment.
func rolloutStrategy(r *Release) []Violation {
	if !r.isProduction() {
		return nil
	}
	served := map[string]bool{}
	for _, service := range services(r) {
		for _, p := range backing(r, service) {
			served[p.workload.object.String()] = true
		}
	}
	var found []Violation
	for _, deployment := range r.kind("Deployment.apps") {
		if !served[deployment.object.String()] {
			continue
		}
		strategy := deployment.at("spec", "strategy")
		if strategy.at("type").text() == "Recreate" {
			found = append(found, strategy.at("type").blame("use RollingUpdate with maxUnavailable: 0",
				"%s stops all pods before it starts new ones", deployment.object))
			continue
		}
		at := strategy.at("rollingUpdate", "maxUnavailable")
		limit := at
		if !at.exists() {
			limit.value = "25%" // The default.
		}
		_, highest := scale(r, deployment.object)
		if missing, ok := share(limit, highest, false); ok && missing > 0 {
			found = append(found, at.blame("set maxUnavailable: 0 and maxSurge: 1",
				"a rollout of %s takes pods away before new ones are ready, %d of %d at once", deployment.object, missing, highest))
		}
	}
	return found
}
