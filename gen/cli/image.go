package cli

import (
	"fmt"
	"regexp"
	"strings"

	"cuelang.org/go/cue"

	"gitlab.com/towpath/towpath/gen/environment"
)

// image is a container image as an environment names it. The contract judges its
// parts.
type image struct{ repository, tag, digest string }

// imageForm is what --image takes, for messages.
const imageForm = "REPOSITORY:TAG@sha256:DIGEST"

var sha256Digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// parseImage reads an image as registries and docker print it.
//
// The grammar's own parser, github.com/distribution/reference, takes longer to
// initialise than gen takes to read an environment, in every command.
func parseImage(text string) (image, error) {
	wrong := func(format string, args ...any) (image, error) {
		return image{}, fmt.Errorf("--image %q: %s; write %s", text, fmt.Sprintf(format, args...), imageForm)
	}
	if strings.TrimSpace(text) == "" {
		return wrong("it is empty")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return wrong("it has blanks, or letters that no image has")
	}
	if strings.Contains(text, "://") {
		return wrong("it is an address, and an image has no scheme")
	}
	var i image
	name, digest, hasDigest := strings.Cut(text, "@")
	if hasDigest && !sha256Digest.MatchString(digest) {
		return wrong("the digest %q is not sha256: and 64 of the digits 0-9a-f", digest)
	}
	i.digest = digest
	// A colon before the last slash belongs to the registry's port.
	colon := strings.LastIndexByte(name, ':')
	if colon <= strings.LastIndexByte(name, '/') {
		return wrong("it has no tag, by which people know what runs")
	}
	i.repository, i.tag = name[:colon], name[colon+1:]
	switch {
	case i.tag == "":
		return wrong("the tag is empty")
	case i.repository == "":
		return wrong("it has no repository")
	case i.repository != strings.ToLower(i.repository):
		return wrong("the repository %q has capitals, and registries know small letters only", i.repository)
	}
	return i, nil
}

func (i image) String() string {
	text := i.repository
	if i.tag != "" {
		text += ":" + i.tag
	}
	if i.digest != "" {
		text += "@" + i.digest
	}
	return text
}

// version is what people call the image.
func (i image) version() string {
	if i.tag != "" {
		return i.tag
	}
	return strings.TrimPrefix(i.digest, "sha256:")[:min(12, max(0, len(i.digest)-len("sha256:")))]
}

// imageOf returns the image of a release, and whether its chart has one.
func imageOf(release environment.Release) (image, bool) {
	v := release.Values.LookupPath(cue.ParsePath("image"))
	if !v.Exists() {
		return image{}, false
	}
	part := func(name string) string {
		text, err := v.LookupPath(cue.ParsePath(name)).String()
		if err != nil {
			return ""
		}
		return text
	}
	return image{part("repository"), part("tag"), part("digest")}, true
}

// settings are the values to set so that a release gets an image in place of
// another.
func (i image) settings(release environment.Release, was image) []setting {
	var all []setting
	for _, part := range []struct{ name, is, was string }{
		{"repository", i.repository, was.repository}, {"tag", i.tag, was.tag}, {"digest", i.digest, was.digest},
	} {
		if part.is != part.was {
			all = append(all, setting{release: release.Name, team: release.Team, path: []string{"image", part.name}, value: part.is, file: releaseFile})
		}
	}
	return all
}
