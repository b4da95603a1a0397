package bootstrap

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Module is the Go module of Argo CD.
const Module = "github.com/argoproj/argo-cd/v2"

// ModuleInstall returns Argo CD's manifests/install.yaml from its Go module, as
// the go.mod of dir selects it: the file that [Install] names, from a place that
// go.sum vouches for.
func ModuleInstall(ctx context.Context, dir string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}} {{.Dir}}", Module)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("finding module %s: %w: %s", Module, err, strings.TrimSpace(stderr.String()))
	}
	version, moduleDir, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if version != Version {
		return nil, fmt.Errorf("go.mod has %s %s, but bootstrap installs %s: change both, and the commit in %s",
			Module, version, Version, InstallKustomization)
	}
	if moduleDir == "" {
		return nil, fmt.Errorf("module %s is not downloaded: run go mod download %s", Module, Module)
	}
	install, err := os.ReadFile(filepath.Join(moduleDir, "manifests", "install.yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading Argo CD's manifests: %w", err)
	}
	return install, nil
}
