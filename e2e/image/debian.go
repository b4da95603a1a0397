package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const debianSuite = "bookworm"

// debianPackages are what the images on Debian need: git and gpg for Argo CD, Redis for itself.
var debianPackages = []string{"ca-certificates", "git", "gpg", "gpg-agent", "redis-server", "tini", "tzdata"}

// Debian returns the root folder of a small Debian, which debootstrap makes in the cache once.
func Debian(ctx context.Context, cache string) (string, error) {
	packages := strings.Join(debianPackages, ",")
	sum := sha256.Sum256([]byte(debianSuite + packages))
	root := filepath.Join(cache, "debian-"+debianSuite+"@"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(root); err == nil {
		return root, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	building := root + ".building"
	if err := os.RemoveAll(building); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "debootstrap", "--variant=minbase", "--include="+packages, debianSuite, building)
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("debootstrap: %w\n%s", err, output)
	}
	return root, os.Rename(building, root)
}
