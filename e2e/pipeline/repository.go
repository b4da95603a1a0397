package pipeline

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Root is the repository under test, as its path from this package.
const Root = "../.."

// Repository is a clone of the repository under test as the people of a project
// have it: the files as they are in the working tree, committed on main, with a bare
// repository as its remote.
type Repository struct {
	// Dir is the clone, Origin the bare repository.
	Dir, Origin string
	// Programs, if not "", is a folder with programs that jobs find before those of the
	// machine.
	Programs string
	// Variables are those of the project.
	Variables []Variable

	home   string
	caches map[string]string
}

// New makes a repository. The test is skipped, or fails if TOWPATH_REQUIRE_TOOLS is
// 1, where a program is missing.
func New(t testing.TB) *Repository {
	t.Helper()
	for _, program := range []string{"git", "bash", "timeout", "rsync"} {
		requireProgram(t, program)
	}
	base := t.TempDir()
	r := &Repository{
		Dir: filepath.Join(base, "towpath"), Origin: filepath.Join(base, "origin.git"), home: filepath.Join(base, "home"),
		caches: caches(t),
	}
	for _, dir := range []string{r.Dir, r.home} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copyWorkingTree(t, r.Dir)
	r.Git(t, "init", "-q", "-b", "main")
	r.Git(t, "add", "-A")
	r.Git(t, "commit", "-q", "-m", "main: everything")
	r.Git(t, "init", "-q", "--bare", "-b", "main", r.Origin)
	r.Git(t, "remote", "add", "origin", r.Origin)
	r.Git(t, "push", "-q", "origin", "main")
	r.Git(t, "fetch", "-q", "origin")
	r.Git(t, "remote", "set-head", "origin", "main")
	return r
}

func requireProgram(t testing.TB, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	if os.Getenv("TOWPATH_REQUIRE_TOOLS") == "1" {
		t.Fatalf("%s is not installed; run .ci/tools", name)
	}
	t.Skipf("%s is not installed; to run this test, install it (apt-get install %s)", name, name)
}

// caches are the variables that make jobs use what the machine has built and fetched
// already. In GitLab these folders are in the job's own, and its cache fills them.
func caches(t testing.TB) map[string]string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPATH").Output()
	if err != nil {
		t.Fatal(err)
	}
	values := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	user, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"GOCACHE": values[0], "GOMODCACHE": values[1], "GOPATH": values[2], "XDG_CACHE_HOME": user,
		// Each job has a folder of its own, and what is built knows it, unless told not
		// to: then nothing would be found in the cache.
		"GOFLAGS": "-trimpath -buildvcs=false",
	}
}

// copyWorkingTree copies the files that git knows or would add.
func copyWorkingTree(t testing.TB, to string) {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = Root
	cmd.Env = environ()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		from := filepath.Join(Root, name)
		info, err := os.Lstat(from)
		if errors.Is(err, fs.ErrNotExist) {
			continue // Removed, and not committed yet.
		}
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(from)
			if err != nil {
				t.Fatal(err)
			}
			makeFolder(t, filepath.Join(to, name))
			if err := os.Symlink(target, filepath.Join(to, name)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		makeFolder(t, filepath.Join(to, name))
		if err := os.WriteFile(filepath.Join(to, name), data, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
}

func makeFolder(t testing.TB, file string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
}

// Git runs git in the clone and returns what it prints, without the last newline.
func (r *Repository) Git(t testing.TB, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.Dir
	cmd.Env = append(environ(), "HOME="+r.home, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimRight(string(out), "\n")
}

// Replace replaces a text that stands in a file once.
func (r *Repository) Replace(t testing.TB, file, old, text string) {
	t.Helper()
	name := filepath.Join(r.Dir, file)
	data := read(t, name)
	if n := strings.Count(data, old); n != 1 {
		t.Fatalf("%s has %q %d times, not once", file, old, n)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(data, old, text, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Gen runs gen in the clone.
func (r *Repository) Gen(t testing.TB, args ...string) {
	t.Helper()
	cmd := exec.Command(buildGen(t), args...)
	cmd.Dir = r.Dir
	cmd.Env = append(environ(), "HOME="+r.home)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("gen %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// Commit commits everything and returns the commit.
func (r *Repository) Commit(t testing.TB, message string) string {
	t.Helper()
	r.Git(t, "add", "-A")
	r.Git(t, "commit", "-q", "-m", message)
	return r.Git(t, "rev-parse", "HEAD")
}

// Hook makes a script of the remote's hook of this name, as pre-receive, where it
// can refuse pushes as GitLab refuses them to protected branches.
func (r *Repository) Hook(t testing.TB, name, script string) {
	t.Helper()
	file := filepath.Join(r.Origin, "hooks", name)
	makeFolder(t, file)
	if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
}

func encodeName(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
