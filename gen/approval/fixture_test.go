package approval_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/commit"
	"gitlab.com/towpath/towpath/gen/revision"
	"gitlab.com/towpath/towpath/gen/signature"
	"gitlab.com/towpath/towpath/gen/signature/testkey"
)

var person = commit.Person{Name: "Ada", Email: "ada@example.org"}

// house is a repository with an environment prod, whose approval branch is built
// commit by commit.
type house struct {
	t    *testing.T
	dir  string
	repo *commit.Repository
	// now is the time of the next commit.
	now time.Time
	// main and tip are where main and the approval branch stand.
	main, tip string
	number    int64
}

func newHouse(t *testing.T, keys ...*testkey.Key) *house {
	t.Helper()
	dir := t.TempDir()
	h := &house{t: t, dir: dir, repo: commit.Open(dir), now: time.Now().UTC().Add(-40 * time.Minute).Truncate(time.Second)}
	// As little of a contract as can be loaded: its rules have no part in this.
	h.write("envs/cue.mod/module.cue", "module: \"gitlab.com/towpath/towpath/envs@v0\"\nlanguage: version: \"v0.9.0\"\n")
	h.write("envs/contract/contract.cue", `package contract

#Environment: {
	name!: string
	tier!: string
	delivery: {
		revision!: string
		signatureKeys: [...=~"^[0-9A-F]{16}$"]
	}
	releases: {...}
}
`)
	h.git("init", "--quiet", "--initial-branch=main")
	h.trust(keys...)
	h.commit("first")
	return h
}

func (h *house) git(args ...string) string { h.t.Helper(); return h.input("", args...) }

func (h *house) input(text string, args ...string) string {
	h.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = h.dir
	cmd.Stdin = strings.NewReader(text)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.org", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.org",
		fmt.Sprintf("GIT_AUTHOR_DATE=%d +0000", h.now.Unix()), fmt.Sprintf("GIT_COMMITTER_DATE=%d +0000", h.now.Unix()))
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (h *house) write(name, text string) {
	h.t.Helper()
	name = filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// trust makes prod name exactly these keys, from the next commit on.
func (h *house) trust(keys ...*testkey.Key) {
	h.t.Helper()
	var ids []string
	for _, key := range keys {
		ids = append(ids, fmt.Sprintf("%q", key.ID()))
		h.write(approval.KeyDir+"/"+key.ID()+".asc", key.Public())
	}
	h.write("envs/prod/env.cue", `package prod

import "gitlab.com/towpath/towpath/envs/contract"

contract.#Environment & {
	name: "prod"
	tier: "development"
	delivery: {
		revision: "refs/heads/env/prod"
		signatureKeys: [`+strings.Join(ids, ", ")+`]
	}
}
`)
}

// commit commits everything on main, with a file that makes it differ.
func (h *house) commit(subject string) string {
	h.t.Helper()
	h.now = h.now.Add(time.Minute)
	h.write("app.txt", subject)
	h.git("add", ".")
	h.git("commit", "--quiet", "--message="+subject)
	h.main = h.git("rev-parse", "HEAD")
	return h.main
}

// draft is an approval that can be changed before it is written.
type draft struct {
	commit.Draft
	record approval.Record
	key    *testkey.Key
	// trailers are those of another record, if not nil.
	trailers *approval.Record
	// file is the record's file, if not nil.
	file []byte
}

// approve adds an approval of a commit, signed by a key, to the branch.
func (h *house) approve(approved string, key *testkey.Key, change ...func(*draft)) string {
	h.t.Helper()
	h.now = h.now.Add(time.Minute)
	h.number++
	d := &draft{key: key, record: approval.Record{
		Number: h.number, Commit: approved, ApprovedBy: person.String(), ApprovedAt: h.now, Evidence: "stage: service Synced and Healthy",
	}}
	d.Base, d.Author, d.Committer, d.When = approved, person, person, h.now
	if h.tip != "" {
		d.Parents = []string{h.tip}
	}
	for _, c := range change {
		c(d)
	}
	said := d.record
	if d.trailers != nil {
		said = *d.trailers
	}
	d.Message = approval.Message("prod", said, "subject", "")
	if d.file == nil {
		d.file = d.record.YAML()
	}
	d.Files = append([]commit.File{{Path: "envs/prod/approval.yaml", Content: d.file}}, d.Files...)
	if d.key != nil {
		d.Sign = func(payload []byte) (string, error) {
			return signatureAt(d.key, string(payload), h.now), nil
		}
	}
	id, err := h.repo.Write(d.Draft)
	if err != nil {
		h.t.Fatal(err)
	}
	h.tip = id
	return id
}

// verify judges the branch.
func (h *house) verify() ([]*approval.Approval, error) {
	h.t.Helper()
	v := h.verifier()
	defer v.Files.Close()
	return v.Verify(h.tip, nil)
}

func (h *house) verifier() *approval.Verifier {
	return &approval.Verifier{Environment: "prod", Repo: h.repo, Files: revision.Open(h.dir), Main: h.main, Now: time.Now()}
}

// wantGood demands that every approval of the branch is good.
func (h *house) wantGood() {
	h.t.Helper()
	approvals, err := h.verify()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, a := range approvals {
		if a.Signed.State != signature.Good {
			h.t.Errorf("%s is %v", a.Release(), a.Signed)
		}
	}
}

// wantBad demands that a commit breaks a rule, and is the first to.
func (h *house) wantBad(id string, rule approval.Rule, text string) {
	h.t.Helper()
	_, err := h.verify()
	v, ok := err.(*approval.Violation) //nolint:errorlint // It is returned as it is.
	switch {
	case !ok:
		h.t.Errorf("error %v, want the rule %s", err, rule)
	case v.Commit != id || v.Rule != rule || !strings.Contains(v.Message, text):
		h.t.Errorf("%s of %s: %s\nwant %s of %s: %s", v.Rule, v.Commit, v.Message, rule, id, text)
	}
}
