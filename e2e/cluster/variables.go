package cluster

import (
	"os"
	"path/filepath"
	"strings"
)

// Variables returns the variables, as name and value, by which the suite tries the cluster in a folder as it tries
// any other, which it knows nothing else of.
func Variables(dir string) ([][2]string, error) {
	state, err := ReadState(dir)
	if err != nil {
		return nil, err
	}
	config, err := ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	var images []string
	for _, version := range []string{FirstVersion, NextVersion} {
		tagged := "registry.gitlab.com/towpath/towpath/service:" + version
		images = append(images, tagged+"@"+state.Images[tagged])
	}
	return [][2]string{
		{"PATH", filepath.Join(dir, "bin") + ":" + os.Getenv("PATH")},
		{"KUBECONFIG", filepath.Join(dir, "kubeconfig", "outside")},
		{"ARGOCD_SERVER", config.Outside.ArgoCD},
		{"TOWPATH_ARGOCD_CA", filepath.Join(dir, "pki", "ca.crt")},
		{"TOWPATH_REPOSITORY", filepath.Join(dir, "git", "towpath", "towpath.git")},
		{"TOWPATH_IMAGES", strings.Join(images, " ")},
		{"GEN_SIGNING_KEY", filepath.Join(dir, "keys", "approval.asc")},
	}, nil
}
