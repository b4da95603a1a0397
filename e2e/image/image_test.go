package image_test

import (
	"archive/tar"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"gitlab.com/towpath/towpath/e2e/image"
)

func hello(archive *tar.Writer) error {
	return errors.Join(image.Folder(archive, "/data", 0o755, 65532), image.Text(archive, "/hello", "hello", 0o644), image.Link(archive, "/again", "hello"))
}

func TestImageComesBackFromTheRegistry(t *testing.T) {
	store, err := image.NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	layer, err := store.Layer("hello", hello)
	if err != nil {
		t.Fatal(err)
	}
	made, err := image.New(v1.Config{User: "65532:65532", Entrypoint: []string{"/hello"}}, layer)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(store.Registry())
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	if err := image.Push(address, "registry.example/team/hello:1.0", made); err != nil {
		t.Fatal(err)
	}
	reference, err := name.ParseReference(address + "/team/hello:1.0")
	if err != nil {
		t.Fatal(err)
	}
	got, err := remote.Image(reference)
	if err != nil {
		t.Fatal(err)
	}
	// It reads the layers, and holds sizes and digests against what the manifest says.
	if err := validate.Image(got); err != nil {
		t.Error(err)
	}
	want, err := made.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if digest, err := got.Digest(); err != nil || digest != want {
		t.Errorf("digest %s, %v; pushed was %s", digest, err, want)
	}
	file, err := got.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if file.Config.User != "65532:65532" || file.OS != "linux" {
		t.Errorf("config %+v of %s", file.Config, file.OS)
	}
}

func TestLayerIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	store, err := image.NewStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	first, err := store.Layer("hello", hello)
	if err != nil {
		t.Fatal(err)
	}
	second, err := store.Layer("hello", func(*tar.Writer) error { return errors.New("made a second time") })
	if err != nil {
		t.Fatal(err)
	}
	other, err := image.NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	third, err := other.Layer("hello", hello)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := first.Digest()
	for _, layer := range []v1.Layer{second, third} {
		if got, _ := layer.Digest(); got != want {
			t.Errorf("digest %s, not %s", got, want)
		}
	}
	content, err := second.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if data, err := io.ReadAll(content); err != nil || !strings.Contains(string(data), "hello") {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

func TestFailureLeavesNoLayer(t *testing.T) {
	store, err := image.NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if _, err := store.Layer("hello", func(*tar.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v, not %v", err, broken)
	}
	if _, err := store.Layer("hello", hello); err != nil {
		t.Error(err)
	}
}
