package delivery

import (
	"strings"

	"gitlab.com/towpath/towpath/gen/environment"
)

// PathsAnnotation names the files that an Application is made from, so that a
// commit which changes none of them costs Argo CD no rendering.
const PathsAnnotation = "argocd.argoproj.io/manifest-generate-paths"

// Reads returns what Argo CD reads of the repository to render a release, files
// and folders, relative to the root. It reads what gen produces, and so neither
// the CUE nor the contract or the policy.
func Reads(env *environment.Environment, release environment.Release) []string {
	paths := []string{"charts/" + release.Chart, env.ValuesFile(release.Name)}
	if _, follows := env.ApprovalBranch(); follows {
		paths = append(paths, env.ApprovalFile())
	}
	return paths
}

// Paths returns the value of [PathsAnnotation] for an Application of env that
// reads the given paths, or "" if it must not have the annotation.
//
// It has none unless the environment asks for it. With it, Argo CD compares a commit
// with the one that it looked at last, and not with the one that it synced last: what it
// sees first while another sync runs is no news afterwards. It then heals what differs,
// object by object, without the migration and other hooks, and does nothing if that
// other sync has failed (https://github.com/argoproj/argo-cd/issues/27875).
//
// And it has none where commits have to be signed. Argo CD takes what it rendered for
// the commit before, and with it that commit's signature, for a commit that
// changes none of the files: an unsigned one would pass for signed until the next
// that matters. Nothing is lost, as every approval changes the record, which
// every release reads.
func Paths(env *environment.Environment, reads ...string) string {
	if !env.Delivery.SkipUnchanged || len(env.Delivery.SignatureKeys) > 0 {
		return ""
	}
	// A path without a slash in front would be below the Application's folder.
	return "/" + strings.Join(reads, ";/")
}

// annotate gives metadata the annotation that belongs to the paths.
func annotate(metadata object, paths string) {
	if paths != "" {
		metadata["annotations"] = object{PathsAnnotation: paths}
	}
}
