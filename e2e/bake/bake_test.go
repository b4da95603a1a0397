package bake_test

import (
	"archive/tar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"gitlab.com/towpath/towpath/e2e/bake"
	"gitlab.com/towpath/towpath/e2e/image"
)

// needs skips a test where it can't run, or fails it where that is not to happen.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	advice := ""
	if os.Geteuid() != 0 {
		advice = "building an image needs root: run it with sudo"
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			advice = program + " is not there: apt-get install " + program
		}
	}
	switch {
	case advice == "":
	case os.Getenv("TOWPATH_REQUIRE_TOOLS") != "":
		t.Fatal(advice)
	default:
		t.Skip(advice)
	}
}

// oven has one base, which holds a file and can run nothing.
func oven(t *testing.T) *bake.Oven {
	t.Helper()
	needs(t, "buildah")
	folder := t.TempDir()
	store, err := image.NewStore(filepath.Join(folder, "images"))
	if err != nil {
		t.Fatal(err)
	}
	layer, err := store.Layer("base", func(archive *tar.Writer) error { return image.Text(archive, "/base", "from the base", 0o644) })
	if err != nil {
		t.Fatal(err)
	}
	base, err := image.New(v1.Config{}, layer)
	if err != nil {
		t.Fatal(err)
	}
	return &bake.Oven{Folder: filepath.Join(folder, "bake"), Store: store, Bases: map[string]v1.Image{"docker.io/library/base:1": base}}
}

// source is a folder with a Dockerfile and what it copies.
func source(t *testing.T, dockerfile string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{"Dockerfile": dockerfile, "own": "from the folder"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func built(t *testing.T, oven *bake.Oven, folder string, arguments ...string) v1.Image {
	t.Helper()
	to, err := oven.Build(t.Context(), folder, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	made, err := image.Read(to)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

const dockerfile = `FROM base:1 AS build
FROM scratch
ARG VERSION=unknown
LABEL version="${VERSION}"
COPY --from=build /base /one
COPY own /two
USER 7:8
ENTRYPOINT ["/three"]
`

func TestImageIsWhatTheDockerfileSays(t *testing.T) {
	made := built(t, oven(t), source(t, dockerfile), "VERSION=1.2.3")
	file, err := made.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := file.Config; c.User != "7:8" || len(c.Entrypoint) != 1 || c.Entrypoint[0] != "/three" || c.Labels["version"] != "1.2.3" {
		t.Errorf("config: %+v", c)
	}
	got := strings.Join(contents(t, made), "\n")
	if want := "one 0:0 -rw-r--r-- from the base\ntwo 0:0 -rw-r--r-- from the folder"; got != want {
		t.Errorf("it holds\n%s\nnot\n%s", got, want)
	}
}

func TestEqualTreesMakeEqualImages(t *testing.T) {
	oven := oven(t)
	folder := source(t, dockerfile)
	digest := func(arguments ...string) string {
		sum, err := built(t, oven, folder, arguments...).Digest()
		if err != nil {
			t.Fatal(err)
		}
		return sum.String()
	}
	first := digest("VERSION=1")
	if again := digest("VERSION=1"); again != first {
		t.Errorf("digest %s the second time, not %s", again, first)
	}
	if other := digest("VERSION=2"); other == first {
		t.Error("another argument made the same image")
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("own", "changed")
	if other := digest("VERSION=1"); other == first {
		t.Error("another file made the same image")
	}
	// Without its base it can't be built again, and needs not be for a file that is hidden.
	write(".dockerignore", "*\n!own\n")
	want := digest("VERSION=1")
	bases := oven.Bases
	oven.Bases = map[string]v1.Image{}
	if _, err := oven.Build(t.Context(), folder, "VERSION=1"); err == nil {
		t.Error("it was built without its base")
	}
	oven.Bases = bases
	write("hidden", "of no matter")
	started := kept(t, oven)
	if again := digest("VERSION=1"); again != want {
		t.Errorf("digest %s after a hidden file has changed, not %s", again, want)
	}
	if now := kept(t, oven); now != started {
		t.Errorf("%d images are kept instead of %d: the hidden file made another", now, started)
	}
}

func kept(t *testing.T, oven *bake.Oven) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(oven.Folder, "built"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestNoMountIsLeft(t *testing.T) {
	oven := oven(t)
	built(t, oven, source(t, dockerfile))
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), oven.Folder) {
		t.Errorf("buildah has left mounts:\n%s", mounts)
	}
}

func TestBaseThatIsNotThereIsNamed(t *testing.T) {
	oven := oven(t)
	if _, err := oven.Build(t.Context(), source(t, "FROM other:2\n")); err == nil || !strings.Contains(err.Error(), "other:2") {
		t.Errorf("error %v does not name the base", err)
	}
}
