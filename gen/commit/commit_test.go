package commit_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/gen/commit"
)

func TestWrite(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		t.Run(format, func(t *testing.T) {
			r := newRepo(t, "--object-format="+format)
			r.write("a", "1\n")
			r.write("b", "1\n")
			r.write("folder/c", "1\n")
			if err := os.Chmod(filepath.Join(r.dir, "a"), 0o755); err != nil {
				t.Fatal(err)
			}
			base := r.commit("first")
			r.write("b", "staged\n")
			r.git("add", "b")
			before := r.git("status", "--porcelain")

			id := r.mustWrite(draft(base, file("a", "2\n"), commit.File{Path: "b"}, file("new/d.yaml", "x: 1\r\n")))

			want(t, "the tree", r.git("ls-tree", "-r", "--format=%(objectmode) %(path)", id), "100755 a\n100644 folder/c\n100644 new/d.yaml")
			want(t, "a", r.git("show", id+":a"), "2")
			// As it was given: no filter, no line ends.
			want(t, "the size of d.yaml", r.git("cat-file", "-s", id+":new/d.yaml"), "6")
			want(t, "the commit", r.git("log", "--format=%P|%an %ae|%cn %ce|%aI|%cI|%s|%b", "-1", id),
				base+"|Ada ada@example.com|Bot bot@example.com|2026-03-01T12:30:00+01:00|2026-03-01T12:30:00+01:00|stage: release service 0.2.0|Why.\nAnd how.\n\nFrom: dev")
			want(t, "the trailer, as Git reads it", r.git("log", "--format=%(trailers:key=From,valueonly)", "-1", id), "dev")
			want(t, "HEAD", r.git("rev-parse", "HEAD"), base)
			want(t, "the status", r.git("status", "--porcelain"), before)
			r.git("fsck", "--strict", "--no-dangling")
			want(t, "the id of the same commit", r.mustWrite(draft(base, file("a", "2\n"), commit.File{Path: "b"}, file("new/d.yaml", "x: 1\r\n"))), id)
		})
	}
}

func TestWriteBelowTheRoot(t *testing.T) {
	r := newRepo(t)
	r.write("deploy/a", "1\n")
	r.write("a", "other\n")
	base := r.commit("first")
	below := commit.Open(filepath.Join(r.dir, "deploy"))
	id, err := below.Write(draft(base, file("a", "2\n")))
	if err != nil {
		t.Fatal(err)
	}
	changed, err := below.Differ(base, id)
	if err != nil || !reflect.DeepEqual(changed, []string{"deploy/a"}) {
		t.Errorf("changed: %v, %v", changed, err)
	}
}

func TestWriteFirst(t *testing.T) {
	r := newRepo(t)
	id := r.mustWrite(draft("", file("a", "1\n")))
	want(t, "the tree", r.git("ls-tree", "-r", "--name-only", id), "a")
	want(t, "parents", r.git("log", "--format=%P", id), "")
}

// TestUsersIndex shows that kinds of index and filters that a user may have change
// nothing.
func TestUsersIndex(t *testing.T) {
	r := newRepo(t)
	r.write("a", "1\n")
	base := r.commit("first")
	for _, c := range []string{"core.splitIndex=true", "core.untrackedCache=true", "index.sparse=true", "core.autocrlf=true", "index.version=4"} {
		key, value, _ := strings.Cut(c, "=")
		r.git("config", key, value)
	}
	t.Setenv("GIT_INDEX_FILE", filepath.Join(r.dir, "nowhere"))
	t.Setenv("GIT_DIR", filepath.Join(r.dir, "nowhere"))
	id := r.mustWrite(draft(base, file("b", "1\r\n2\n")))
	os.Unsetenv("GIT_DIR")
	os.Unsetenv("GIT_INDEX_FILE")
	want(t, "b", r.git("cat-file", "-s", id+":b"), "5")
	if shared, _ := filepath.Glob(filepath.Join(r.dir, ".git", "sharedindex.*")); len(shared) > 0 {
		t.Errorf("the temporary index left %v", shared)
	}
}

func TestWrong(t *testing.T) {
	r := newRepo(t)
	base := r.mustWrite(draft("", file("a", "1\n")))
	with := func(change func(d *commit.Draft)) commit.Draft {
		d := draft(base, file("a", "2\n"))
		change(&d)
		return d
	}
	for name, c := range map[string]struct {
		draft commit.Draft
		words string
	}{
		"path above":   {with(func(d *commit.Draft) { d.Files[0].Path = "../a" }), "no path of a file"},
		"rooted path":  {with(func(d *commit.Draft) { d.Files[0].Path = "/a" }), "no path of a file"},
		"no date":      {with(func(d *commit.Draft) { d.When = time.Time{} }), "no date"},
		"no author":    {with(func(d *commit.Draft) { d.Author = commit.Person{} }), "no name"},
		"odd author":   {with(func(d *commit.Draft) { d.Author.Name = "A\ncommitter B" }), "no name"},
		"odd mail":     {with(func(d *commit.Draft) { d.Committer.Email = "a>" }), "no name"},
		"no subject":   {with(func(d *commit.Draft) { d.Message.Subject = " " }), "one line"},
		"long subject": {with(func(d *commit.Draft) { d.Message.Subject = "a\nb" }), "one line"},
		"zero byte":    {with(func(d *commit.Draft) { d.Message.Body = "a\x00" }), "zero byte"},
		"odd trailer":  {with(func(d *commit.Draft) { d.Message.Trailers[0].Value = "a\nSigned-off-by: me" }), "one line"},
		"odd key":      {with(func(d *commit.Draft) { d.Message.Trailers[0].Key = "a b" }), "one line"},
		"no base":      {with(func(d *commit.Draft) { d.Base = strings.Repeat("1", 40) }), "reading the tree"},
		"no signature": {with(func(d *commit.Draft) { d.Sign = func([]byte) (string, error) { return "", errors.New("no key") } }), "no key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.Write(c.draft)
			wantError(t, err, c.words)
		})
	}
	_, err := commit.Open(t.TempDir()).Write(draft("", file("a", "1")))
	wantError(t, err, "no Git repository")
}

func TestSign(t *testing.T) {
	for _, format := range []string{"sha1", "sha256"} {
		r := newRepo(t, "--object-format="+format)
		d := draft("", file("a", "1\n"))
		var signed []byte
		armored := "-----BEGIN PGP SIGNATURE-----\n\nabc\n=def\n-----END PGP SIGNATURE-----\n"
		d.Sign = func(payload []byte) (string, error) {
			signed = payload
			return armored, nil
		}
		c, err := r.Read(r.mustWrite(d))
		if err != nil {
			t.Fatal(err)
		}
		want(t, "the signature", c.Signature, armored)
		want(t, "what was signed", string(c.Payload), string(signed))
		r.git("fsck", "--strict", "--no-dangling")
		// Git hands the signature to the program that verifies it.
		out := filepath.Join(t.TempDir(), "signature")
		program := filepath.Join(t.TempDir(), "gpg")
		if err := os.WriteFile(program, []byte("#!/bin/sh\nfor last; do :; done\ncp \"$4\" "+out+" 2>/dev/null || cp \"$3\" "+out+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		r.git("config", "gpg.program", program)
		_ = r.git("log", "--format=%G?", c.ID)
		if got, err := os.ReadFile(out); err != nil || string(got) != armored {
			t.Errorf("Git reads the signature as %q, %v", got, err)
		}
	}
}

func TestRead(t *testing.T) {
	r := newRepo(t)
	first := r.mustWrite(draft("", file("a", "1\n")))
	second := r.mustWrite(draft(first, file("a", "2\n")))
	c, err := r.Read(second)
	if err != nil {
		t.Fatal(err)
	}
	d := draft(first)
	if !reflect.DeepEqual(c.Message, d.Message) || c.Author != d.Author || c.Committer != d.Committer || !reflect.DeepEqual(c.Parents, []string{first}) {
		t.Errorf("read %+v, wrote %+v", c, d)
	}
	if !c.Authored.Equal(when) || c.Authored.Format("-0700") != "+0100" || !c.Committed.Equal(when) {
		t.Errorf("dates %v and %v, not %v", c.Authored, c.Committed, when)
	}
	want(t, "the tree", c.Tree, r.git("rev-parse", second+"^{tree}"))
	want(t, "the text", string(c.Payload), r.git("cat-file", "commit", second)+"\n")
	for limit, length := range map[int]int{0: 2, 1: 1, 5: 2} {
		chain, err := r.Chain(second, limit)
		if err != nil || len(chain) != length || !reflect.DeepEqual(chain[0], c) {
			t.Errorf("Chain(%d) = %d commits, %v", limit, len(chain), err)
		}
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{{first, second, true}, {second, second, true}, {second, first, false}} {
		if got, err := r.IsAncestor(c.a, c.b); err != nil || got != c.want {
			t.Errorf("IsAncestor(%s, %s) = %v, %v", c.a, c.b, got, err)
		}
	}
	if _, err := r.IsAncestor(strings.Repeat("1", 40), first); err == nil {
		t.Error("a commit that is not here is an ancestor, or none")
	}
	_, err = r.Read(strings.Repeat("1", 40))
	wantError(t, err, "reading commit 1111")
	_, err = r.Chain("nothing", 0)
	wantError(t, err, "listing the commits of nothing")
}

func TestMessages(t *testing.T) {
	for _, m := range []commit.Message{
		{Subject: "a"},
		{Subject: "a", Body: "b"},
		{Subject: "a", Body: "b\n\nc: d\n\ne"},
		{Subject: "a: b", Trailers: []commit.Trailer{{"Key", "value: more"}}},
		{Subject: "a", Body: "b", Trailers: []commit.Trailer{{"Two", "2"}, {"One", "1"}}},
		{Subject: "a", Body: "k: v\n\nb", Trailers: []commit.Trailer{{"Two", "2"}}},
	} {
		if got := commit.ParseMessage(m.String()); !reflect.DeepEqual(got, m) {
			t.Errorf("%q is read as %+v", m, got)
		}
	}
	m := commit.ParseMessage("a\n\nOne: 1\nnot: a trailer\n because\n")
	if len(m.Trailers) != 0 || m.Body != "One: 1\nnot: a trailer\n because" {
		t.Errorf("%+v", m)
	}
	m = commit.Message{Subject: "a", Trailers: []commit.Trailer{{"One", "1"}}}
	if v, ok := m.Trailer("one"); !ok || v != "1" {
		t.Errorf("Trailer = %q, %v", v, ok)
	}
	if _, ok := m.Trailer("two"); ok {
		t.Error("there is a trailer two")
	}
}

func TestPersons(t *testing.T) {
	r := newRepo(t)
	for _, c := range []struct {
		of   func() (commit.Person, error)
		want string
	}{{r.Author, "Ada <ada@example.com>"}, {r.Committer, "Bot <bot@example.com>"}} {
		p, err := c.of()
		if err != nil || p.String() != c.want {
			t.Errorf("%v, %v, not %s", p, err, c.want)
		}
	}
	for _, name := range []string{"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	_, err := r.Author()
	wantError(t, err, "git config --global user.name")
}

func TestNoGit(t *testing.T) {
	r := newRepo(t)
	t.Setenv("PATH", t.TempDir())
	_, err := r.Write(draft("", file("a", "1")))
	if !errors.Is(err, commit.ErrNoGit) {
		t.Errorf("%v", err)
	}
}
