package delivery

import (
	"maps"
	"slices"
	"strconv"

	"gitlab.com/towpath/towpath/gen/environment"
)

// applicationSet makes the Applications of a release, one for each region, and starts
// their syncs in the order of the environment's rollout. What it makes is what
// application would say of each region; argocd/verify holds the two against each other.
func applicationSet(env *environment.Environment, release environment.Release) object {
	const region = "{{.region}}"
	var elements []object
	sameVersion, sameAPIs := true, true
	places := env.Places()
	for _, place := range places {
		sameVersion = sameVersion && place.KubernetesVersion == places[0].KubernetesVersion
		sameAPIs = sameAPIs && slices.Equal(place.APIVersions, places[0].APIVersions)
		elements = append(elements, object{"region": place.Region, "server": place.Server})
	}
	cluster := environment.Cluster{Server: "{{.server}}", KubernetesVersion: places[0].KubernetesVersion, APIVersions: places[0].APIVersions}
	spec := object{
		"goTemplate":        true,
		"goTemplateOptions": []string{"missingkey=error"},
		"strategy":          object{"type": "RollingSync", "rollingSync": object{"steps": steps(env)}},
	}
	if !sameVersion {
		cluster.KubernetesVersion = "{{.kubernetesVersion}}"
		for i, place := range places {
			elements[i]["kubernetesVersion"] = place.KubernetesVersion
		}
	}
	if !sameAPIs {
		// A template has no way to make a list, and a patch has.
		cluster.APIVersions = nil
		spec["templatePatch"] = APIVersionsPatch
		for i, place := range places {
			elements[i]["apiVersions"] = append([]string{}, place.APIVersions...)
		}
	}
	release.Name, release.Region = release.Helm+"-"+region, region
	// The controller takes automated out of what it makes, as it starts the syncs
	// itself, and prunes in them if automated says so.
	spec["template"] = template(env, release, cluster, true)
	spec["generators"] = []object{{"list": object{"elements": elements}}}
	if _, approved := env.ApprovalBranch(); approved {
		// Without this the controller adds the finalizer that deletes what an
		// Application made, which application leaves out there too.
		//
		// applicationsSync is left at its default, which deletes the Application of a
		// region that is gone, as the root does with one that it made itself.
		spec["syncPolicy"] = object{"preserveResourcesOnDeletion": true}
	}
	metadata := object{"name": release.Helm, "namespace": ApplicationNamespace(env.Name)}
	if release.Team != "" {
		metadata["labels"] = object{TeamLabel: release.Team}
	}
	return object{"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "metadata": metadata, "spec": spec}
}

// APIVersionsPatch is what an ApplicationSet adds to its template if the API versions of
// the regions differ.
const APIVersionsPatch = "spec: {source: {helm: {apiVersions: {{toJson .apiVersions}}}}}"

// steps are those of the rollout, as the ApplicationSet controller wants them.
func steps(env *environment.Environment) []object {
	var steps []object
	for _, step := range env.Rollout {
		steps = append(steps, object{"matchExpressions": []object{inRegions(step)}})
	}
	return steps
}

func inRegions(names []string) object {
	return object{"key": RegionLabel, "operator": "In", "values": names}
}

// ordered are the bindings of the policy by which the API server itself keeps the order
// of a rollout, one for each step but the first.
//
// The controller alone does not keep it. Argo CD looks at Git for each Application by
// itself, so that a region may learn of a commit while the one before it still looks
// healthy, at the commit before.
func ordered(env *environment.Environment) []object {
	var objects []object
	var before []string
	for i, step := range env.Rollout {
		if i > 0 {
			b := binding(InOrder, env.Name+"-"+strconv.Itoa(i+1), ApplicationNamespace(env.Name))
			spec := b["spec"].(object)
			spec["paramRef"] = object{
				"selector":                object{"matchExpressions": []object{inRegions(slices.Clone(before))}},
				"parameterNotFoundAction": "Deny",
			}
			maps.Copy(spec["matchResources"].(object), object{
				"objectSelector": object{"matchExpressions": []object{inRegions(step)}},
			})
			objects = append(objects, b)
		}
		before = append(before, step...)
	}
	return objects
}
