package approval_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/commit"
	"gitlab.com/towpath/towpath/gen/signature"
	"gitlab.com/towpath/towpath/gen/signature/testkey"
)

func newKey(t *testing.T) *testkey.Key { return testkey.New(t, testkey.Options{}) }

func signatureAt(key *testkey.Key, payload string, at time.Time) string {
	return key.Sign(payload, func(sig *packet.Signature) { sig.CreationTime = at })
}

func TestChain(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	h := newHouse(t, key)
	first := h.main
	h.approve(first, key)
	h.commit("second")
	h.approve(h.main, key)
	h.commit("third")
	h.approve(h.main, key)
	h.approve(first, key, func(d *draft) { d.record.RollbackTo = 1 })
	h.approve(h.main, key)
	h.approve(h.main, key) // Once more the same: nothing is wrong with that.
	h.wantGood()
	approvals, err := h.verify()
	if err != nil || len(approvals) != 6 || approvals[0].Record.Number != 6 || approvals[2].Record.RollbackTo != 1 {
		t.Errorf("%d approvals, error %v", len(approvals), err)
	}
}

// TestBroken breaks each rule in the middle of a branch that is good otherwise.
func TestBroken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(h *house, key *testkey.Key) (bad string)
		rule approval.Rule
		text string
	}{
		"unsigned": {func(h *house, _ *testkey.Key) string { return h.approve(h.main, nil) }, approval.RuleSignature, "unsigned"},
		"another key": {func(h *house, _ *testkey.Key) string { return h.approve(h.main, newKey(h.t)) },
			approval.RuleSignature, "unknown key"},
		"signature of another commit": {func(h *house, key *testkey.Key) string {
			return h.approve(h.main, key, func(d *draft) {
				d.key = nil
				d.Sign = func([]byte) (string, error) { return signatureAt(key, "another", h.now), nil }
			})
		}, approval.RuleSignature, "bad"},
		"key of its own": {func(h *house, key *testkey.Key) string {
			other := newKey(h.t)
			h.trust(key, other)
			return h.approve(h.commit("more keys"), other)
		}, approval.RuleSignature, "unknown key"},
		"key that it removes": {func(h *house, key *testkey.Key) string {
			h.trust(newKey(h.t))
			return h.approve(h.commit("other keys"), key)
		}, approval.RuleSignature, "unknown key"},
		"file changed": {func(h *house, key *testkey.Key) string { return h.approve(h.main, key, file("app.txt", "evil")) },
			approval.RuleTree, "app.txt"},
		"file removed": {func(h *house, key *testkey.Key) string {
			return h.approve(h.main, key, func(d *draft) { d.Files = []commit.File{{Path: "app.txt"}} })
		}, approval.RuleTree, "app.txt"},
		"file added": {func(h *house, key *testkey.Key) string { return h.approve(h.main, key, file("new/file", "")) },
			approval.RuleTree, "new/file"},
		"second record": {func(h *house, key *testkey.Key) string {
			return h.approve(h.main, key, file("x/envs/prod/approval.yaml", "approval: {}\n"))
		}, approval.RuleTree, "x/envs/prod/approval.yaml"},
		"mode changed": {func(h *house, key *testkey.Key) string {
			good := h.approve(h.main, key)
			return h.rewrite(good, key, func() { h.git("update-index", "--chmod=+x", "app.txt") })
		}, approval.RuleTree, "app.txt"},
		"file turned into a link": {func(h *house, key *testkey.Key) string {
			good := h.approve(h.main, key)
			return h.rewrite(good, key, func() {
				id := h.input("/etc/passwd", "hash-object", "-w", "--stdin")
				h.git("update-index", "--cacheinfo", "120000,"+id+",app.txt")
			})
		}, approval.RuleTree, "app.txt"},
		"record that can be run": {func(h *house, key *testkey.Key) string {
			good := h.approve(h.main, key)
			return h.rewrite(good, key, func() {
				h.git("update-index", "--cacheinfo", "100755,"+h.git("rev-parse", good+":envs/prod/approval.yaml")+",envs/prod/approval.yaml")
			})
		}, approval.RuleTree, "no plain file"},
		"record missing": {func(h *house, key *testkey.Key) string {
			good := h.approve(h.main, key)
			return h.rewrite(good, key, func() { h.git("update-index", "--force-remove", "envs/prod/approval.yaml") })
		}, approval.RuleRecord, "no file"},
		"record differs": {func(h *house, key *testkey.Key) string {
			return h.approve(h.main, key, func(d *draft) {
				other := d.record
				other.Evidence = "something else"
				d.trailers = &other
			})
		}, approval.RuleRecord, "something else than the trailers"},
		"record with more in it": {func(h *house, key *testkey.Key) string {
			return h.approve(h.main, key, func(d *draft) { d.file = append(d.record.YAML(), "replicas: 0\n"...) })
		}, approval.RuleRecord, "unknown field"},
		"record written otherwise": {func(h *house, key *testkey.Key) string {
			return h.approve(h.main, key, func(d *draft) { d.file = append(d.record.YAML(), '\n') })
		}, approval.RuleRecord, "not written as gen writes it"},
		"another author": {func(h *house, key *testkey.Key) string {
			return h.approve(h.main, key, func(d *draft) { d.Author.Name = "Eve" })
		}, approval.RuleRecord, "Eve"},
		"another date": {func(h *house, key *testkey.Key) string {
			return h.approve(h.main, key, func(d *draft) { d.When = d.When.Add(-time.Hour) })
		}, approval.RuleRecord, "its trailers say"},
		"number repeated": {func(h *house, key *testkey.Key) string { h.number--; return h.approve(h.main, key) },
			approval.RuleNumber, "after release 1 comes 2"},
		"number left out": {func(h *house, key *testkey.Key) string { h.number++; return h.approve(h.main, key) },
			approval.RuleNumber, "its number is 3"},
		"foreign commit": {func(h *house, _ *testkey.Key) string {
			h.now = h.now.Add(time.Minute)
			h.tip = h.git("commit-tree", h.tip+"^{tree}", "-p", h.tip, "-m", "hotfix")
			return h.tip
		}, approval.RuleForeign, `its subject is "hotfix"`},
		"merge commit": {func(h *house, key *testkey.Key) string {
			return h.approve(h.main, key, func(d *draft) { d.Parents = append(d.Parents, h.main) })
		}, approval.RuleMerge, "merge of 2"},
		"commit not on main": {func(h *house, key *testkey.Key) string {
			h.git("checkout", "--quiet", "-b", "side")
			main := h.main
			side := h.commit("side")
			h.main = main
			h.git("checkout", "--quiet", "main")
			return h.approve(side, key)
		}, approval.RuleMain, "not on the default branch"},
		"commit that is nowhere": {func(h *house, key *testkey.Key) string {
			return h.approve(h.main, key, func(d *draft) { d.record.Commit = strings.Repeat("ab", 20) })
		}, approval.RuleMain, "not in this clone"},
		"branch started anew": {func(h *house, key *testkey.Key) string { h.tip = ""; return h.approve(h.main, key) },
			approval.RuleNumber, "started anew"},
		"older commit": {func(h *house, key *testkey.Key) string {
			old := h.main
			h.approve(h.commit("newer"), key)
			return h.approve(old, key)
		}, approval.RuleRollback, "does not say that it goes back"},
		"rollback to something else": {func(h *house, key *testkey.Key) string {
			h.approve(h.commit("newer"), key)
			h.approve(h.commit("newest"), key)
			return h.approve(h.main, key, func(d *draft) { d.record.RollbackTo = 1 })
		}, approval.RuleRollback, "goes back to release 1"},
		"rollback that brings back a key": {func(h *house, key *testkey.Key) string {
			other := newKey(h.t)
			h.trust(key, other)
			both := h.commit("both keys")
			h.approve(both, key)
			h.trust(other)
			h.approve(h.commit("without the old key"), other)
			return h.approve(both, other, func(d *draft) { d.record.RollbackTo = 2 })
		}, approval.RuleRollback, "brings back"},
		"strange header": {func(h *house, key *testkey.Key) string {
			good := h.approve(h.main, key)
			text := h.git("cat-file", "commit", good)
			text = strings.Replace(text, "\ngpgsig ", "\nencoding latin1\ngpgsig ", 1)
			h.tip = h.input(text+"\n", "hash-object", "-t", "commit", "-w", "--stdin")
			return h.tip
		}, approval.RuleForeign, "encoding"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := newKey(t)
			h := newHouse(t, key)
			h.approve(h.main, key)
			h.wantGood()
			bad := c.do(h, key)
			h.wantBad(bad, c.rule, c.text)
			if name != "branch started anew" && c.rule != approval.RuleMerge && c.rule != approval.RuleForeign {
				// What follows does not hide it.
				h.approve(h.main, key)
				h.wantBad(bad, c.rule, c.text)
			}
		})
	}
}

func file(name, text string) func(*draft) {
	return func(d *draft) { d.Files = []commit.File{{Path: name, Content: []byte(text)}} }
}

// rewrite makes an approval anew with another tree, rightly signed.
func (h *house) rewrite(id string, key *testkey.Key, change func()) string {
	h.t.Helper()
	h.git("read-tree", id)
	change()
	tree := h.git("write-tree")
	h.git("read-tree", "HEAD")
	c, err := h.repo.Read(id)
	if err != nil {
		h.t.Fatal(err)
	}
	payload := strings.Replace(string(c.Payload), "tree "+c.Tree, "tree "+tree, 1)
	head, message, _ := strings.Cut(payload, "\n\n")
	sig := strings.ReplaceAll(strings.TrimSpace(signatureAt(key, payload, h.now)), "\n", "\n ")
	h.tip = h.input(head+"\ngpgsig "+sig+"\n\n"+message, "hash-object", "-t", "commit", "-w", "--stdin")
	return h.tip
}

// TestTime refuses an approval that is dated before the one it follows, by its record or by its
// signature: so could a key that has expired since be used once more.
func TestTime(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	h := newHouse(t, key)
	first := h.approve(h.main, key)
	h.commit("second")
	at := h.now
	h.now = at.Add(-3 * time.Minute)
	bad := h.approve(h.main, key)
	h.wantBad(bad, approval.RuleTime, "it is dated")

	h.tip, h.number, h.now = first, 1, at
	good := h.approve(h.main, key)
	payload := h.git("cat-file", "commit", good)
	signed := strings.Index(payload, "\ngpgsig ")
	end := strings.Index(payload, "\n\n")
	unsigned := payload[:signed] + payload[end:]
	sig := strings.ReplaceAll(strings.TrimSpace(signatureAt(key, unsigned+"\n", at.Add(-3*time.Minute))), "\n", "\n ")
	h.tip = h.input(payload[:signed]+"\ngpgsig "+sig+payload[end:]+"\n", "hash-object", "-t", "commit", "-w", "--stdin")
	h.wantBad(h.tip, approval.RuleTime, "it was signed on")
}

// TestRotation replaces a key in three approvals.
func TestRotation(t *testing.T) {
	t.Parallel()
	old, next := newKey(t), newKey(t)
	h := newHouse(t, old)
	h.approve(h.main, old)
	h.trust(old, next)
	h.approve(h.commit("add the new key"), old)
	h.approve(h.commit("use it"), next)
	h.trust(next)
	h.approve(h.commit("remove the old key"), next)
	h.wantGood()
	bad := h.approve(h.commit("after that"), old)
	h.wantBad(bad, approval.RuleSignature, "unknown key")
}

// TestExpiry keeps the history good after its key has expired, and lets the owner
// go on after giving the key more time.
func TestExpiry(t *testing.T) {
	t.Parallel()
	key := testkey.New(t, testkey.Options{Lifetime: 30 * time.Minute}) // Half an hour ago.
	h := newHouse(t, key)
	h.now = key.Entity.PrimaryKey.CreationTime.UTC().Add(10 * time.Minute)
	first := h.approve(h.main, key)
	h.wantGood()
	v := h.verifier()
	defer v.Files.Close()
	approvals, err := v.Verify(first, nil)
	if err != nil {
		t.Fatal(err)
	}
	if now, err := v.Current(approvals[0], nil); err != nil || now.State != signature.ExpiredKey {
		t.Errorf("today it is %v, error %v", now, err)
	}
	h.now = time.Now().UTC().Truncate(time.Second).Add(-2 * time.Minute)
	bad := h.approve(h.commit("too late"), key)
	h.wantBad(bad, approval.RuleSignature, "expired key")

	h.tip, h.number = first, 1
	key.Extend(0)
	h.trust(key)
	h.approve(h.commit("more time"), key)
	h.wantGood()

	if err := key.Entity.RevokeKey(packet.KeyCompromised, "", nil); err != nil {
		t.Fatal(err)
	}
	h.trust(key)
	bad = h.approve(h.commit("revoked"), key)
	h.wantBad(bad, approval.RuleSignature, "revoked key")
}

// TestForgedID takes no key for another because their ids are the same: whose it is,
// the fingerprint says.
func TestForgedID(t *testing.T) {
	t.Parallel()
	mine, other := parse(t, newKey(t)), parse(t, newKey(t))
	before := approval.Keys{List: []*signature.Key{mine}}
	if got := approval.Allowed(approval.Keys{List: []*signature.Key{other, mine}}, &before); len(got) != 1 || got[0] != mine {
		t.Errorf("allowed are %v", got)
	}
	if got := approval.Allowed(approval.Keys{List: []*signature.Key{other}}, nil); len(got) != 1 {
		t.Error("a first approval has no keys")
	}
}

func parse(t *testing.T, key *testkey.Key) *signature.Key {
	t.Helper()
	parsed, err := signature.ParseKey([]byte(key.Public()))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestKeyFiles says what is wrong with a key that an environment names.
func TestKeyFiles(t *testing.T) {
	t.Parallel()
	key, other := newKey(t), newKey(t)
	h := newHouse(t, key)
	if err := os.Remove(filepath.Join(h.dir, approval.KeyDir, key.ID()+".asc")); err != nil {
		t.Fatal(err)
	}
	bad := h.approve(h.commit("without the file"), key)
	h.wantBad(bad, approval.RuleSignature, "unknown key")
	h.write(approval.KeyDir+"/"+key.ID()+".asc", other.Public())
	h.tip, h.number = "", 0
	bad = h.approve(h.commit("with another's file"), other)
	h.wantBad(bad, approval.RuleSignature, "unknown key")
}

// TestShallow does not take the beginning of what the clone has for that of the
// branch.
func TestShallow(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	h := newHouse(t, key)
	h.approve(h.main, key)
	h.approve(h.commit("second"), key)
	h.git("update-ref", "refs/heads/env/prod", h.tip)
	clone := &house{t: t, dir: t.TempDir(), now: h.now, main: h.main, tip: h.tip}
	clone.git("clone", "--quiet", "--depth=1", "--no-single-branch", "file://"+h.dir, ".")
	clone.repo = commit.Open(clone.dir)
	if _, err := clone.verify(); err == nil || !strings.Contains(err.Error(), "shallow") {
		t.Errorf("error %v", err)
	}
}

// TestBelowRoot works where the repository is a folder of Git's.
func TestBelowRoot(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	h := newHouse(t, key)
	h.git("rm", "--quiet", "-r", "--cached", ".")
	below := filepath.Join(h.dir, "below")
	for _, name := range []string{"envs", "argocd"} {
		if err := os.MkdirAll(below, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(h.dir, name), filepath.Join(below, name)); err != nil {
			t.Fatal(err)
		}
	}
	h.commit("moved")
	h.dir = below
	h.repo = commit.Open(below)
	h.approve(h.main, key)
	h.wantGood()
	bad := h.approve(h.main, key, func(d *draft) {
		d.Files = []commit.File{{Path: "x/below/envs/prod/approval.yaml", Content: []byte("x")}}
	})
	h.wantBad(bad, approval.RuleTree, "x/below/envs/prod/approval.yaml")
}
