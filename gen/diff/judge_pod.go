package diff

import (
	"maps"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// containers are those of a pod, by list and name as a path has them.
func containers(pod map[string]any) map[string]map[string]any {
	found := map[string]map[string]any{}
	for _, field := range []string{"initContainers", "containers"} {
		for _, c := range list(get(pod, "spec", field)) {
			found[field+"[name="+said(get(c, "name"))+"]"] = fieldsOf(c)
		}
	}
	return found
}

// eachContainer calls judge with the containers that are in both states, ordered.
func (s subject) eachContainer(judge func(path string, before, after map[string]any) []hit) []hit {
	if s.before == nil || s.after == nil || s.after.pod() == nil {
		return nil
	}
	before, after := containers(s.before.pod()), containers(s.after.pod())
	var hits []hit
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if old, kept := before[name]; kept {
			hits = append(hits, judge(s.podPath()+name, old, after[name])...)
		}
	}
	return hits
}

// podPath is where the fields of the pod's spec begin.
func (s subject) podPath() string {
	path := steps{}
	for _, name := range podPaths[s.now().groupKind()] {
		path = path.field(name)
	}
	return path.field("spec").String() + "."
}

func probeRemoved(s subject) []hit {
	return s.eachContainer(func(path string, before, after map[string]any) []hit {
		var hits []hit
		for _, probe := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
			if before[probe] != nil && after[probe] == nil {
				hits = append(hits, at(path+"."+probe, "the %s is gone", probe))
			}
		}
		return hits
	})
}

func limitsLowered(s subject) []hit {
	return s.eachContainer(func(path string, before, after map[string]any) []hit {
		var hits []hit
		for _, field := range []string{"limits", "requests"} {
			now := fieldsOf(get(after, "resources", field))
			was := fieldsOf(get(before, "resources", field))
			for _, name := range slices.Sorted(maps.Keys(now)) {
				place := path + ".resources." + field + "." + name
				switch {
				case less(now[name], was[name]):
					hits = append(hits, at(place, "%s.%s falls from %s to %s", field, name, said(was[name]), said(now[name])))
				case field == "limits" && was[name] == nil:
					hits = append(hits, at(place, "%s is limited to %s, and was not", name, said(now[name])))
				}
			}
		}
		return hits
	})
}

// imageOf splits an image into its repository and its tag.
func imageOf(image string) (repository, tag string) {
	repository, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndex(repository, ":"); i > strings.LastIndex(repository, "/") {
		repository, tag = repository[:i], repository[i+1:]
	}
	return repository, tag
}

func imageChanged(s subject) []hit {
	return s.eachContainer(func(path string, before, after map[string]any) []hit {
		from, to := said(before["image"]), said(after["image"])
		if from == to {
			return nil
		}
		return []hit{at(path+".image", "the image is %s, and was %s", to, from)}
	})
}

func imageDowngraded(s subject) []hit {
	return s.eachContainer(func(path string, before, after map[string]any) []hit {
		from, oldTag := imageOf(said(before["image"]))
		to, newTag := imageOf(said(after["image"]))
		was, err := semver.NewVersion(oldTag)
		if err != nil {
			return nil
		}
		now, err := semver.NewVersion(newTag)
		if err != nil || from != to || !now.LessThan(was) {
			return nil
		}
		return []hit{at(path+".image", "the image goes back from %s to %s", oldTag, newTag)}
	})
}

// podsRestart says why the pods of a workload are replaced.
func podsRestart(s subject) []hit {
	if s.change != Changed && s.change != Replaced || !s.is("Deployment.apps", "StatefulSet.apps", "DaemonSet.apps") {
		return nil
	}
	edits := s.changed("spec.template")
	if len(edits) == 0 {
		return nil
	}
	var configuration, other []string
	for _, e := range edits {
		name := e.path.names()
		if strings.Contains(name, "configMap") || strings.Contains(name, "checksum") {
			configuration = append(configuration, e.path.String())
		} else {
			other = append(other, e.path.String())
		}
	}
	switch {
	case len(other) == 0:
		return []hit{at(configuration[0], "the pods are replaced, because their configuration changes")}
	case len(edits) == 1:
		return []hit{at(other[0], "the pods are replaced, because their template changes")}
	}
	return []hit{at("spec.template", "the pods are replaced, because %d fields of their template change", len(edits))}
}

func replicasLowered(s subject) []hit {
	if s.before == nil || s.after == nil {
		return nil
	}
	var hits []hit
	for _, field := range []string{"replicas", "minReplicas", "maxReplicas"} {
		before, after := s.before.get("spec", field), s.after.get("spec", field)
		if field != "maxReplicas" && before != nil && after == nil && !s.scaled() {
			after = 1 // The default of both.
		}
		if less(after, before) {
			hits = append(hits, at("spec."+field, "%s falls from %s to %s", field, said(before), said(after)))
		}
	}
	return hits
}

// scaled reports whether an autoscaler sets the number of replicas.
func (s subject) scaled() bool {
	return slices.ContainsFunc(s.to, func(o *object) bool {
		return o.groupKind() == scalerKind && text(o.get("spec", "scaleTargetRef", "name")) == s.now().name
	})
}

func hpaSwitched(s subject) []hit {
	if !s.is(scalerKind) {
		return nil
	}
	target := text(s.now().get("spec", "scaleTargetRef", "name"))
	switch {
	case s.after == nil:
		return []hit{at("", "nothing scales %s any more", target)}
	case s.before == nil:
		return []hit{at("", "the number of replicas of %s is the autoscaler's from now on", target)}
	case text(s.before.get("spec", "scaleTargetRef", "name")) != target:
		return []hit{at("spec.scaleTargetRef.name", "it scales %s, and scaled %s", target, text(s.before.get("spec", "scaleTargetRef", "name")))}
	}
	return nil
}

func budgetLowered(s subject) []hit {
	if !s.is(budgetKind) {
		return nil
	}
	if s.after == nil {
		return []hit{at("", "nothing limits how many pods a drain takes at once")}
	}
	if s.before == nil {
		return nil
	}
	var hits []hit
	share := func(o *object, field string) any { return strings.TrimSuffix(text(o.get("spec", field)), "%") }
	if a, b := share(s.after, "minAvailable"), share(s.before, "minAvailable"); less(a, b) || a == "" && b != "" {
		hits = append(hits, at("spec.minAvailable", "minAvailable falls from %s to %s", said(s.before.get("spec", "minAvailable")), said(s.after.get("spec", "minAvailable"))))
	}
	if a, b := share(s.after, "maxUnavailable"), share(s.before, "maxUnavailable"); less(b, a) {
		hits = append(hits, at("spec.maxUnavailable", "maxUnavailable rises from %s to %s", said(s.before.get("spec", "maxUnavailable")), said(s.after.get("spec", "maxUnavailable"))))
	}
	return hits
}

func secretReferenceChanged(s subject) []hit {
	var hits []hit
	for _, e := range s.edits {
		names := e.path.names()
		refers := strings.Contains(names, "secretKeyRef") || strings.Contains(names, "secretRef") || strings.Contains(names, "secretName") ||
			strings.Contains(names, "imagePullSecrets") || strings.Contains(names, ".volumes.secret") ||
			s.is("ExternalSecret.external-secrets.io") && isBelow(names, []string{"spec.data", "spec.dataFrom", "spec.secretStoreRef", "spec.target.name"}) ||
			isReference(e.before) || isReference(e.after)
		if refers && s.before != nil && s.after != nil {
			hits = append(hits, at(e.path.String(), "another secret is read, or none: %s", e.path))
		}
	}
	return hits
}

// isReference reports whether something in a value names a Secret.
func isReference(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if name == "secretKeyRef" || name == "secretRef" || name == "secretName" || isReference(value) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, isReference)
	}
	return false
}

func serviceAccountChanged(s subject) []hit {
	if s.before == nil || s.after == nil {
		return nil
	}
	var hits []hit
	for _, e := range s.edits {
		names := e.path.names()
		switch {
		case strings.HasSuffix(names, ".serviceAccountName") && s.after.pod() != nil:
			hits = append(hits, at(e.path.String(), "the pods act as %s, and acted as %s", said(e.after), said(e.before)))
		case strings.HasSuffix(names, "automountServiceAccountToken") && e.after != false:
			hits = append(hits, at(e.path.String(), "the pods get a token for the API"))
		case s.is("ServiceAccount") && strings.HasPrefix(names, "metadata.annotations."):
			hits = append(hits, at(e.path.String(), "the identity outside of the cluster may be another one"))
		}
	}
	return hits
}
