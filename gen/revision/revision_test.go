package revision_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"gitlab.com/towpath/towpath/gen/revision"
)

func open(t *testing.T, dir string) *revision.Repository {
	t.Helper()
	r := revision.Open(dir)
	t.Cleanup(r.Close)
	return r
}

func resolve(t *testing.T, r *revision.Repository, rev string) *revision.FS {
	t.Helper()
	state, err := r.Resolve(rev)
	if err != nil {
		t.Fatalf("%s: %v", rev, err)
	}
	return state
}

func wantFile(t *testing.T, state fs.FS, name, want string) {
	t.Helper()
	if got, err := fs.ReadFile(state, name); err != nil || string(got) != want {
		t.Errorf("%s is %q, error %v, want %q", name, got, err, want)
	}
}

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q has no %q", err, word)
		}
	}
}

// Every way to name a commit names it.
func TestNames(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("a", "1")
	first := r.commit("first")
	r.git("tag", "v1")
	r.git("tag", "-a", "-m", "annotated", "v1.0")
	r.write("a", "2")
	second := r.commit("second")
	r.git("branch", "feature/x")
	clone := r.clone()
	git := open(t, clone.dir)
	for rev, want := range map[string]string{
		"HEAD": second, "main": second, "origin/main": second, "origin/HEAD": second, "refs/heads/main": second,
		"HEAD~1": first, "HEAD^": first, "v1": first, "v1.0": first, "v1.0^{}": first,
		first: first, first[:8]: first, "origin/feature/x": second, "@": second, "main@{0}": second,
	} {
		if got, err := git.Commit(rev); err != nil || got != want {
			t.Errorf("%s is %s, error %v, want %s", rev, got, err, want)
		}
	}
	wantFile(t, resolve(t, git, "v1"), "a", "1")
	wantFile(t, resolve(t, git, "main"), "a", "2")
}

func TestUnknownNames(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	git := open(t, r.dir)
	_, err := git.Commit("HEAD")
	wantError(t, err, "no commit yet")
	r.write("a", "1")
	r.commit("first")
	r.git("branch", "feature")
	r.git("tag", "v1.2.0")
	_, err = git.Commit("featrue")
	wantError(t, err, `no revision "featrue"`, "did you mean feature?")
	_, err = git.Commit("v1.2.1~2")
	wantError(t, err, "did you mean v1.2.0?")
	_, err = git.Commit("main~7")
	wantError(t, err, `no revision "main~7"`, "git branch --all")
	_, err = git.Commit("main..feature")
	wantError(t, err, "--from A --to B")
	_, err = git.Commit("HEAD:a")
	wantError(t, err, "no revision")
	// None of these is a flag, a second question, or another object.
	for _, rev := range []string{"", "--help", "-p", "main\nHEAD", " main", "main ", "\x00"} {
		if _, err := git.Commit(rev); err == nil {
			t.Errorf("%q is a revision", rev)
		}
	}
	clone := r.clone()
	clone.git("checkout", "--quiet", "--detach")
	clone.git("branch", "--delete", "main")
	_, err = open(t, clone.dir).Commit("main")
	wantError(t, err, "did you mean origin/main?")
}

func TestNoRepository(t *testing.T) {
	t.Parallel()
	_, err := open(t, t.TempDir()).Resolve("HEAD")
	wantError(t, err, "in no Git repository", "git init")
}

// A branch that only adds is compared with where it started, whatever became of
// main since.
func TestMergeBase(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	base := r.commit("base")
	r.git("checkout", "--quiet", "-b", "feature")
	feature := r.commit("feature")
	r.git("checkout", "--quiet", "main")
	r.commit("main goes on")
	git := open(t, r.dir)
	branch, err := git.Default()
	if err != nil || branch.Name != "main" {
		t.Fatalf("default branch %v, error %v", branch, err)
	}
	if got, err := git.MergeBase(branch, revision.Branch{Name: "feature", Commit: feature}); err != nil || got != base {
		t.Errorf("merge base %s, error %v, want %s", got, err, base)
	}
	r.git("checkout", "--quiet", "--orphan", "other")
	other := r.commit("other")
	_, err = git.MergeBase(branch, revision.Branch{Name: "other", Commit: other})
	wantError(t, err, "main and other have no commit in common", "--from")
}

func TestDefault(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("first")
	r.git("branch", "-m", "trunk")
	_, err := open(t, r.dir).Default()
	wantError(t, err, "--from", "git remote set-head origin --auto")
	clone := r.clone() // It knows origin/HEAD, whatever its name.
	if branch, err := open(t, clone.dir).Default(); err != nil || branch.Name != "origin/HEAD" {
		t.Errorf("default branch %v, error %v", branch, err)
	}
	r.git("branch", "-m", "master")
	if branch, err := open(t, r.dir).Default(); err != nil || branch.Name != "master" {
		t.Errorf("default branch %v, error %v", branch, err)
	}
}

func TestApproved(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("first")
	git := open(t, r.dir)
	if _, ok, err := git.Approved("prod"); ok || err != nil {
		t.Errorf("approved before there is a branch: %v, error %v", ok, err)
	}
	r.git("branch", "env/prod")
	if branch, ok, err := git.Approved("prod"); !ok || err != nil || branch.Name != "env/prod" {
		t.Errorf("approved at %v, %v, error %v", branch, ok, err)
	}
	// What the remote repository has counts, however old the branch here is.
	clone := r.clone()
	clone.git("branch", "env/prod", "origin/env/prod")
	if branch, ok, err := open(t, clone.dir).Approved("prod"); !ok || err != nil || branch.Name != "origin/env/prod" {
		t.Errorf("approved at %v, %v, error %v", branch, ok, err)
	}
}

func TestShallow(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("base")
	r.git("checkout", "--quiet", "-b", "feature")
	r.commit("feature")
	r.git("checkout", "--quiet", "main")
	r.commit("main goes on")
	clone := r.clone("--depth=1", "--no-single-branch", "--branch=feature")
	git := open(t, clone.dir)
	head, err := git.Commit("HEAD")
	if err != nil {
		t.Fatal(err)
	}
	branch, err := git.Default()
	if err != nil {
		t.Fatal(err)
	}
	_, err = git.MergeBase(branch, revision.Branch{Name: "HEAD", Commit: head})
	wantError(t, err, "too shallow", "git fetch --unshallow", "GIT_DEPTH")
	_, err = git.Commit("HEAD~1")
	wantError(t, err, "shallow", "git fetch --unshallow")
}

// The formats of repositories that Git can have.
func TestFormats(t *testing.T) {
	t.Parallel()
	fill := func(r *repo) {
		r.write("envs/a", "1")
		r.commit("first")
		r.write("envs/a", "2")
	}
	t.Run("SHA-256", func(t *testing.T) {
		t.Parallel()
		r := newRepo(t, "--object-format=sha256")
		fill(r)
		state := resolve(t, open(t, r.dir), "HEAD")
		wantFile(t, state, "envs/a", "1")
		if state.Same(os.DirFS(r.dir), "envs") {
			t.Error("a changed file counts as the same")
		}
		r.write("envs/a", "1")
		if !state.Same(os.DirFS(r.dir), "envs") {
			t.Error("the file does not count as the same")
		}
	})
	t.Run("packed", func(t *testing.T) {
		t.Parallel()
		r := newRepo(t)
		fill(r)
		r.git("gc", "--quiet")
		wantFile(t, resolve(t, open(t, r.dir), "main"), "envs/a", "1")
	})
	t.Run("worktree", func(t *testing.T) {
		t.Parallel()
		r := newRepo(t)
		fill(r)
		dir := filepath.Join(t.TempDir(), "tree")
		r.git("worktree", "add", "--quiet", "-b", "other", dir)
		wantFile(t, resolve(t, open(t, dir), "other"), "envs/a", "1")
	})
	t.Run("submodule", func(t *testing.T) {
		t.Parallel()
		inner, outer := newRepo(t), newRepo(t)
		fill(inner)
		inner.commit("second")
		outer.git("submodule", "--quiet", "add", "file://"+filepath.ToSlash(inner.dir), "towpath")
		outer.commit("with a submodule")
		// The repository itself may be a submodule; one within it may not be read.
		wantFile(t, resolve(t, open(t, filepath.Join(outer.dir, "towpath")), "HEAD"), "envs/a", "2")
		_, err := fs.ReadFile(resolve(t, open(t, outer.dir), "HEAD"), "towpath/envs/a")
		wantError(t, err, "submodule", "copy them")
	})
	t.Run("a folder of a larger repository", func(t *testing.T) {
		t.Parallel()
		r := newRepo(t)
		r.commit("nothing")
		r.write("deep/below/envs/a", "1")
		r.commit("first")
		git := open(t, filepath.Join(r.dir, "deep", "below"))
		wantFile(t, resolve(t, git, "HEAD"), "envs/a", "1")
		_, err := git.Resolve("HEAD~1")
		wantError(t, err, "has no folder")
	})
	t.Run("partial clone", func(t *testing.T) {
		t.Parallel()
		r := newRepo(t)
		r.git("config", "uploadpack.allowFilter", "true")
		fill(r)
		r.commit("second")
		clone := r.clone("--filter=blob:none")
		git := open(t, clone.dir)
		wantFile(t, resolve(t, git, "HEAD"), "envs/a", "2")
		_, err := fs.ReadFile(resolve(t, git, "HEAD~1"), "envs/a")
		wantError(t, err, "partial clone", "git archive")
	})
}

func TestFS(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	files := map[string]string{
		"a": "1", "b/c": "2", "b/d/e": "3", "b.txt": "4", "b-1": "5", "empty": "", "crlf": "x\r\ny\r\n",
		"name with blanks": "6", "ä": "7", "tab\tand \"quotes\"": "8",
	}
	var names []string
	for name, content := range files {
		r.write(name, content)
		names = append(names, name)
	}
	// Line ends are not converted on the way out, whatever is configured.
	r.git("config", "core.autocrlf", "false")
	r.write(".gitattributes", "*.txt text eol=crlf\n")
	r.commit("first")
	r.git("config", "core.autocrlf", "true")
	state := resolve(t, open(t, r.dir), "HEAD")
	for name, content := range files {
		wantFile(t, state, name, content)
	}
	if err := fstest.TestFS(state, names...); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"missing", "a/b", "b/missing/e"} {
		if _, err := fs.Stat(state, name); !os.IsNotExist(err) {
			t.Errorf("%s: error %v, want one that says it does not exist", name, err)
		}
	}
	for _, name := range []string{"/a", "../a", "", "b/"} {
		if _, err := state.Open(name); err == nil {
			t.Errorf("%q can be opened", name)
		}
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("dir/file", "1")
	for name, target := range map[string]string{
		"dir/beside": "file", "up": "dir/file", "dir/down": "../dir/beside", "folder": "dir",
		"out": "../secret", "absolute": "/etc/passwd", "loop": "loop", "nowhere": "dir/missing", "sub": "dir/sub/../file",
	} {
		if err := os.Symlink(target, filepath.Join(r.dir, filepath.FromSlash(name))); err != nil {
			t.Skipf("this system makes no symbolic links: %v", err)
		}
	}
	r.commit("first")
	state := resolve(t, open(t, r.dir), "HEAD")
	for _, name := range []string{"dir/beside", "up", "dir/down", "folder/file", "folder/down", "sub"} {
		wantFile(t, state, name, "1")
	}
	for name, word := range map[string]string{
		"out": "out of the repository", "absolute": "out of the repository", "loop": "too many symbolic links", "nowhere": "not exist",
	} {
		_, err := fs.ReadFile(state, name)
		wantError(t, err, word)
	}
	if entries, err := fs.ReadDir(state, "folder"); err != nil || len(entries) != 3 {
		t.Errorf("the folder behind a link has %d entries, error %v", len(entries), err)
	}
	if target, err := state.ReadLink("up"); err != nil || target != "dir/file" {
		t.Errorf("up leads to %q, error %v", target, err)
	}
	// A link is equal when what it leads to is; nobody looks, so it never is.
	if state.Same(resolve(t, open(t, r.dir), "HEAD"), "dir") {
		t.Error("a folder with links counts as the same")
	}
}

func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:49d5c577f2810d67653c0031933534b8ce82dffe4676bd0222af797d379fc9fd\nsize 12\n")
	r.write("huge", strings.Repeat("x", 33<<20))
	r.write("small", "1")
	r.commit("first")
	state := resolve(t, open(t, r.dir), "HEAD")
	_, err := fs.ReadFile(state, "pointer")
	wantError(t, err, "Git LFS")
	_, err = fs.ReadFile(state, "huge")
	wantError(t, err, "33 MiB", "beyond 32 MiB")
	wantFile(t, state, "small", "1") // What follows is not out of step.
}

// Neither variables nor the repository's configuration run anything or lead
// elsewhere.
func TestNothingRuns(t *testing.T) {
	r := newRepo(t)
	r.write(".gitattributes", "* filter=bad diff=bad text eol=crlf\n")
	r.write("a", "1\n")
	r.commit("first")
	r.commit("second")
	other := newRepo(t)
	other.write("a", "other")
	other.commit("first")

	ran := filepath.Join(t.TempDir(), "ran")
	script := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(script, []byte("#!/bin/sh\ntouch "+ran+"\ncat\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{
		"filter.bad.smudge": script, "filter.bad.clean": script, "diff.bad.textconv": script, "diff.external": script,
		"core.pager": script, "core.fsmonitor": script, "core.sshCommand": script, "core.hooksPath": filepath.Dir(script),
		"core.askPass": script, "alias.cat-file": "!" + script, "alias.merge-base": "!" + script, "core.editor": script,
	} {
		r.git("config", key, value)
	}
	replaced := r.git("rev-parse", "HEAD")
	blob := r.git("rev-parse", "HEAD:a")
	r.write("b", "replaced")
	r.git("replace", blob, r.git("hash-object", "-w", "--no-filters", "b"))
	if err := os.RemoveAll(ran); err != nil { // git hash-object and the like may have.
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"GIT_DIR": filepath.Join(other.dir, ".git"), "GIT_WORK_TREE": other.dir, "GIT_OBJECT_DIRECTORY": other.dir,
		"GIT_INDEX_FILE": "/nowhere", "GIT_NAMESPACE": "other", "GIT_EXTERNAL_DIFF": script, "GIT_PAGER": script, "PAGER": script,
		"GIT_SSH_COMMAND": script, "GIT_ASKPASS": script, "GIT_TRACE": "1", "GIT_TRACE_SETUP": "1", "GIT_LITERAL_PATHSPECS": "1",
		"GIT_EXEC_PATH": "/nowhere", "GIT_COMMON_DIR": "/nowhere", "GIT_ALTERNATE_OBJECT_DIRECTORIES": "/nowhere",
		"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de",
	} {
		t.Setenv(name, value)
	}
	git := open(t, r.dir)
	state := resolve(t, git, "HEAD")
	if state.Commit != replaced {
		t.Errorf("HEAD is %s, want %s", state.Commit, replaced)
	}
	wantFile(t, state, "a", "1\n")
	if _, err := git.MergeBase(revision.Branch{Commit: replaced}, revision.Branch{Commit: resolve(t, git, "HEAD~1").Commit}); err != nil {
		t.Error(err)
	}
	_, err := git.Commit("nothing")
	wantError(t, err, `no revision "nothing"`)
	if _, err := os.Stat(ran); err == nil {
		t.Error("something ran")
	}
}

// What Git says about a folder that belongs to somebody else comes with its
// remedy, and the remedy works.
func TestOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	r := newRepo(t)
	r.write("a", "1")
	r.commit("first")
	for _, name := range []string{r.dir, filepath.Join(r.dir, ".git")} {
		if err := os.Chown(name, 65534, 65534); err != nil {
			t.Skipf("the folder can't be given away: %v", err)
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	_, err := open(t, r.dir).Resolve("HEAD")
	wantError(t, err, "dubious ownership", "safe.directory")
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "safe.directory")
	t.Setenv("GIT_CONFIG_VALUE_0", "*")
	wantFile(t, resolve(t, open(t, r.dir), "HEAD"), "a", "1")
}

func TestNoGit(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := open(t, t.TempDir()).Resolve("HEAD")
	wantError(t, err, "git is not installed")
}

func TestClosed(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("first")
	git := revision.Open(r.dir)
	git.Close() // Before any question.
	resolve(t, git, "HEAD")
	git.Close()
	git.Close()
	_, err := git.Resolve("main")
	wantError(t, err, "closed")
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	for i := range 50 {
		r.write("dir/"+strings.Repeat("x", i+1), strings.Repeat("y", i*100))
	}
	r.commit("first")
	state := resolve(t, open(t, r.dir), "HEAD")
	done := make(chan error)
	for i := range 50 {
		go func() {
			data, err := fs.ReadFile(state, "dir/"+strings.Repeat("x", i+1))
			if err == nil && len(data) != i*100 {
				t.Errorf("file %d has %d bytes", i, len(data))
			}
			done <- err
		}()
	}
	for range 50 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	for _, name := range []string{"a/same", "a/changed", "a/removed", "b/same", "c/file", "d/other"} {
		r.write(name, name)
	}
	r.commit("first")
	r.write("a/changed", "x")
	r.git("rm", "--quiet", "a/removed", "c/file")
	r.write("a/new/file", "1")
	r.write("c", "a file where a folder was")
	r.write("d/other", "not asked for")
	r.commit("second")
	git := open(t, r.dir)
	from, to := resolve(t, git, "HEAD~1"), resolve(t, git, "HEAD")
	want := "a/changed a/new/file a/removed c c/file"
	for name, states := range map[string][2]fs.FS{
		"commits": {from, to}, "commit and files": {from, os.DirFS(r.dir)}, "another repository": {from, resolve(t, open(t, r.dir), "HEAD")},
	} {
		changed, err := revision.Changed(states[0], states[1], "a", "b", "c", "missing")
		if got := strings.Join(changed, " "); got != want || err != nil {
			t.Errorf("%s: %s, error %v, want %s", name, got, err, want)
		}
	}
	if changed, err := revision.Changed(to, to, "a", "b", "c"); len(changed) > 0 || err != nil {
		t.Errorf("%v changed, error %v", changed, err)
	}
	if changed, err := revision.Changed(os.DirFS(r.dir), to, "a", "b", "c"); len(changed) > 0 || err != nil {
		t.Errorf("%v changed between the files and their commit, error %v", changed, err)
	}
}
