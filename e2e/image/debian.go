package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Debian is a small system of one release of Debian.
type Debian struct {
	// Suite is the release's name, Packages what it has beside the least.
	Suite    string
	Packages []string
	// Locale is generated, unless it is empty.
	Locale string
}

// Small is below most images: git and gpg are for Argo CD, Redis for itself. WithPostgreSQL is below that of PostgreSQL,
// whose major version is that of the charts.
var (
	Small = Debian{
		Suite:    "bookworm",
		Packages: []string{"ca-certificates", "git", "gpg", "gpg-agent", "redis-server", "tini", "tzdata"},
	}
	WithPostgreSQL = Debian{
		Suite:    "trixie",
		Packages: []string{"ca-certificates", "libnss-wrapper", "locales", "postgresql-" + postgresMajor, "tzdata"},
		Locale:   "en_US",
	}
)

// Make returns the root folder of the system, which debootstrap makes in the cache once.
func (d Debian) Make(ctx context.Context, cache string) (string, error) {
	packages := strings.Join(d.Packages, ",")
	sum := sha256.Sum256([]byte(d.Suite + packages + d.Locale))
	root := filepath.Join(cache, "debian-"+d.Suite+"@"+hex.EncodeToString(sum[:6]))
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
	steps := [][]string{{"debootstrap", "--variant=minbase", "--include=" + packages, d.Suite, building}}
	if d.Locale != "" {
		steps = append(steps, []string{"chroot", building, "localedef", "-i", d.Locale, "-c", "-f", "UTF-8", d.Locale + ".UTF-8"})
	}
	for _, step := range steps {
		if output, err := exec.CommandContext(ctx, step[0], step[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w\n%s", strings.Join(step, " "), err, output)
		}
	}
	return root, os.Rename(building, root)
}

// leftOut is what no image needs, and smallLeavesOut what none does that is on [Small].
var (
	leftOut = []string{
		"dev/", "usr/share/doc/", "usr/share/i18n/", "usr/share/info/", "usr/share/locale/", "usr/share/man/",
		"usr/share/zoneinfo/right/", "var/cache/apt/", "var/lib/apt/lists/", "var/log/",
	}
	smallLeavesOut = []string{"usr/share/perl/"}
)

// SmallLayer is the layer of [Small], which [Debian.Make] has made in the folder.
func (s *Store) SmallLayer(root string) (v1.Layer, error) {
	return s.debianLayer(root, smallLeavesOut...)
}

func (s *Store) debianLayer(root string, leaveOut ...string) (v1.Layer, error) {
	leaveOut = slices.Concat(leftOut, leaveOut)
	return s.Layer(filepath.Base(root)+" "+strings.Join(leaveOut, " "), func(archive *tar.Writer) error {
		return Tree(archive, root, "", leaveOut...)
	})
}

// ownerOf is the number of the user whom a file of the system belongs to.
func ownerOf(file string) (int, error) {
	information, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	owner, ok := information.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("%s: its owner can't be told on this system", file)
	}
	return int(owner.Uid), nil
}
