package pipeline

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// registry stands for the project's registry: a folder with a file for each image
// that was pushed. The file is what runs in the image, the binary of the service.
type registry string

// project is what jobs call the registry's part for the project.
const project = "registry.gitlab.com/towpath/towpath"

// buildah stands for the program of that name, as a test has neither a container
// engine nor a registry. What it does of the real one is what .ci/image relies on: bud
// builds the service as the Dockerfile does, with the arguments of the build; push
// puts it where its name says, and writes its digest. A login with another password
// is refused. Layers, labels and the base image are not there.
const buildah = `#!/usr/bin/env bash
set -euo pipefail
registry=%s
command=$1
shift
tag='' version='' commit='' digestfile='' names=()
while [ $# -gt 0 ]; do
	case $1 in
	--build-arg)
		case $2 in
		VERSION=*) version=${2#*=} ;;
		COMMIT=*) commit=${2#*=} ;;
		*) echo "the Dockerfile has no argument $2" >&2; exit 1 ;;
		esac
		shift ;;
	--tag) tag=$2; shift ;;
	--digestfile) digestfile=$2; shift ;;
	--isolation | --label | --username) shift ;;
	--password-stdin) ;;
	--*) echo "buildah: unknown flag: $1" >&2; exit 125 ;;
	*) names+=("$1") ;;
	esac
	shift
done
case $command in
login)
	[ "$(cat)" = of-the-registry ] || { echo "buildah: invalid username/password" >&2; exit 125; }
	touch "$registry/.in"
	;;
bud)
	build=gitlab.com/towpath/towpath/service/build
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X $build.version=$version -X $build.commit=$commit" \
		-o "$registry/.built/$tag" ./service
	;;
push)
	[ -e "$registry/.in" ] || { echo "buildah: unauthorized" >&2; exit 125; }
	to=${names[1]:-${names[0]}}
	to=${to#docker://}
	mkdir -p "$(dirname "$registry/$to")"
	cp "$registry/.built/${names[0]}" "$registry/$to"
	if [ -n "$digestfile" ]; then
		printf 'sha256:%%s' "$(sha256sum <"$registry/$to" | cut -d ' ' -f 1)" >"$digestfile"
	fi
	;;
*) echo "buildah: unknown command $command" >&2; exit 125 ;;
esac
`

// newRegistry makes an empty registry, and has jobs push to it.
func newRegistry(t *testing.T, r *Repository) registry {
	t.Helper()
	folder := t.TempDir()
	r.Programs = t.TempDir()
	if err := os.WriteFile(filepath.Join(r.Programs, "buildah"), fmt.Appendf(nil, buildah, folder), 0o755); err != nil {
		t.Fatal(err)
	}
	r.Variables = append(r.Variables,
		Variable{Name: "CI_REGISTRY", Value: "registry.gitlab.com"}, Variable{Name: "CI_REGISTRY_IMAGE", Value: project},
		Variable{Name: "CI_REGISTRY_USER", Value: "gitlab-ci-token"}, Variable{Name: "CI_REGISTRY_PASSWORD", Value: "of-the-registry"})
	return registry(folder)
}

// pull returns the binary of an image, NAME:TAG with or without a digest, or "" if
// there is no such image.
func (r registry) pull(image string) string {
	name, digest, _ := strings.Cut(image, "@")
	file := filepath.Join(string(r), filepath.FromSlash(name))
	data, err := os.ReadFile(file)
	if err != nil || digest != "" && digest != fmt.Sprintf("sha256:%x", sha256.Sum256(data)) {
		return ""
	}
	return file
}
