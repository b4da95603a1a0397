package policy

import (
	"strings"

	"gitlab.com/towpath/towpath/gen/manifest"
)

const autoscalers = "HorizontalPodAutoscaler.autoscaling"

// target returns what an autoscaler scales.
func target(r *Release, autoscaler field) (field, bool) {
	ref := autoscaler.at("spec", "scaleTargetRef")
	kind := ref.at("kind").text()
	if group, _, found := strings.Cut(ref.at("apiVersion").text(), "/"); found {
		kind += "." + group
	}
	return r.find(kind, r.namespace(autoscaler.object), ref.at("name").text())
}

// scale is between how many pods a workload has.
func scale(r *Release, workload manifest.Object) (lowest, highest int) {
	for _, autoscaler := range r.kind(autoscalers) {
		if scaled, known := target(r, autoscaler); known && scaled.object.String() == workload.String() {
			lowest, highest = atLeastOne(autoscaler.at("spec", "minReplicas")), atLeastOne(autoscaler.at("spec", "maxReplicas"))
			return lowest, max(lowest, highest)
		}
	}
	replicas := atLeastOne(root(workload).at("spec", "replicas"))
	return replicas, replicas
}

// atLeastOne reads a number of pods, which is 1 where it is missing.
func atLeastOne(f field) int {
	if n, given := f.number(); given {
		return n
	}
	return 1
}

func hpaTarget(r *Release) []Violation {
	var found []Violation
	for _, autoscaler := range r.kind(autoscalers) {
		if _, known := target(r, autoscaler); !known {
			ref := autoscaler.at("spec", "scaleTargetRef")
			found = append(found, ref.blame("name a workload of the release, with its kind and apiVersion",
				"%s scales %s %s, which is not part of the release", autoscaler.object, ref.at("kind").text(), ref.at("name").text()))
		}
	}
	return found
}

func hpaFixedReplicas(r *Release) []Violation {
	var found []Violation
	for _, autoscaler := range r.kind(autoscalers) {
		if scaled, known := target(r, autoscaler); known && scaled.at("spec", "replicas").exists() {
			found = append(found, scaled.at("spec", "replicas").blame("leave spec.replicas out while the autoscaler is there",
				"%s states its replicas, and %s changes them", scaled.object, autoscaler.object))
		}
	}
	return found
}

func hpaNoRoom(r *Release) []Violation {
	var found []Violation
	for _, autoscaler := range r.kind(autoscalers) {
		most := autoscaler.at("spec", "maxReplicas")
		if lowest := atLeastOne(autoscaler.at("spec", "minReplicas")); atLeastOne(most) <= lowest {
			found = append(found, most.blame("raise maxReplicas, or state the replicas without an autoscaler",
				"%s has no room to scale: from %d to %d", autoscaler.object, lowest, atLeastOne(most)))
		}
	}
	return found
}

// singleReplica lets a workload be switched off with no replicas at all.
func singleReplica(r *Release) []Violation {
	if !r.isProduction() {
		return nil
	}
	var found []Violation
	for _, deployment := range r.kind("Deployment.apps") {
		at := deployment.at("spec", "replicas")
		for _, autoscaler := range r.kind(autoscalers) {
			if scaled, known := target(r, autoscaler); known && scaled.object.String() == deployment.object.String() {
				at = autoscaler.at("spec", "minReplicas")
			}
		}
		if lowest, _ := scale(r, deployment.object); lowest == 1 {
			found = append(found, at.blame("run two pods or more", "%s may run a single pod", deployment.object))
		}
	}
	return found
}
