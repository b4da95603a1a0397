package toolcache

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindNodeTool(t *testing.T) {
	dir := t.TempDir()
	tool := GitLabCILocal
	if _, err := tool.find(dir); !errors.Is(err, ErrMissing) {
		t.Errorf("in an empty cache: %v, want ErrMissing", err)
	}
	folder := filepath.Join(dir, tool.String())
	place(t, filepath.Join(folder, tool.Script), []byte("// nothing"))
	place(t, filepath.Join(folder, "package.json"), []byte(`{"name": "gitlab-ci-local", "version": "4.71.0"}`))
	if _, err := tool.find(dir); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "holds gitlab-ci-local 4.71.0") {
		t.Errorf("another version: %v, want ErrMissing", err)
	}
	place(t, filepath.Join(folder, "package.json"), []byte(`{"name": "gitlab-ci-local", "version": "`+tool.Version+`"}`))
	if script, err := tool.find(dir); err != nil || script != filepath.Join(folder, "dist", "index.js") {
		t.Errorf("found %q, %v", script, err)
	}
}

func TestNodeToolVerifies(t *testing.T) {
	if err := GitLabCILocal.verify([]byte("something else")); err == nil || !strings.Contains(err.Error(), "is not the package that is known here") {
		t.Errorf("another package: %v", err)
	}
}

func TestUnpackStaysInItsFolder(t *testing.T) {
	for name, wrong := range map[string]bool{"package/dist/index.js": false, "package/../../evil": true} {
		var packed bytes.Buffer
		compressed := gzip.NewWriter(&packed)
		files := tar.NewWriter(compressed)
		if err := files.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: 2, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Write([]byte("hi")); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(files.Close(), compressed.Close()); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		err := unpack(filepath.Join(dir, "a", "b"), packed.Bytes())
		if (err != nil) != wrong {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "evil")); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}
