// Package build makes the programs that a cluster is made of, from their Go modules, and keeps them.
package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Program is a program of one Go module.
type Program struct {
	// Name is that of the executable.
	Name string
	// Module is the module's folder below e2e, Package the package in it.
	Module, Package string
	// Linker is passed to the linker, for a version.
	Linker string
}

// The programs that are the same until a go.sum changes. All but CoreDNS take minutes to build.
var (
	Kubernetes = Program{Name: "kubernetes", Module: "kubernetes", Package: ".", Linker: version("k8s.io/component-base/version") + version("k8s.io/client-go/pkg/version")}
	ArgoCD     = Program{Name: "argocd", Module: "argocd", Package: ".", Linker: argoCDVersion}
	CoreDNS    = Program{Name: "coredns", Module: "coredns", Package: "."}
	Calico     = Program{Name: "calico", Module: "calico", Package: ".", Linker: "-X github.com/projectcalico/calico/felix/buildinfo.GitVersion=v3.28.5"}
)

// argoCDVersion is what Argo CD's own build sets from Git. Its API refuses a client without a proper version.
const argoCDVersion = "-X github.com/argoproj/argo-cd/v2/common.version=2.14.21 -X github.com/argoproj/argo-cd/v2/common.gitTag=v2.14.21 " +
	"-X github.com/argoproj/argo-cd/v2/common.gitCommit=206a6eeca509bbf7f239301f3d3fa498c23251a4 -X github.com/argoproj/argo-cd/v2/common.gitTreeState=clean"

// version makes Kubernetes say which one it is. Its own build takes that from Git, and a module has no history.
func version(pkg string) string {
	return fmt.Sprintf("-X %[1]s.gitVersion=v1.33.13 -X %[1]s.gitMajor=1 -X %[1]s.gitMinor=33 -X %[1]s.gitTreeState=clean ", pkg)
}

// Kept lists them, in the order in which they are best built.
var Kept = []Program{Kubernetes, ArgoCD, CoreDNS, Calico}

// Cache is the folder that keeps what takes long to make: towpath/e2e in the user's cache folder.
func Cache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder to keep programs in: %w", err)
	}
	return filepath.Join(dir, "towpath", "e2e"), nil
}

// Find returns the path of the program as it is kept. If it is not kept, the error is [fs.ErrNotExist], and the
// path is that which [Program.Make] makes.
func (p Program) Find(source string) (string, error) {
	cache, err := Cache()
	if err != nil {
		return "", err
	}
	sum, err := p.sum(source)
	if err != nil {
		return "", err
	}
	file := filepath.Join(cache, p.Name+"@"+sum, p.Name)
	_, err = os.Stat(file)
	return file, err
}

// Make builds the program unless it is kept, and returns its path. The source is the folder e2e.
func (p Program) Make(ctx context.Context, source string) (string, error) {
	file, err := p.Find(source)
	if !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	building := filepath.Dir(file) + ".building"
	defer os.RemoveAll(building)
	if err := goBuild(ctx, filepath.Join(source, p.Module), filepath.Join(building, p.Name), "-s -w "+p.Linker, p.Package); err != nil {
		return "", fmt.Errorf("building %s: %w", p.Name, err)
	}
	if err := os.RemoveAll(filepath.Dir(file)); err != nil {
		return "", err
	}
	return file, os.Rename(building, filepath.Dir(file))
}

// Current builds a package of the repository as it is now, into a file. Go's own cache makes it quick.
func Current(ctx context.Context, module, pkg, to string) error {
	if err := goBuild(ctx, module, to, "-s -w", pkg); err != nil {
		return fmt.Errorf("building %s: %w", pkg, err)
	}
	return nil
}

// sum tells apart what would build another program: the module's own files, and the compiler.
func (p Program) sum(source string) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), p)
	files, err := filepath.Glob(filepath.Join(source, p.Module, "*"))
	if err != nil {
		return "", err
	}
	slices.Sort(files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(hash, filepath.Base(file), len(data))
		hash.Write(data)
	}
	return hex.EncodeToString(hash.Sum(nil))[:12], nil
}

// goBuild makes the static programs that images FROM scratch need. It goes behind other work of the machine.
func goBuild(ctx context.Context, dir, to, linker, pkg string) error {
	cmd := exec.CommandContext(ctx, "nice", "-n", "10", "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", strings.TrimSpace(linker), "-o", to, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, output.Bytes())
	}
	return nil
}
