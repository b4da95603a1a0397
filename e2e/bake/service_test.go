package bake_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"gitlab.com/towpath/towpath/e2e/bake"
	"gitlab.com/towpath/towpath/e2e/build"
	"gitlab.com/towpath/towpath/e2e/image"
)

// contents lists the files of an image: name, owner, mode and, of short ones, what is in them.
func contents(t *testing.T, made v1.Image) []string {
	t.Helper()
	stream := mutate.Extract(made)
	defer stream.Close()
	var lines []string
	for archive := tar.NewReader(stream); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			slices.Sort(lines)
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%s %d:%d %s", header.Name, header.Uid, header.Gid, header.FileInfo().Mode())
		if header.Size > 0 && header.Size < 100 {
			text, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			line += " " + string(text)
		}
		lines = append(lines, line)
	}
}

// TestServiceImage builds the repository's own Dockerfile, as it is, and holds the image against what that promises.
func TestServiceImage(t *testing.T) {
	needs(t, "buildah", "debootstrap")
	cache, err := build.Cache()
	if err != nil {
		t.Fatal(err)
	}
	debian, err := image.Small.Make(t.Context(), cache)
	if err != nil {
		t.Fatal(err)
	}
	repository, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	oven, err := bake.Service(t.Context(), repository, cache, debian)
	if err != nil {
		t.Fatal(err)
	}
	made := built(t, oven, repository, "VERSION=0.1.0")
	file, err := made.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := file.Config
	ports := slices.Sorted(maps.Keys(c.ExposedPorts))
	if got, want := fmt.Sprint(c.User, c.Entrypoint, c.Cmd, ports, c.Volumes, c.WorkingDir), "65532:65532[/service] [] [8080/tcp 9090/tcp] map[]"; got != want {
		t.Errorf("user, entrypoint, command, ports, volumes and folder are %q, not %q", got, want)
	}
	labels := map[string]string{
		"org.opencontainers.image.title":       "service",
		"org.opencontainers.image.description": "The Fiber service that Towpath deploys",
		"org.opencontainers.image.source":      "https://gitlab.com/towpath/towpath",
		"org.opencontainers.image.version":     "0.1.0",
		"org.opencontainers.image.revision":    "unknown",
	}
	if !maps.Equal(c.Labels, labels) {
		t.Errorf("labels are %q, not %q", c.Labels, labels)
	}
	// Neither a shell nor a package is among them.
	want := []string{
		"etc 0:0 drwxr-xr-x",
		"etc/ssl 0:0 drwxr-xr-x",
		"etc/ssl/certs 0:0 drwxr-xr-x",
		"etc/ssl/certs/ca-certificates.crt 0:0 -rw-r--r--",
		"service 0:0 -rwxr-xr-x",
		// COPY gives the folders above to the owner too.
		"var 65532:65532 drwxr-xr-x",
		"var/lib 65532:65532 drwxr-xr-x",
		"var/lib/towpath 65532:65532 drwxr-xr-x",
	}
	if got := contents(t, made); !slices.Equal(got, want) {
		t.Errorf("it holds\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
