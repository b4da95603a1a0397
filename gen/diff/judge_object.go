package diff

import (
	"strings"
)

const (
	claimKind     = "PersistentVolumeClaim"
	namespaceKind = "Namespace"
	crdKind       = "CustomResourceDefinition.apiextensions.k8s.io"
	budgetKind    = "PodDisruptionBudget.policy"
	scalerKind    = "HorizontalPodAutoscaler.autoscaling"
)

// isKept reports whether Argo CD leaves the object in the cluster when it is gone
// from Git.
func isKept(o *object) bool {
	return strings.Contains(o.annotation("argocd.argoproj.io/sync-options"), "Prune=false") || o.annotation("helm.sh/resource-policy") == "keep"
}

func objectDeleted(s subject) []hit {
	if s.change != Removed || s.is(claimKind, namespaceKind, crdKind) || s.before.hook() != "" {
		return nil
	}
	if isKept(s.before) {
		return []hit{at("", "%s is gone from Git and stays in the cluster, where nothing keeps it as it should be", s.before.id)}
	}
	return []hit{at("", "%s is deleted", s.before.id)}
}

func objectRenamed(s subject) []hit {
	if s.change != Renamed || s.is(claimKind) || isHashed(s.before.name, s.after.name) {
		return nil
	}
	return []hit{at("metadata.name", "%s is deleted, and %s made", s.before.id, s.after.id)}
}

func objectRecreated(s subject) []hit {
	if s.change != Replaced {
		return nil
	}
	var hits []hit
	for _, e := range refused(s.before, s.after, s.edits) {
		hits = append(hits, at(e.path.String(), "%s can't change: %s has to be deleted and made again", e.path, s.after.id))
	}
	return hits
}

func namespaceDeleted(s subject) []hit {
	if !s.goes() || !s.is(namespaceKind) || isKept(s.before) {
		return nil
	}
	return []hit{at("", "%s is deleted with everything in it", s.before.id)}
}

func crdRemoved(s subject) []hit {
	if !s.goes() || !s.is(crdKind) || isKept(s.before) {
		return nil
	}
	return []hit{at("", "%s is deleted, and every object of its kind in the cluster", s.before.id)}
}

func crdChanged(s subject) []hit {
	if !s.is(crdKind) || s.before == nil || s.after == nil {
		return nil
	}
	var hits []hit
	for _, e := range s.changed("spec.versions", "spec.conversion", "spec.group", "spec.scope", "spec.names") {
		hits = append(hits, at(e.path.String(), "%s changes for the objects that exist", e.path))
	}
	return hits
}

func hookChanged(s subject) []hit {
	before, after := s.before.hook(), s.after.hook()
	switch {
	case before == "" && after == "":
		return nil
	case s.before == nil:
		return []hit{at("", "a hook %s is new", after)}
	case s.after == nil:
		return []hit{at("", "the hook %s is gone", before)}
	case before != after:
		return []hit{at("", "the hook is %s, and was %s", orNone(after), orNone(before))}
	}
	for _, e := range s.edits {
		if !strings.HasPrefix(e.path.names(), "metadata.labels") {
			return []hit{at("", "the hook %s does something else", after)}
		}
	}
	return nil
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func waveChanged(s subject) []hit {
	if s.before == nil || s.after == nil || s.before.wave() == s.after.wave() {
		return nil
	}
	return []hit{at(`metadata.annotations["argocd.argoproj.io/sync-wave"]`, "it is applied in wave %d, and was in wave %d", s.after.wave(), s.before.wave())}
}

func approvalRecord(s subject) []hit {
	if !s.is("ConfigMap") || !strings.HasSuffix(s.now().name, "-approval") || s.now().get("data", "number") == nil {
		return nil
	}
	before, after := text(s.before.get("data", "number")), text(s.after.get("data", "number"))
	switch {
	case s.after == nil:
		return []hit{at("", "the approval record %s is gone, which admission refuses", before)}
	case s.before == nil:
		return []hit{at("data.number", "approval %s is the first", after)}
	case less(after, before):
		return []hit{at("data.number", "the number of the approval falls from %s to %s, which admission refuses", before, after)}
	case before == after:
		return []hit{at("", "the record of approval %s says something else", after)}
	}
	return []hit{at("data.number", "approval %s follows %s", after, before)}
}

// now is the object in the new state, or in the old one if it is gone.
func (s subject) now() *object {
	if s.after != nil {
		return s.after
	}
	return s.before
}

func jobRerun(s subject) []hit {
	if !s.is("Job.batch") || s.after == nil {
		return nil
	}
	switch {
	case s.after.hook() != "":
		return nil // hook-changed says it, and a hook runs at each sync anyway.
	case s.comes():
		return []hit{at("", "%s runs when it is applied", s.after.id)}
	case s.change == Replaced:
		return []hit{at("", "%s runs again", s.after.id)}
	}
	return nil
}

func scheduleChanged(s subject) []hit {
	if !s.is("CronJob.batch") || s.before == nil || s.after == nil {
		return nil
	}
	var hits []hit
	for _, e := range s.changed("spec.schedule", "spec.timeZone", "spec.suspend") {
		hits = append(hits, at(e.path.String(), "%s is %s, and was %s", e.path, said(e.after), said(e.before)))
	}
	return hits
}
