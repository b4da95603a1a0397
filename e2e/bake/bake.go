// Package bake builds images from Dockerfiles, with Debian's buildah and without Docker or a registry of the outer
// world: what a Dockerfile names as its base images are stand-ins, which a registry on loopback serves for as long as
// the build takes.
//
// An image is built once for all that goes into it, and kept. buildah could keep single steps instead, but Debian's takes a
// LABEL for the same whose build argument has changed.
package bake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"gitlab.com/towpath/towpath/e2e/image"
)

// Oven is where images are built.
type Oven struct {
	// Folder keeps what was built, the bases, and the caches that RUN --mount=type=cache asks for.
	Folder string
	// Store holds the layers of the bases.
	Store *image.Store
	// Bases are the images that there are to build on, by the names that Dockerfiles give them. There are no others.
	Bases map[string]v1.Image
	// Caches are folders of the machine that a build uses in place of caches of its own, by the target of the mount.
	Caches map[string]string
}

// mostKept is how many images are kept, the last that were asked for.
const mostKept = 20

// Build builds the Dockerfile of a folder with build arguments, each NAME=value, unless that is kept. It returns the
// folder of an OCI layout that holds the image.
func (o *Oven) Build(ctx context.Context, folder string, arguments ...string) (made string, err error) {
	key, err := o.key(folder, arguments)
	if err != nil {
		return "", fmt.Errorf("what the Dockerfile of %s is built from: %w", folder, err)
	}
	if err := o.prepare(); err != nil {
		return "", err
	}
	// Two builds at a time would share what is beside the images.
	unlock, err := lock(filepath.Join(o.Folder, "lock"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	kept := filepath.Join(o.Folder, "built", key)
	switch err := os.Chtimes(kept, time.Time{}, time.Now()); {
	case err == nil:
		return kept, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	building := filepath.Join(o.Folder, "building")
	if err := os.RemoveAll(building); err != nil {
		return "", err
	}
	if err := o.build(ctx, folder, building, arguments); err != nil {
		return "", err
	}
	return kept, errors.Join(os.Rename(building, kept), o.forget())
}

func (o *Oven) build(ctx context.Context, folder, to string, arguments []string) (err error) {
	registry, err := o.serveBases()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, registry.Close()) }()
	registries := filepath.Join(o.Folder, "registries.conf")
	text := fmt.Sprintf("unqualified-search-registries = [\"docker.io\"]\n[[registry]]\nprefix = \"docker.io\"\nlocation = %q\ninsecure = true\n", registry.Addr)
	if err := os.WriteFile(registries, []byte(text), 0o644); err != nil {
		return err
	}
	// What buildah knows of mounts. It is gone, and so are they.
	state, err := os.MkdirTemp("", "bake-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(state)) }()
	args := []string{
		"--root=" + filepath.Join(o.Folder, "storage"), "--runroot=" + state, "--storage-driver=overlay", "--registries-conf=" + registries,
		// No container of its own for a step, and no times, so that an equal tree makes an equal image.
		"bud", "--isolation=chroot", "--timestamp=0",
		"--layers=false", "--pull-always", "--identity-label=false", "--tag=oci:" + to,
	}
	for _, argument := range arguments {
		args = append(args, "--build-arg="+argument)
	}
	cmd := exec.CommandContext(ctx, "buildah", append(args, folder)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+o.temporary())
	// It leaves mounts behind, which end with a namespace.
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the Dockerfile of %s: %w\n%s", folder, err, bytes.TrimSpace(output))
	}
	return nil
}

// prepare makes the folders. buildah has its caches below the folder for temporary files, each at its target.
func (o *Oven) prepare() error {
	caches := filepath.Join(o.temporary(), "buildah-cache")
	if err := errors.Join(os.MkdirAll(caches, 0o700), os.MkdirAll(filepath.Join(o.Folder, "built"), 0o755)); err != nil {
		return err
	}
	for target, folder := range o.Caches {
		link := filepath.Join(caches, target)
		if there, err := os.Readlink(link); err == nil && there == folder {
			continue
		}
		if err := errors.Join(os.MkdirAll(folder, 0o755), os.MkdirAll(filepath.Dir(link), 0o755), os.RemoveAll(link)); err != nil {
			return err
		}
		if err := os.Symlink(folder, link); err != nil {
			return err
		}
	}
	return nil
}

func (o *Oven) temporary() string { return filepath.Join(o.Folder, "tmp") }

// forget removes all images but the last.
func (o *Oven) forget() error {
	folder := filepath.Join(o.Folder, "built")
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var kept []fs.FileInfo
	for _, entry := range entries {
		information, err := entry.Info()
		if err != nil {
			return err
		}
		kept = append(kept, information)
	}
	slices.SortFunc(kept, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for _, old := range kept[min(mostKept, len(kept)):] {
		if err := os.RemoveAll(filepath.Join(folder, old.Name())); err != nil {
			return err
		}
	}
	return nil
}

// serveBases serves the bases on loopback.
func (o *Oven) serveBases() (*http.Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Addr: listener.Addr().String(), Handler: o.Store.Registry()}
	go func() { _ = server.Serve(listener) }() // It ends when it is closed.
	for reference, base := range o.Bases {
		if err := image.Push(server.Addr, reference, base); err != nil {
			return nil, errors.Join(err, server.Close())
		}
	}
	return server, nil
}

// lock waits for a lock between processes.
func lock(name string) (unlock func() error, err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		if err == nil {
			return file.Close, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", name, err), file.Close())
		}
	}
}
