package toolcache

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// NodeTool is a program for Node.js that is one package of npm without others, so
// that one digest says what is run.
type NodeTool struct {
	// Name is the name of the package, Version its version.
	Name, Version string
	// Integrity is the digest of the package as npm writes it, sha512-...
	Integrity string
	// Script is the file within the package that node runs.
	Script string
}

// GitLabCILocal runs .gitlab-ci.yml on one machine.
var GitLabCILocal = NodeTool{
	Name: "gitlab-ci-local", Version: "4.72.0", Script: "dist/index.js",
	Integrity: "sha512-1EhrD5bnKROEJ2vOM39bFcDcyicY7Qg+HH77PLWG/QYj8glRfsl3TQhLzdThsZ5av1vCLzDXzeTFZOl8B/V50A==",
}

// leastNode is the oldest version of Node.js that the tools run on.
const leastNode = 20

// maxPackage is the size up to which files of a package are unpacked, in bytes.
const maxPackage = 64 << 20

// ErrNoNode tells that Node.js or npm is not there, or too old.
var ErrNoNode = fmt.Errorf("node %d or newer with npm is not on the PATH", leastNode)

// String returns NAME@VERSION.
func (t NodeTool) String() string { return t.Name + "@" + t.Version }

// Find returns the path of the script of the installed tool. If it isn't installed
// the error is [ErrMissing].
func (t NodeTool) Find() (string, error) {
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	return t.find(dir)
}

func (t NodeTool) find(dir string) (string, error) {
	folder := filepath.Join(dir, t.String())
	data, err := os.ReadFile(filepath.Join(folder, "package.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is %w in %s", t, ErrMissing, dir)
	}
	var installed struct{ Name, Version string }
	if err == nil {
		err = json.Unmarshal(data, &installed)
	}
	if err != nil {
		return "", fmt.Errorf("%s is %w: %s: %w", t, ErrMissing, folder, err)
	}
	if installed.Name != t.Name || installed.Version != t.Version {
		return "", fmt.Errorf("%s is %w: %s holds %s %s", t, ErrMissing, folder, installed.Name, installed.Version)
	}
	script := filepath.Join(folder, filepath.FromSlash(t.Script))
	if _, err := os.Stat(script); err != nil {
		return "", fmt.Errorf("%s is %w: %w", t, ErrMissing, err)
	}
	return script, nil
}

// Install returns the path of the script, and fetches the package with npm first if
// it isn't installed. Without Node.js the error is [ErrNoNode].
func (t NodeTool) Install(ctx context.Context) (string, error) {
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	if script, err := t.find(dir); !errors.Is(err, ErrMissing) {
		return script, err
	}
	if err := checkNode(); err != nil {
		return "", fmt.Errorf("%s: %w", t, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	building, err := os.MkdirTemp(dir, "building-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(building)
	cmd := exec.CommandContext(ctx, "npm", "pack", "--silent", "--ignore-scripts", t.String())
	cmd.Dir = building
	var messages bytes.Buffer
	cmd.Stderr = &messages
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("fetching %s: %w\n%s", t, err, messages.Bytes())
	}
	data, err := os.ReadFile(filepath.Join(building, t.Name+"-"+t.Version+".tgz"))
	if err != nil {
		return "", err
	}
	if err := t.verify(data); err != nil {
		return "", err
	}
	final := filepath.Join(dir, t.String())
	unpacked := filepath.Join(building, "package")
	if err := unpack(unpacked, data); err != nil {
		return "", fmt.Errorf("unpacking %s: %w", t, err)
	}
	if err := os.RemoveAll(final); err != nil {
		return "", err
	}
	if err := os.Rename(unpacked, final); err != nil {
		return "", err
	}
	return t.find(dir)
}

// verify holds a package against the digest.
func (t NodeTool) verify(data []byte) error {
	sum := sha512.Sum512(data)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != t.Integrity {
		return fmt.Errorf("%s is not the package that is known here: its digest is %s, not %s", t, got, t.Integrity)
	}
	return nil
}

// unpack writes the files of a package into a folder. They lie under package/.
func unpack(folder string, data []byte) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(folder) // Nothing is written beside the folder.
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // It has read and written all by then.
	compressed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	files := tar.NewReader(compressed)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name, ok := strings.CutPrefix(header.Name, "package/")
		if header.Typeflag != tar.TypeReg || !ok {
			continue
		}
		content, err := io.ReadAll(io.LimitReader(files, maxPackage))
		if err != nil {
			return err
		}
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := root.WriteFile(name, content, 0o644); err != nil {
			return err
		}
	}
}

// checkNode reports that Node.js is not there, or too old.
func checkNode() error {
	if _, err := exec.LookPath("npm"); err != nil {
		return ErrNoNode
	}
	out, err := exec.Command("node", "--version").Output()
	if err != nil {
		return ErrNoNode
	}
	version := strings.TrimSpace(strings.TrimPrefix(string(out), "v"))
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < leastNode {
		return fmt.Errorf("%w: it is %s", ErrNoNode, version)
	}
	return nil
}

// Require returns the path of the script to a test, as [Tool.Require] does for a
// program.
func (t NodeTool) Require(tb TB) string {
	tb.Helper()
	err := checkNode()
	var script string
	if err == nil {
		script, err = t.Find()
	}
	if err == nil {
		return script
	}
	if os.Getenv("TOWPATH_REQUIRE_TOOLS") == "1" {
		tb.Fatalf("%v; run .ci/tools, or %s", err, InstallCommand)
		return ""
	}
	tb.Skipf("%v; to run this test, install Node.js and run %s", err, InstallCommand)
	return ""
}
