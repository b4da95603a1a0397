package approval

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/argocd"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/revision"
)

// Running is what Argo CD says about a release in the environment that the images
// come from.
type Running struct {
	// Release is the name, in both environments.
	Release string
	// Images are those that have to run there.
	Images []string
	// Application is the answer, unless Err says why there is none.
	Application argocd.Application
	// Rendered are the images of the release at the commit that the Application runs.
	Rendered []string
	Err      error
}

// Evidence returns one line that says where the images of all releases run,
// healthy. Whatever speaks against it comes as problems, and the line is "" then.
//
// An image counts if it runs under exactly the same name, with its digest: the same
// tag may stand for something else by now.
//
// What runs is what the commit renders to that Argo CD found the cluster equal to.
// Argo CD lists images too, but finds them in the pods alone, and leaves those out
// where the AppProject permits no pods; where it lists some, they have to agree.
func Evidence(from string, releases []Running) (text string, problems []string) {
	var parts []string
	for _, r := range releases {
		app := r.Application
		about := fmt.Sprintf("%s in %s", r.Release, from)
		switch {
		case errors.Is(r.Err, argocd.ErrNotFound):
			problems = append(problems, fmt.Sprintf("%s: Argo CD has no such Application", about))
			continue
		case r.Err != nil:
			problems = append(problems, fmt.Sprintf("%s: %v", about, r.Err))
			continue
		}
		before := len(problems)
		if app.Sync != argocd.Synced {
			problems = append(problems, fmt.Sprintf("%s is %s, not %s", about, app.Sync, argocd.Synced))
		}
		if app.Health != argocd.Healthy {
			problems = append(problems, fmt.Sprintf("%s is %s, not %s", about, app.Health, argocd.Healthy))
		}
		if app.Syncing {
			problems = append(problems, about+" is being synced just now")
		}
		for _, image := range r.Images {
			switch {
			case !slices.Contains(r.Rendered, image):
				problems = append(problems, fmt.Sprintf("%s does not run %s; it runs %s", about, image, list(r.Rendered)))
			case len(app.Images) > 0 && !slices.Contains(app.Images, image):
				problems = append(problems, fmt.Sprintf("%s does not run %s, though its commit says so; it runs %s", about, image, list(app.Images)))
			}
		}
		if len(problems) > before {
			for _, why := range app.Problems() {
				problems = append(problems, fmt.Sprintf("%s: %s", about, plain(why)))
			}
			continue
		}
		what := strings.Join(r.Images, ", ")
		if what == "" {
			what = "without images"
		}
		parts = append(parts, fmt.Sprintf("%s %s %s and %s at %s", r.Release, what, app.Sync, app.Health, revision.Short(app.Revision)))
	}
	if len(parts) == 0 && len(problems) == 0 {
		problems = append(problems, "there is no release whose images could run in "+from)
	}
	if len(problems) > 0 {
		return "", problems
	}
	return plain(from + ": " + strings.Join(parts, "; ")), nil
}

func list(images []string) string {
	if len(images) == 0 {
		return "nothing"
	}
	return plain(strings.Join(images, ", "))
}

// Images returns the images of all containers of some objects, ordered. Those of
// hooks are left out, as their pods are gone when the release runs.
func Images(objects []manifest.Object) []string {
	found := map[string]bool{}
	for _, o := range objects {
		if o.Annotation("argocd.argoproj.io/hook") == "" && o.Annotation("helm.sh/hook") == "" {
			collect(o.Data, found)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// collect looks for containers wherever they are, so that no kind of workload is
// forgotten.
func collect(node any, found map[string]bool) {
	switch node := node.(type) {
	case map[string]any:
		for _, key := range []string{"containers", "initContainers"} {
			containers, _ := node[key].([]any)
			for _, c := range containers {
				container, _ := c.(map[string]any)
				if image, _ := container["image"].(string); image != "" {
					found[image] = true
				}
			}
		}
		for _, value := range node {
			collect(value, found)
		}
	case []any:
		for _, value := range node {
			collect(value, found)
		}
	}
}
