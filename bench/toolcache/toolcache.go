// Package toolcache keeps the programs that measurements and tests hold gen
// against: the command lines of CUE and of several versions of Helm.
//
// Each is built from its Go module, at one version, so that everybody compares
// with the same program and nothing but a Go module proxy has to be trusted. A
// binary lies in the folder NAME@VERSION of the cache and is read back before it
// is used: Go writes the module's version into it, and a binary of any other
// version counts as missing.
package toolcache

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Tool is one program at one version.
type Tool struct {
	// Name is the name of the program.
	Name string
	// Module is the Go module that it comes from, and Package its main package.
	Module, Package string
	// Version is the version of the module.
	Version string
	// Replaces tells that the module's go.mod replaces other modules. go install does
	// not build such a program, so it is built with the same replacements here.
	Replaces bool
}

// The tools that measurements and tests want.
var (
	CUE = Tool{Name: "cue", Module: "cuelang.org/go", Package: "cuelang.org/go/cmd/cue", Version: "v0.17.1"}

	// Helm316 and Helm319 are the ones that releases of Argo CD bundle.
	Helm316 = helm3("v3.16.3")
	Helm319 = helm3("v3.19.5")
	// Helm318 is the one that gen links.
	Helm318 = helm3("v3.18.6")
	Helm4   = Tool{Name: "helm", Module: "helm.sh/helm/v4", Package: "helm.sh/helm/v4/cmd/helm", Version: "v4.3.1"}

	// Helmfile is for bench/fleet alone; building it takes minutes.
	Helmfile = Tool{Name: "helmfile", Module: "github.com/helmfile/helmfile", Package: "github.com/helmfile/helmfile", Version: "v1.8.0", Replaces: true}
)

func helm3(version string) Tool {
	return Tool{Name: "helm", Module: "helm.sh/helm/v3", Package: "helm.sh/helm/v3/cmd/helm", Version: version}
}

// All returns every tool that a test wants.
func All() []Tool { return []Tool{CUE, Helm316, Helm318, Helm319, Helm4} }

// InstallCommand is what a person runs, at the root of the repository, to install
// every tool.
const InstallCommand = "go run ./bench/tools"

// ErrMissing tells that a tool is not in the cache.
var ErrMissing = errors.New("not installed")

// Dir returns the folder of the cache: that which TOWPATH_TOOLS names, or one in
// the user's cache folder.
func Dir() (string, error) {
	if dir := os.Getenv("TOWPATH_TOOLS"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for tools, set TOWPATH_TOOLS: %w", err)
	}
	return filepath.Join(dir, "towpath", "tools"), nil
}

// String returns NAME@VERSION.
func (t Tool) String() string { return t.Name + "@" + t.Version }

// path returns where the tool lies in a cache.
func (t Tool) path(dir string) string {
	name := t.Name
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(dir, t.String(), name)
}

// Find returns the path of the installed tool. If it isn't installed the error
// is [ErrMissing].
func (t Tool) Find() (string, error) {
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	return t.find(dir)
}

func (t Tool) find(dir string) (string, error) {
	file := t.path(dir)
	info, err := buildinfo.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is %w in %s", t, ErrMissing, dir)
	}
	if err != nil {
		return "", fmt.Errorf("%s is %w: %s is no Go program: %w", t, ErrMissing, file, err)
	}
	if version := t.versionIn(info); info.Path != t.Package || version != t.Version {
		return "", fmt.Errorf("%s is %w: %s holds %s %s", t, ErrMissing, file, info.Path, version)
	}
	return file, nil
}

// versionIn returns the version of the tool that a binary was built from.
func (t Tool) versionIn(info *buildinfo.BuildInfo) string {
	for _, dep := range info.Deps {
		if dep.Path == t.Module {
			return dep.Version
		}
	}
	return info.Main.Version
}

// Install returns the path of the tool, and builds it first if it isn't
// installed.
func (t Tool) Install(ctx context.Context) (string, error) {
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	if file, err := t.find(dir); !errors.Is(err, ErrMissing) {
		return file, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// Built beside its place and renamed into it, so that an interrupted build
	// leaves nothing that looks like a tool.
	building, err := os.MkdirTemp(dir, "building-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(building)
	if err := t.build(ctx, building); err != nil {
		return "", fmt.Errorf("building %s: %w", t, err)
	}
	final := filepath.Dir(t.path(dir))
	if err := os.RemoveAll(final); err != nil {
		return "", err
	}
	if err := os.Rename(building, final); err != nil {
		return "", err
	}
	return t.find(dir)
}

// build builds the tool into a folder, without C, as those that are here release
// their programs.
func (t Tool) build(ctx context.Context, dir string) error {
	if t.Replaces {
		return t.buildReplacing(ctx, dir)
	}
	// A package at a version is built by its own go.mod, wherever this runs.
	return goCommand(ctx, dir, "install", t.Package+"@"+t.Version)
}

// buildReplacing builds the tool in a module of the same go.mod, but for its name.
func (t Tool) buildReplacing(ctx context.Context, dir string) error {
	out, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", t.Module+"@"+t.Version).Output()
	if err != nil {
		return fmt.Errorf("fetching the module: %w\n%s", err, out)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return fmt.Errorf("fetching the module: %w", err)
	}
	temp, err := os.MkdirTemp("", "towpath-tool-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(module.Dir, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(temp, name), data, 0o644); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"mod", "edit", "-module=towpath.tool/" + t.Name, "-require=" + t.Module + "@" + t.Version},
		{"build", "-mod=mod", "-o", filepath.Join(dir, filepath.Base(t.path(dir))), t.Package},
	} {
		if err := goCommand(ctx, temp, args...); err != nil {
			return err
		}
	}
	return nil
}

// goCommand runs the Go command for this machine.
func goCommand(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOOS=", "GOARCH=", "GOWORK=off", "CGO_ENABLED=0")
	var messages bytes.Buffer
	cmd.Stderr = &messages
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", args[0], err, messages.Bytes())
	}
	return nil
}
