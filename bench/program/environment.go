package program

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Environment is what Helm has to be told about an environment.
type Environment struct {
	Name      string
	Namespace string
	Cluster   struct {
		KubernetesVersion string
		APIVersions       []string
	}
	Releases map[string]struct{ Chart string }
	// approval is the file of its approval record, "" if it has none.
	approval string
}

// ReadEnvironment asks CUE for an environment, or for the part of one that stands in
// a team's folder, such as prod/payments. Measurements do so beforehand, so that what
// they measure is no more than the commands that a person would type.
func ReadEnvironment(ctx context.Context, cue, root, folder string) (Environment, error) {
	var env Environment
	export := exec.CommandContext(ctx, cue, "export", "./"+folder, "--out", "json")
	export.Dir = filepath.Join(root, "envs")
	var messages bytes.Buffer
	export.Stderr = &messages
	out, err := export.Output()
	if err != nil {
		return env, fmt.Errorf("reading environment %s: %w\n%s", folder, err, messages.Bytes())
	}
	if err := json.Unmarshal(out, &env); err != nil {
		return env, fmt.Errorf("reading environment %s: %w", folder, err)
	}
	approval := filepath.Join("envs", env.Name, "approval.yaml")
	if _, err := os.Stat(filepath.Join(root, approval)); err == nil {
		env.approval = approval
	}
	return env, nil
}

// Template returns the arguments with which helm, at the root of the repository,
// prints what Argo CD applies for a release, with its values from a file or, for -,
// from stdin.
func (e Environment) Template(release, values string) []string {
	args := []string{
		"template", release, filepath.Join("charts", e.Releases[release].Chart), "--namespace", e.Namespace,
		"--kube-version", e.Cluster.KubernetesVersion, "--include-crds", "--skip-tests", "-f", values,
	}
	for _, version := range e.Cluster.APIVersions {
		args = append(args, "--api-versions", version)
	}
	if e.approval != "" {
		args = append(args, "-f", e.approval)
	}
	return args
}
