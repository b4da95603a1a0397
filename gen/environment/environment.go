// Package environment reads environments: it loads the CUE of a folder under
// envs/, holds it against the contract, and turns what is wrong into findings
// that point into the file a person edits.
//
// It is the first step of the flow. What comes out has satisfied the whole
// contract, so that no later step needs to check a value again.
package environment

import (
	"path"

	"cuelang.org/go/cue"
)

// Environment is one folder under envs/, loaded and valid, with those of its teams.
type Environment struct {
	// Name is the name of the environment and of its folder.
	Name string `json:"name"`
	// Tier is development, staging or production.
	Tier      string `json:"tier"`
	Namespace string `json:"namespace"`

	Cluster Cluster `json:"cluster"`
	// Regions are the clusters that run the environment in place of Cluster, by name.
	Regions map[string]Region `json:"regions,omitempty"`
	// Rollout is the order in which a change goes through the regions: steps, each with
	// the names of regions. It has every region once, or is empty.
	Rollout  [][]string `json:"rollout,omitempty"`
	Delivery Delivery   `json:"delivery"`

	// Differs are the values that are meant to differ from other environments, each
	// as RELEASE.PATH.
	Differs []string `json:"differs"`

	// Waivers are in the order in which they are written, the environment's own first.
	Waivers []Waiver `json:"waivers"`

	// Releases are ordered by name, in an environment with regions one for each of them.
	Releases []Release `json:"-"`

	// Teams have releases in folders of their own, ordered by name.
	Teams []Team `json:"-"`

	// Value is the environment in CUE, joined with the contract, without the releases
	// and waivers of teams: see [Environment.Around].
	Value cue.Value `json:"-"`
}

// Dir returns the environment's folder, relative to the repository's root.
func (e *Environment) Dir() string { return Dir + "/" + e.Name }

// Cluster is where the environment runs.
type Cluster struct {
	Server string `json:"server"`
	// KubernetesVersion is a minor version such as 1.33.
	KubernetesVersion string   `json:"kubernetesVersion"`
	APIVersions       []string `json:"apiVersions"`
}

// HelmVersion returns the Kubernetes version that Helm is told, with a patch
// number: without one, what templates see as .Capabilities.KubeVersion is v1.33.0
// up to Helm 3.18 and v1.33 from 3.19 on.
func (c Cluster) HelmVersion() string { return c.KubernetesVersion + ".0" }

// Delivery is how Argo CD delivers the environment.
type Delivery struct {
	// Repository is the address of the Git repository that Argo CD reads.
	Repository string `json:"repository"`
	// Revision is the Git ref that Argo CD follows.
	Revision string `json:"revision"`
	// PromotedFrom is the environment whose images a promotion brings here, or "".
	PromotedFrom string `json:"promotedFrom,omitempty"`
	// Sync is automated or manual.
	Sync     string `json:"sync"`
	Prune    bool   `json:"prune"`
	SelfHeal bool   `json:"selfHeal"`
	// SkipUnchanged has Argo CD leave releases alone whose files do not change.
	SkipUnchanged bool         `json:"skipUnchanged"`
	Windows       []SyncWindow `json:"windows"`
	SignatureKeys []string     `json:"signatureKeys"`
	// Kinds are Kind or Kind.group.
	Kinds []string `json:"kinds"`
}

// SyncWindow is a span of time in which syncs are allowed or denied.
type SyncWindow struct {
	Kind       string `json:"kind"`
	Schedule   string `json:"schedule"`
	Duration   string `json:"duration"`
	TimeZone   string `json:"timeZone"`
	ManualSync bool   `json:"manualSync"`
}

// Release is one chart with its values in one environment.
type Release struct {
	// Name is the name of the Argo CD Application, and no other release in the
	// environment has it.
	Name string `json:"name"`
	// Helm is the name of the Helm release, and in the environment's CUE.
	Helm string `json:"-"`
	// Region is the one that the release runs in, "" if the environment has none. The
	// Name is then that of Helm with the region's.
	Region string `json:"region,omitempty"`
	// Chart is the name of the folder under charts/.
	Chart string `json:"chart"`
	// Foreign tells that the chart's defaults and schema are its own, and not
	// produced from the contract.
	Foreign bool `json:"-"`
	// Team is the one whose folder has the release, "" if the environment's own has it.
	Team string `json:"team,omitempty"`
	// Values are concrete: every default is resolved.
	Values cue.Value `json:"-"`

	tree *tree // Values as plain data, once somebody asked; see [Release.Tree].
}

// ReleaseDir returns the folder with the CUE of a release, relative to the
// repository's root.
func (e *Environment) ReleaseDir(release Release) string { return path.Join(e.Dir(), release.Team) }

// valuesDir is the folder in an environment's with what is produced.
const valuesDir = "values"

// ValuesFile returns the path of the produced values of one of e's releases,
// relative to the repository's root.
func (e *Environment) ValuesFile(release string) string {
	return e.Dir() + "/" + valuesDir + "/" + release + ".yaml"
}

// ApprovalBranch returns the ref whose commits are approvals of e, and whether
// e is delivered from it.
func (e *Environment) ApprovalBranch() (ref string, follows bool) {
	ref = "refs/heads/env/" + e.Name
	return ref, e.Delivery.Revision == ref
}

// ApprovalFile returns the path of the approval record, which exists on the
// approval branch only, relative to the repository's root.
func (e *Environment) ApprovalFile() string { return Folder{Environment: e.Name}.ApprovalFile() }
