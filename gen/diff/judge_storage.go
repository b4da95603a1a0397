package diff

func claimDeleted(s subject) []hit {
	if !s.goes() || !s.is(claimKind) || isKept(s.before) {
		return nil
	}
	return []hit{at("", "%s is deleted, and its data with it unless the volume is retained", s.before.id)}
}

// templates are the claims that a StatefulSet makes, by name.
func templates(o *object) map[string]any {
	claims := map[string]any{}
	for _, claim := range list(o.get("spec", "volumeClaimTemplates")) {
		claims[text(get(claim, "metadata", "name"))] = claim
	}
	return claims
}

func claimShrunk(s subject) []hit {
	if s.before == nil || s.after == nil {
		return nil
	}
	size := []string{"spec", "resources", "requests", "storage"}
	if s.is(claimKind) {
		if before, after := s.before.get(size...), s.after.get(size...); less(after, before) {
			return []hit{at("spec.resources.requests.storage", "the claim shrinks from %s to %s, which no volume can", said(before), said(after))}
		}
	}
	var hits []hit
	if s.is("StatefulSet.apps") {
		after := templates(s.after)
		for _, claim := range list(s.before.get("spec", "volumeClaimTemplates")) {
			name := text(get(claim, "metadata", "name"))
			if from, to := get(claim, size...), get(after[name], size...); less(to, from) {
				hits = append(hits, at("spec.volumeClaimTemplates", "the claims %s shrink from %s to %s, which no volume can", name, said(from), said(to)))
			}
		}
	}
	return hits
}

func storageChanged(s subject) []hit {
	if s.before == nil || s.after == nil || !s.is(claimKind, "PersistentVolume") {
		return nil
	}
	var hits []hit
	for _, e := range s.changed("spec.storageClassName", "spec.accessModes", "spec.volumeMode", "spec.volumeName", "spec.dataSource",
		"spec.dataSourceRef", "spec.selector") {
		hits = append(hits, at(e.path.String(), "%s is %s, and was %s: the data stays on the old volume", e.path, said(e.after), said(e.before)))
	}
	return hits
}

func statefulSetStorage(s subject) []hit {
	if !s.is("StatefulSet.apps") || s.before == nil {
		return nil
	}
	deletes := text(s.before.get("spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted")) == "Delete"
	if s.goes() {
		if deletes {
			return []hit{at("spec.persistentVolumeClaimRetentionPolicy.whenDeleted", "the claims of %s are deleted with it", s.before.id)}
		}
		return nil
	}
	var hits []hit
	for _, e := range s.changed("spec.volumeClaimTemplates") {
		hits = append(hits, at(e.path.String(), "the StatefulSet has to be made anew, and the claims that exist stay as they are"))
	}
	for _, e := range s.changed("spec.persistentVolumeClaimRetentionPolicy") {
		if text(e.after) == "Delete" {
			hits = append(hits, at(e.path.String(), "claims are deleted from now on, and were kept"))
		}
	}
	return hits
}
