package commit_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/gen/commit"
)

const branch = "refs/heads/promote/prod-0.2.0"

func wantReason(t *testing.T, err error, reason commit.Reason, words ...string) {
	t.Helper()
	var failed *commit.RemoteError
	if !errors.As(err, &failed) || failed.Reason != reason {
		t.Fatalf("the error is not %q: %v", reason, err)
	}
	wantError(t, err, words...)
	if strings.Contains(err.Error(), "hint:") || strings.Contains(err.Error(), "fatal:") {
		t.Errorf("the error has Git's own noise:\n%v", err)
	}
}

func TestUpdate(t *testing.T) {
	r := newRepo(t)
	one := r.mustWrite(draft("", file("a", "1\n")))
	two := r.mustWrite(draft(one, file("a", "2\n")))
	if _, ok, err := r.Ref(branch); ok || err != nil {
		t.Fatalf("%v %v", ok, err)
	}
	if err := r.Update(branch, one, two); !commit.IsMoved(err) {
		t.Errorf("there is no branch, but: %v", err)
	}
	if err := r.Update(branch, one, ""); err != nil {
		t.Fatal(err)
	}
	if err := r.Update(branch, two, ""); !commit.IsMoved(err) {
		t.Errorf("there is a branch, but: %v", err)
	}
	if err := r.Update(branch, one, two); !commit.IsMoved(err) {
		t.Errorf("the branch stands elsewhere, but: %v", err)
	}
	if err := r.Update(branch, two, one); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := r.Ref(branch); got != two || !ok || err != nil {
		t.Errorf("%s %v %v", got, ok, err)
	}
	err := r.Update("refs/heads/promote", two, "")
	if commit.IsMoved(err) {
		t.Errorf("it can never work, but: %v", err)
	}
	wantError(t, err, "taken by a branch")
}

func TestCheckedOut(t *testing.T) {
	r := newRepo(t)
	r.commit("first")
	r.git("branch", "other")
	tree := filepath.Join(t.TempDir(), "tree")
	r.git("worktree", "add", "--quiet", tree, "other")
	for ref, want := range map[string]string{"refs/heads/main": r.dir, "refs/heads/other": tree, "refs/heads/none": ""} {
		got, err := r.CheckedOut(ref)
		if resolved, linkErr := filepath.EvalSymlinks(want); linkErr == nil && want != "" {
			want = resolved
		}
		if err != nil || filepath.Clean("/"+got) != filepath.Clean("/"+want) {
			t.Errorf("CheckedOut(%s) = %q, %v, not %q", ref, got, err, want)
		}
	}
}

func TestCheckBranch(t *testing.T) {
	r := newRepo(t)
	for name, ok := range map[string]bool{"promote/prod-1": true, "a b": false, "": false, "-a": false, "a..b": false, "@{-1}": false} {
		if err := r.CheckBranch(name); (err == nil) != ok {
			t.Errorf("CheckBranch(%q) = %v", name, err)
		}
	}
}

func TestPush(t *testing.T) {
	clone, origin := withRemote(t)
	base := clone.git("rev-parse", "main")
	id := clone.mustWrite(draft(base, file("a", "2\n")))
	p := commit.Push{Remote: "origin", Ref: branch, Commit: id}
	if err := clone.Push(p); err != nil {
		t.Fatal(err)
	}
	want(t, "the branch", origin.git("rev-parse", branch), id)
	if err := clone.Push(p); err != nil {
		t.Errorf("a second time: %v", err)
	}
	// What somebody else has pushed stays.
	other := clone.mustWrite(draft(base, file("a", "3\n")))
	for _, old := range []string{"", base} {
		err := clone.Push(commit.Push{Remote: "origin", Ref: branch, Commit: other, Old: old})
		wantReason(t, err, commit.Moved, "promote/prod-0.2.0 at the remote origin was moved by somebody else")
		if !commit.IsMoved(err) {
			t.Errorf("not moved: %v", err)
		}
	}
	want(t, "the branch", origin.git("rev-parse", branch), id)
	// What the caller has seen may be replaced.
	if err := clone.Push(commit.Push{Remote: "origin", Ref: branch, Commit: other, Old: id}); err != nil {
		t.Fatal(err)
	}
	want(t, "the branch", origin.git("rev-parse", branch), other)
	// A branch that is gone is not made anew.
	origin.git("update-ref", "-d", branch)
	wantReason(t, clone.Push(commit.Push{Remote: "origin", Ref: branch, Commit: id, Old: other}), commit.Moved)
}

func TestPushOptions(t *testing.T) {
	clone, origin := withRemote(t)
	id := clone.mustWrite(draft(clone.git("rev-parse", "main"), file("a", "2\n")))
	p := commit.Push{Remote: "origin", Ref: branch, Commit: id, Options: []string{"merge_request.create", "merge_request.title=prod: 0.2.0; $(touch x) \"q\""}}
	origin.git("config", "receive.advertisePushOptions", "false")
	wantReason(t, clone.Push(p), commit.NoOptions, "takes no push options")

	origin.git("config", "receive.advertisePushOptions", "true")
	seen := filepath.Join(t.TempDir(), "seen")
	origin.hook("pre-receive", `i=0; while [ $i -lt "${GIT_PUSH_OPTION_COUNT:-0}" ]; do eval "printf '%s\n' \"\$GIT_PUSH_OPTION_$i\"" >> `+seen+`; i=$((i+1)); done`)
	if err := clone.Push(p); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "the options", string(got), strings.Join(p.Options, "\n")+"\n")
	p.Options = []string{"a\nb"}
	wantError(t, clone.Push(p), "more than one line")
}

func TestRefused(t *testing.T) {
	clone, origin := withRemote(t)
	base := clone.git("rev-parse", "main")
	id := clone.mustWrite(draft(base, file("a", "2\n")))
	p := commit.Push{Remote: "origin", Ref: branch, Commit: id}
	origin.hook("pre-receive", `echo "GitLab: You are not allowed to push." >&2; echo >&2; echo "  Ask Ada." >&2; exit 1`)
	wantReason(t, clone.Push(p), commit.Refused, "the remote origin refuses promote/prod-0.2.0; it says:\n  GitLab: You are not allowed to push.\n  \n    Ask Ada.")
	origin.hook("pre-receive", "exit 0")
	origin.hook("update", `echo "protected" >&2; exit 1`)
	wantReason(t, clone.Push(p), commit.Refused, "protected")
	origin.hook("update", "exit 1")
	wantReason(t, clone.Push(p), commit.Refused, "hook declined")
	origin.hook("update", "exit 0")
	if err := clone.Push(p); err != nil {
		t.Errorf("repeated: %v", err)
	}
	// A branch that may not be rewritten.
	origin.git("config", "receive.denyNonFastForwards", "true")
	other := clone.mustWrite(draft(base, file("a", "3\n")))
	wantReason(t, clone.Push(commit.Push{Remote: "origin", Ref: branch, Commit: other, Old: id}), commit.Moved)
}

// TestRace lets another push win between what the lease sees and the update.
func TestRace(t *testing.T) {
	clone, origin := withRemote(t)
	base := clone.git("rev-parse", "main")
	theirs := clone.mustWrite(draft(base, file("a", "theirs\n")))
	clone.git("push", "--quiet", "origin", theirs+":refs/heads/theirs")
	mine := clone.mustWrite(draft(base, file("a", "mine\n")))
	origin.hook("pre-receive", "unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main "+theirs)
	err := clone.Push(commit.Push{Remote: "origin", Ref: "refs/heads/main", Commit: mine, Old: base})
	wantReason(t, err, commit.Moved)
	want(t, "main", origin.git("rev-parse", "main"), theirs)
}

func TestUnreachable(t *testing.T) {
	clone, _ := withRemote(t)
	id := clone.git("rev-parse", "main")
	// A port that nothing listens on.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{filepath.Join(t.TempDir(), "gone"), "git://" + address + "/x.git", "http://" + address + "/x.git"} {
		clone.git("remote", "set-url", "origin", url)
		wantReason(t, clone.Push(commit.Push{Remote: "origin", Ref: branch, Commit: id}), commit.Unreachable, "can't be reached", "run the command again")
		wantReason(t, clone.Fetch("origin"), commit.Unreachable)
		_, err := clone.DefaultBranch("origin")
		wantReason(t, err, commit.Unreachable)
	}
	wantReason(t, clone.Push(commit.Push{Remote: "upstream", Ref: branch, Commit: id}), commit.NoRemote, "git remote add upstream URL")
	wantReason(t, clone.Fetch("--upload-pack=touch x"), commit.NoRemote)
}

func TestFetch(t *testing.T) {
	clone, origin := withRemote(t)
	other := newRepo(t)
	other.git("remote", "add", "origin", origin.dir)
	if err := other.Fetch("origin", "main"); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := other.Ref(commit.Tracking("origin", "main")); got != clone.git("rev-parse", "main") || !ok || err != nil {
		t.Errorf("%s %v %v", got, ok, err)
	}
	// Whatever the clone is set up to fetch, and though the branch was rewritten.
	other.git("config", "--unset", "remote.origin.fetch")
	clone.git("commit", "--quiet", "--amend", "--allow-empty", "-m", "again")
	clone.git("push", "--quiet", "--force", "origin", "main")
	if err := other.Fetch("origin", "main"); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := other.Ref(commit.Tracking("origin", "main")); got != clone.git("rev-parse", "main") {
		t.Errorf("fetched %s", got)
	}
	wantReason(t, other.Fetch("origin", "none"), commit.Failed, "couldn't find remote ref refs/heads/none")

	if got, ok, err := other.At("origin", "refs/heads/main"); got != clone.git("rev-parse", "main") || !ok || err != nil {
		t.Errorf("%s %v %v", got, ok, err)
	}
	if _, ok, err := other.At("origin", "refs/heads/none"); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	origin.git("update-ref", "refs/heads/trunk", "refs/heads/main")
	origin.git("symbolic-ref", "HEAD", "refs/heads/trunk")
	if name, err := other.DefaultBranch("origin"); name != "trunk" || err != nil {
		t.Errorf("%s %v", name, err)
	}
}

func TestCommitOnly(t *testing.T) {
	r := newRepo(t)
	for _, name := range []string{"a", "b", "gone", "staged", "both", "odd * [name]"} {
		r.write(name, "1\n")
	}
	base := r.commit("first")
	r.write("a", "2\n")
	r.write("new/n", "1\n")
	r.write("odd * [name]", "2\n")
	r.write("b", "mine\n")
	r.write("staged", "mine\n")
	r.write("both", "staged\n")
	r.write("untracked", "mine\n")
	r.git("add", "staged", "both")
	r.write("both", "not staged\n")
	if err := os.Remove(filepath.Join(r.dir, "gone")); err != nil {
		t.Fatal(err)
	}
	files := []string{"a", "gone", "new/n", "odd * [name]"}
	dirty, err := r.Uncommitted(append(files, "no such", "unchanged")...)
	if err != nil || !reflect.DeepEqual(dirty, files) {
		t.Errorf("uncommitted: %q, %v", dirty, err)
	}
	id, err := r.CommitOnly(files, commit.Message{Subject: "# not a comment", Trailers: []commit.Trailer{{"One", "1"}}})
	if err != nil {
		t.Fatal(err)
	}
	changed, err := r.Differ(base, id)
	if err != nil || !reflect.DeepEqual(changed, files) {
		t.Errorf("the commit changes %q, %v", changed, err)
	}
	want(t, "the message", r.git("log", "-1", "--format=%B"), "# not a comment\n\nOne: 1")
	want(t, "the status", r.git("status", "--porcelain"), "M b\nMM both\nM  staged\n?? untracked")
	want(t, "what is staged", r.git("show", ":both"), "staged")
	if dirty, err := r.Uncommitted(files...); len(dirty) > 0 || err != nil {
		t.Errorf("uncommitted: %q, %v", dirty, err)
	}
}

// TestCommitRefused has a hook refuse: nothing is left in the index.
func TestCommitRefused(t *testing.T) {
	r := newRepo(t)
	r.write("a", "1\n")
	base := r.commit("first")
	r.hook("pre-commit", "echo 'no commits on Fridays' >&2; exit 1")
	r.write("a", "2\n")
	r.write("new", "1\n")
	before := r.git("status", "--porcelain")
	_, err := r.CommitOnly([]string{"a", "new"}, commit.Message{Subject: "s"})
	wantError(t, err, "no commits on Fridays")
	want(t, "HEAD", r.git("rev-parse", "HEAD"), base)
	want(t, "the status", r.git("status", "--porcelain"), before)
}
