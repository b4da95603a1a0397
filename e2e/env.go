package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gitlab.com/towpath/towpath/e2e/cluster"
)

// printEnvironment prints the variables by which the suite tries a cluster that it knows nothing else of, for a shell.
func printEnvironment(dir string, out io.Writer) error {
	if !isUp(dir) {
		return errors.New("no cluster is up; bring one up with: go run . up")
	}
	state, err := cluster.ReadState(dir)
	if err != nil {
		return err
	}
	config, err := cluster.ReadConfig(dir)
	if err != nil {
		return err
	}
	var images []string
	for _, version := range []string{cluster.FirstVersion, cluster.NextVersion} {
		tagged := "registry.gitlab.com/towpath/towpath/service:" + version
		images = append(images, tagged+"@"+state.Images[tagged])
	}
	for _, variable := range [][2]string{
		{"PATH", filepath.Join(dir, "bin") + ":" + os.Getenv("PATH")},
		{"KUBECONFIG", filepath.Join(dir, "kubeconfig", "outside")},
		{"ARGOCD_SERVER", config.Outside.ArgoCD},
		{"TOWPATH_ARGOCD_CA", filepath.Join(dir, "pki", "ca.crt")},
		{"TOWPATH_REPOSITORY", filepath.Join(dir, "git", "towpath", "towpath.git")},
		{"TOWPATH_IMAGES", strings.Join(images, " ")},
		{"GEN_SIGNING_KEY", filepath.Join(dir, "keys", "approval.asc")},
	} {
		fmt.Fprintf(out, "export %s='%s'\n", variable[0], strings.ReplaceAll(variable[1], "'", `'\''`))
	}
	return nil
}
