package policy

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Labels that a release puts on its objects.
const (
	ownerLabel    = "towpath.gitlab.io/owner"
	instanceLabel = "app.kubernetes.io/instance"
)

// labelled returns the labels of every object and every pod template.
func labelled(r *Release) []field {
	var found []field
	for _, o := range r.Objects {
		found = append(found, root(o).at("metadata", "labels"))
	}
	for _, p := range pods(r) {
		if p.kind() != "Pod" {
			found = append(found, p.metadata.at("labels"))
		}
	}
	return found
}

func missingOwner(r *Release) []Violation {
	var found []Violation
	for _, labels := range labelled(r) {
		if at := labels.at(ownerLabel); at.text() == "" {
			found = append(found, at.blame("label it with the team that gets the call, "+ownerLabel,
				"%s has no owner", place(labels)))
		}
	}
	return found
}

// place says whether labels are an object's or its pods'.
func place(labels field) string {
	if len(labels.path) > 2 {
		return "the pod template of " + labels.object.String()
	}
	return labels.object.String()
}

func instanceMismatch(r *Release) []Violation {
	var found []Violation
	for _, labels := range labelled(r) {
		if at := labels.at(instanceLabel); r.Name != "" && at.exists() && at.text() != r.helm() {
			found = append(found, at.blame("use the release's name", "%s calls itself part of %q, and is part of release %s",
				place(labels), at.text(), r.helm()))
		}
	}
	return found
}

func labelValues(r *Release) []Violation {
	var found []Violation
	all := labelled(r)
	for _, o := range r.Objects {
		all = append(all, root(o).at("spec", "selector", "matchLabels"))
	}
	for _, labels := range all {
		for _, label := range labels.fields() {
			problems := append(validation.IsQualifiedName(label.name()), validation.IsValidLabelValue(label.scalar())...)
			for _, problem := range problems {
				found = append(found, label.blame("use at most 63 letters, digits, dashes, underscores and dots, with a letter or digit at both ends",
					"label %s of %s: %s", label.name(), label.object, problem))
			}
		}
	}
	return found
}

var unstable = lazily(`^v\d+(alpha|beta)\d+$`)

// unstableAPI is about the APIs of Kubernetes, whose groups have no dot or end in
// k8s.io. The APIs of others promise what their projects promise.
func unstableAPI(r *Release) []Violation {
	var found []Violation
	for _, o := range r.Objects {
		group, version, grouped := strings.Cut(o.APIVersion, "/")
		if !grouped {
			group, version = "", o.APIVersion
		}
		ofKubernetes := !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io")
		if ofKubernetes && unstable().MatchString(version) {
			found = append(found, root(o).at("apiVersion").blame("use the stable version of the API",
				"%s is written in %s, which a later Kubernetes drops", o, o.APIVersion))
		}
	}
	return found
}
