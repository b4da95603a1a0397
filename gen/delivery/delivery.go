// Package delivery produces what Argo CD reads about environments: their
// Applications, their AppProjects, and the part of bootstrap that is theirs.
//
// Three layers of files, each of which can only write the next:
//
//   - bootstrap, applied by a cluster's administrator, creates namespaces,
//     admission bindings, AppProjects and one root Application per environment
//     (argocd/bootstrap/environments/NAME);
//   - a root Application may write Applications in namespace argocd-NAME and
//     nothing else (argocd/NAME); where an environment has a rollout, also the
//     ApplicationSets that make them;
//   - an Application may write the kinds that its environment lists, in the
//     environment's namespace and nothing else (charts/CHART with
//     envs/NAME/values).
//
// AppProjects stand outside the chain: a further Application, projects, keeps
// them equal to argocd/projects of an approval branch, never of main. A merge
// to main therefore changes no rule that binds production.
//
// The files are data for Argo CD, whose types this package doesn't import: gen
// stays quick, and argocd/verify judges the files with Argo CD's own code.
//
// What is left out is as deliberate as what is written. An Application has no
// field with a zero value that Argo CD's types drop: Argo CD writes its
// Applications all the time, would drop the field, see a difference from Git,
// and heal it for ever.
package delivery

import (
	"bytes"
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"gitlab.com/towpath/towpath/gen/document"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/values"
)

const (
	// Namespace is where Argo CD runs, with AppProjects and root Applications.
	Namespace = "argocd"
	// Dir is the folder of everything that Argo CD reads about itself.
	Dir = "argocd"
	// ProjectsDir holds every AppProject.
	ProjectsDir = Dir + "/projects"
	// EnvironmentsDir holds the part of bootstrap that belongs to environments.
	EnvironmentsDir = Dir + "/bootstrap/environments"
	// Projects is the name of the Application that keeps the AppProjects, and
	// of its own AppProject.
	Projects = "projects"
	// TeamLabel is the label of an Application with the team that its release belongs
	// to, by which Argo CD's UI and API find a team's Applications.
	TeamLabel = "towpath.gitlab.io/team"
	// RegionLabel is the label of an Application with the region that it runs in, if
	// its environment has regions.
	RegionLabel = "towpath.gitlab.io/region"
	// RolloutLabel is the label of a namespace argocd-NAME in which ApplicationSets, which
	// come from Git alone, make the Applications.
	RolloutLabel = "towpath.gitlab.io/rollout"
	// NamespacesAnnotation is the annotation of Argo CD's own pods with the namespaces
	// that they look for Applications in, or for ApplicationSets.
	NamespacesAnnotation = "towpath.gitlab.io/namespaces"
	// InCluster is the address of the cluster that Argo CD runs in.
	InCluster = "https://kubernetes.default.svc"
)

// File is one produced file.
type File struct {
	// Path is relative to the repository's root, with forward slashes.
	Path    string
	Content []byte
}

// ApplicationNamespace returns the namespace that holds the Applications of
// the named environment, and nothing else.
func ApplicationNamespace(env string) string { return Namespace + "-" + env }

// Root returns the name of the named environment's root Application and of
// that Application's AppProject.
func Root(env string) string { return env + "-root" }

// Environment returns the files that depend on env alone, ordered by path.
func Environment(env *environment.Environment) []File {
	files := []File{
		produced(env.Dir(), ProjectsDir+"/"+env.Name+".yaml", project(env)),
		produced(env.Dir(), ProjectsDir+"/"+Root(env.Name)+".yaml", rootProject(env)),
		produced(env.Dir(), EnvironmentsDir+"/"+env.Name+"/argocd.yaml", argoCDObjects(env)...),
		produced(env.Dir(), EnvironmentsDir+"/"+env.Name+"/root.yaml", rootApplication(env)),
	}
	for _, place := range env.Places() {
		dir := EnvironmentsDir + "/" + placeDir(env, place)
		files = append(files, produced(env.Dir(), dir+"/workload.yaml", workloadObjects(env, place.Cluster)...))
		if place.Server != InCluster {
			files = append(files, produced(env.Dir(), dir+"/kustomization.yaml", remoteCluster(place)))
		}
	}
	if len(env.Rollout) > 0 {
		for _, release := range env.Written() {
			files = append(files, produced(env.ReleaseDir(release), ApplicationFile(env, release), applicationSet(env, release)))
		}
		return sorted(files)
	}
	for _, release := range env.Releases {
		files = append(files, produced(env.ReleaseDir(release), ApplicationFile(env, release), application(env, release)))
	}
	return sorted(files)
}

// ApplicationFile returns the path of the file with the Application of one of env's
// releases, relative to the repository's root: one for all regions if env has a rollout.
func ApplicationFile(env *environment.Environment, release environment.Release) string {
	name := release.Name
	if len(env.Rollout) > 0 {
		name = release.Helm
	}
	return Dir + "/" + env.Name + "/" + name + ".yaml"
}

// placeDir returns the folder below EnvironmentsDir with what an environment needs in
// a cluster of its own.
func placeDir(env *environment.Environment, place environment.Place) string {
	return path.Join(env.Name, place.Region)
}

// Shared returns the files that depend on which environments there are,
// ordered by path. It needs every environment, in any order.
func Shared(all []*environment.Environment) []File {
	all = slices.SortedFunc(slices.Values(all), func(a, b *environment.Environment) int {
		return cmp.Compare(a.Name, b.Name)
	})
	files := []File{
		produced("envs", EnvironmentsDir+"/kustomization.yaml", environmentsComponent(all)),
		{Path: EnvironmentsDir + "/policy.csv", Content: operators(all)},
		produced("envs", ProjectsDir+"/default.yaml", defaultProject()),
		produced("envs", ProjectsDir+"/kustomization.yaml", projectsComponent(all)),
	}
	if keeper, ok := projectsKeeper(all); ok {
		files = append(files,
			produced("envs", EnvironmentsDir+"/"+Projects+".yaml", projectsApplication(keeper)),
			produced("envs", ProjectsDir+"/"+Projects+".yaml", projectsProject(keeper)))
	}
	return sorted(files)
}

// projectsKeeper returns the environment whose approvals carry the AppProjects
// of all environments: the first by name that has an approval branch. A single
// one has to, as two Applications can't own the same object. Without one the
// AppProjects come from bootstrap only.
func projectsKeeper(all []*environment.Environment) (*environment.Environment, bool) {
	for _, env := range all {
		if _, follows := env.ApprovalBranch(); follows {
			return env, true
		}
	}
	return nil, false
}

// object is a Kubernetes object, or a Kustomization, in the shape of its YAML.
// Maps become YAML with their keys in alphabetical order.
type object = map[string]any

func produced(source, name string, objects ...object) File {
	var content bytes.Buffer
	content.WriteString(values.Header(source))
	for i, o := range objects {
		if i > 0 {
			content.WriteString("---\n")
		}
		text, err := document.Marshal(o)
		if err != nil {
			// Objects are built from strings, numbers, lists and maps alone.
			panic(fmt.Sprintf("%s: %v", name, err))
		}
		content.Write(text)
	}
	return File{Path: name, Content: content.Bytes()}
}

func sorted(files []File) []File {
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files
}
