package policy

import "strings"

// image returns the parts of an image's reference, repository:tag@digest, of
// which tag and digest may be empty.
func image(reference string) (repository, tag, digest string) {
	repository, digest, _ = strings.Cut(reference, "@")
	// A colon before the last slash belongs to the registry's port.
	if i := strings.LastIndexByte(repository, ':'); i > strings.LastIndexByte(repository, '/') {
		repository, tag = repository[:i], repository[i+1:]
	}
	return repository, tag, digest
}

func latestTag(c container) []Violation {
	at := c.at("image")
	switch repository, tag, digest := image(at.text()); {
	case repository == "":
		return nil
	case tag == "latest":
		return []Violation{at.blame("name the version", "the image of container %q has the tag latest", c.name())}
	case tag == "" && digest == "":
		return []Violation{at.blame("name the version", "the image of container %q has no tag, which means latest", c.name())}
	default:
		return nil
	}
}

// mutableTag leaves development alone, where a moving tag is what one wants.
func mutableTag(r *Release) []Violation {
	if !r.isShared() {
		return nil
	}
	return eachContainer(func(c container) []Violation {
		at := c.at("image")
		if repository, _, digest := image(at.text()); repository != "" && digest == "" {
			return []Violation{at.blame("add the digest that was tested: "+repository+":TAG@sha256:…",
				"the image of container %q has no digest, so what it stands for can change", c.name())}
		}
		return nil
	})(r)
}

// pullPolicy lets an image with a digest be: it is the same wherever it comes
// from, and asking the registry for it at each start would tie the start to the
// registry.
func pullPolicy(c container) []Violation {
	at := c.at("imagePullPolicy")
	_, tag, digest := image(c.at("image").text())
	moving := tag == "" || tag == "latest"
	if digest != "" || at.text() == "Always" || moving && !at.exists() || c.list == "ephemeralContainers" {
		return nil // Always is the default of an image that is moving.
	}
	policy := at.text()
	if policy == "" {
		policy = "IfNotPresent, the default"
	}
	return []Violation{at.blame("add a digest to the image, or set imagePullPolicy: Always",
		"the pull policy of container %q is %s, and its image has no digest", c.name(), policy)}
}
