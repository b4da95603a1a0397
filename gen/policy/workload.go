package policy

import "strings"

func selectorMismatch(p pod) []Violation {
	switch p.kind() {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
	default:
		return nil
	}
	at := p.workload.at("spec", "selector")
	if at.selector().Matches(p.labels()) {
		return nil
	}
	return []Violation{at.blame("give the pod template every label of the selector", "the selector of %s does not match its own pods", p.workload.object)}
}

func statefulSetService(r *Release) []Violation {
	var found []Violation
	for _, set := range r.kind("StatefulSet.apps") {
		at := set.at("spec", "serviceName")
		service, known := r.find("Service", r.namespace(set.object), at.text())
		switch {
		case at.text() == "":
			found = append(found, at.blame("name a headless Service", "%s names no Service, so its pods have no names in DNS", set.object))
		case !known:
			found = append(found, at.blame("render the Service with the release", "%s names the Service %s, which is not part of the release",
				set.object, at.text()))
		case service.at("spec", "clusterIP").text() != "None":
			found = append(found, at.blame("set clusterIP: None at the Service", "the Service %s of %s is not headless", at.text(), set.object))
		}
	}
	return found
}

func cronJobDeadline(r *Release) []Violation {
	var found []Violation
	for _, job := range r.kind("CronJob.batch") {
		if at := job.at("spec", "startingDeadlineSeconds"); !at.exists() {
			found = append(found, at.blame("set startingDeadlineSeconds to how late a run still makes sense",
				"%s does not say how late it may start", job.object))
		}
	}
	return found
}

func jobRestartPolicy(p pod) []Violation {
	at := p.spec.at("restartPolicy")
	if !p.endsByItself() || at.text() == "Never" || at.text() == "OnFailure" {
		return nil
	}
	return []Violation{at.blame("set restartPolicy: Never, or OnFailure", "the pod of %s would be restarted after it succeeds", p.workload.object)}
}

// jobTTL finds Jobs that Kubernetes deletes and Argo CD, which sees an object
// missing, brings back and so runs again. Hooks run once per sync whether or not
// the last run is still there.
func jobTTL(r *Release) []Violation {
	var found []Violation
	for _, job := range r.kind("Job.batch") {
		at := job.at("spec", "ttlSecondsAfterFinished")
		if at.exists() && !isHook(job) {
			found = append(found, at.blame("make it a hook with a hook-delete-policy, or leave the Job in place",
				"%s deletes itself, and each sync runs it again", job.object))
		}
	}
	for _, job := range r.kind("CronJob.batch") {
		if at := job.at("spec", "jobTemplate", "spec", "ttlSecondsAfterFinished"); at.exists() {
			found = append(found, at.blame("use successfulJobsHistoryLimit and failedJobsHistoryLimit",
				"the Jobs of %s delete themselves before its history limits see them", job.object))
		}
	}
	return found
}

func isHook(o field) bool {
	return o.object.Annotation("argocd.argoproj.io/hook") != "" || o.object.Annotation("helm.sh/hook") != ""
}

// claimPrune finds data that goes with the object that asked for it. Claims from
// a StatefulSet's templates are nobody's in Argo CD and stay by default.
func claimPrune(r *Release) []Violation {
	var found []Violation
	for _, claim := range r.kind("PersistentVolumeClaim") {
		at := claim.at("metadata", "annotations", "argocd.argoproj.io/sync-options")
		keeps := false
		for option := range strings.SplitSeq(at.text(), ",") {
			keeps = keeps || strings.TrimSpace(option) == "Prune=false"
		}
		if !keeps {
			found = append(found, at.blame("annotate it with argocd.argoproj.io/sync-options: Prune=false",
				"%s, and the data on it, is deleted once it is no longer rendered", claim.object))
		}
	}
	for _, set := range r.kind("StatefulSet.apps") {
		for _, when := range []string{"whenDeleted", "whenScaled"} {
			if at := set.at("spec", "persistentVolumeClaimRetentionPolicy", when); at.text() == "Delete" {
				found = append(found, at.blame("use Retain, the default", "%s deletes its data (%s: Delete)", set.object, when))
			}
		}
	}
	return found
}
