package docs_test

import (
	"cmp"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/commit"
	"gitlab.com/towpath/towpath/gen/signature/testkey"
)

// forger is somebody with a clone who wants env/prod to stand elsewhere.
type forger struct {
	t    *testing.T
	o    *origin
	dir  string
	repo *commit.Repository
	// main, tip and first are the ids of main and of the newest and the first
	// approval.
	main, tip, first string
}

// forged is an approval that is right in every way until somebody changes it.
type forged struct {
	commit.Draft
	// file and said are the record in the file and in the trailers.
	file, said approval.Record
	// key signs; nil is for no signature.
	key *testkey.Key
}

// approve writes an approval of main that follows the newest, changed.
func (f *forger) approve(change func(*forged)) string {
	f.t.Helper()
	person := commit.Person{Name: "Ada", Email: "ada@example.org"}
	now := time.Now().UTC().Truncate(time.Second)
	record := approval.Record{Number: 3, Commit: f.main, ApprovedBy: person.String(), ApprovedAt: now, NoEvidence: "stage is down"}
	d := &forged{file: record, said: record, key: f.o.keys[ada]}
	d.Base, d.Parents, d.Author, d.Committer, d.When = f.main, []string{f.tip}, person, person, now
	change(d)
	d.Message = approval.Message("prod", d.said, "prod: up to 12 pods", "")
	d.Files = append(d.Files, commit.File{Path: "envs/prod/approval.yaml", Content: d.file.YAML()})
	if d.Sign == nil && d.key != nil {
		d.Sign = func(payload []byte) (string, error) { return sign(d.key, payload, now), nil }
	}
	return f.write(d.Draft)
}

func (f *forger) write(d commit.Draft) string {
	f.t.Helper()
	id, err := f.repo.Write(d)
	if err != nil {
		f.t.Fatal(err)
	}
	return id
}

func sign(key *testkey.Key, payload []byte, at time.Time) string {
	return key.Sign(string(payload), func(sig *packet.Signature) { sig.CreationTime = at })
}

// The layers that an attack on env/prod meets, in this order; each is asked by
// itself, as if all before it had let the attack pass.
const (
	gitToDeveloper = iota + 1 // The Git server, to a push without the bot's token.
	gitToBot                  // The Git server, to a push with it.
	byArgoCD
	byAdmission
	byHistory
	byApprove
	layers
)

// branchAttack is an attack on env/prod.
type branchAttack struct {
	name string
	// forge returns the commit that env/prod is to stand at.
	forge func(f *forger) string
	// refused are the layers that have to refuse it, each with a part of what it
	// says. The Git server refuses a developer whatever it is, and gen approve refuses
	// what gen history does, so that neither is listed.
	refused map[int]string
}

var branchAttacks = []branchAttack{
	{"an approval that is not signed",
		func(f *forger) string { return f.approve(func(d *forged) { d.key = nil }) },
		map[int]string{byArgoCD: "no signature", byHistory: "unsigned"}},
	{"an approval signed by another key",
		func(f *forger) string { return f.approve(func(d *forged) { d.key = f.o.keys[mallory] }) },
		map[int]string{byArgoCD: "No public key", byHistory: "unknown key"}},
	{"an approval with the signature of another",
		func(f *forger) string {
			return f.approve(func(d *forged) {
				d.Sign = func([]byte) (string, error) { return sign(d.key, []byte("something else"), d.When), nil }
			})
		},
		map[int]string{byArgoCD: "Bad", byHistory: "signature"}},
	{"an approval signed by a key that has expired",
		func(f *forger) string { return f.approve(func(d *forged) { d.key = f.o.keys[expired] }) },
		map[int]string{byHistory: "expired key"}},
	{"an approval rightly signed, with another tree than its trailer says",
		func(f *forger) string {
			return f.approve(func(d *forged) {
				d.Files = []commit.File{{Path: "charts/service/values.yaml", Content: []byte("evil: true\n")}}
			})
		},
		map[int]string{byHistory: "charts/service/values.yaml"}},
	{"an approval rightly signed, with a record that differs from its trailers",
		func(f *forger) string {
			return f.approve(func(d *forged) { d.file.NoEvidence, d.file.Evidence = "", "stage: service Synced and Healthy" })
		},
		map[int]string{byHistory: "something else than the trailers"}},
	{"an approval rightly signed, of a commit that is not on main",
		func(f *forger) string {
			side := f.write(commit.Draft{
				Base: f.main, Parents: []string{f.main}, When: time.Now(), Message: commit.Message{Subject: "not reviewed"},
				Author: commit.Person{Name: "Eve", Email: "eve@example.org"}, Committer: commit.Person{Name: "Eve", Email: "eve@example.org"},
			})
			return f.approve(func(d *forged) { d.Base, d.file.Commit, d.said.Commit = side, side, side })
		},
		map[int]string{byHistory: "not on the default branch"}},
	{"an approval rightly signed, with a number that was given out",
		func(f *forger) string { return f.approve(func(d *forged) { d.file.Number, d.said.Number = 1, 1 }) },
		map[int]string{byAdmission: "is older than approval", byHistory: "its number is 1"}},
	{"values edited by hand, in a commit on top",
		func(f *forger) string {
			eve := commit.Person{Name: "Eve", Email: "eve@example.org"}
			return f.write(commit.Draft{
				Base: f.tip, Parents: []string{f.tip}, Author: eve, Committer: eve, When: time.Now(),
				Files:   []commit.File{{Path: "envs/prod/values/service.yaml", Content: []byte("replicas: 0\n")}},
				Message: commit.Message{Subject: "hotfix"},
			})
		},
		map[int]string{byArgoCD: "no signature", byHistory: "it is no approval"}},
	{"an old signed approval put back: the branch moved",
		func(f *forger) string { return f.first },
		map[int]string{gitToBot: "not allowed to force push", byAdmission: "is older than approval", byHistory: "only goes forward"}},
}

// attackBranch makes each attack on a copy of a Git server, and returns who refused
// it.
func attackBranch(t *testing.T, o *origin) table {
	t.Helper()
	keyring := newKeyring(t, o.allowed())
	policy := numberRises(t)
	result := newTable(len(branchAttacks), "`env/prod` gets", "Git server, to a developer", "Git server, to the bot's token",
		"Argo CD", "admission", "`gen history --verify`", "`gen approve`")
	var mu sync.Mutex
	t.Run("branch", func(t *testing.T) {
		for i, a := range branchAttacks {
			t.Run(a.name, func(t *testing.T) {
				t.Parallel()
				said := a.attempt(t, o.copy(t), keyring, policy)
				for layer := gitToDeveloper; layer < layers; layer++ {
					want := cmp.Or(a.refused[layer], passes)
					switch layer {
					case gitToDeveloper:
						want = "not allowed to push"
					case byApprove:
						want, _, _ = strings.Cut(said[byHistory], ":")
					}
					if !strings.Contains(said[layer], want) {
						t.Errorf("%s: %q, want %q", result.heads[layer], said[layer], want)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				result.rows[i] = said
			})
		}
	})
	return result
}

// attempt moves env/prod as the attack wants, and asks every layer.
func (a branchAttack) attempt(t *testing.T, o *origin, keyring *keyring, policy *numberPolicy) []string {
	t.Helper()
	f := &forger{t: t, o: o, dir: o.clone(t)}
	f.repo = commit.Open(f.dir)
	f.main = o.mustRun(t, f.dir, "git", "rev-parse", "origin/main")
	f.tip = o.mustRun(t, f.dir, "git", "rev-parse", "origin/env/prod")
	f.first = o.mustRun(t, f.dir, "git", "rev-parse", "origin/env/prod~1")
	// Somebody else's, who knows where the branch stood.
	witness := o.clone(t)

	said := make([]string, layers)
	said[0] = a.name
	id := a.forge(f)
	said[gitToDeveloper] = f.push(id, "GITLAB_TOKEN=a developer's")
	said[gitToBot] = f.push(id, "GITLAB_TOKEN="+botToken)
	// An administrator of the server passes all of that.
	if said[gitToBot] != passes {
		o.mustRun(t, f.dir, "git", "push", "--quiet", "origin", id+":refs/heads/forged")
		o.mustRun(t, o.dir, "git", "update-ref", "refs/heads/env/prod", id)
	}
	if got := o.mustRun(t, o.dir, "git", "rev-parse", "env/prod"); got != id {
		t.Fatalf("env/prod stands at %s, not at %s", got, id)
	}
	said[byArgoCD] = keyring.judge(t, o, id)
	if keyring == nil {
		said[byArgoCD] = committedCell(t, a.name, byArgoCD)
	}
	said[byAdmission] = policy.judge(t, f.dir, f.tip, id)
	said[byHistory] = verifyHistory(t, o, witness)
	said[byApprove] = refusedApproval(t, o, witness)
	if strings.HasPrefix(said[byHistory], "`branch-moved`") {
		// As the page says: who never saw where it stood can't tell.
		if got := verifyHistory(t, o, o.clone(t)); got != passes {
			t.Errorf("in a new clone gen history says %s; let the page say so", got)
		}
	}
	return said
}

var words = regexp.MustCompile(`(?m)^remote: GitLab: You are (.*?)(?: on this project)?\.\s*$`)

// push pushes to env/prod, whatever stands there, and returns why the server refuses.
func (f *forger) push(id, token string) string {
	f.t.Helper()
	out, exit := f.o.run(f.t, f.dir, []string{token}, "git", "push", "--force", "origin", id+":refs/heads/env/prod")
	if exit == 0 {
		return passes
	}
	refusal := words.FindStringSubmatch(out)
	if refusal == nil {
		f.t.Fatalf("git push: exit code %d\n%s", exit, out)
	}
	return `"` + refusal[1] + `"`
}

// ruleAtEnd is what gen says about an approval that breaks a rule: which one, what is
// wrong, and the rule.
var ruleAtEnd = regexp.MustCompile(`(?m)^gen: env/prod: (?:release \d+ \(\w+\): |commit \w+: )?(.*) \[([a-z-]+)\]$`)

// verifyHistory returns the rule that gen history finds broken, and what it says.
func verifyHistory(t *testing.T, o *origin, clone string) string {
	t.Helper()
	out, exit := o.run(t, clone, nil, o.gen, "history", "prod", "--fetch", "--verify")
	if exit == 0 {
		return passes
	}
	broken := ruleAtEnd.FindStringSubmatch(out)
	if broken == nil || exit != 4 {
		t.Fatalf("gen byHistory: exit code %d\n%s", exit, out)
	}
	return "`" + broken[2] + "`: " + lasting(broken[1])
}

// refusedApproval returns the rule for which gen byApprove does not go on.
func refusedApproval(t *testing.T, o *origin, clone string) string {
	t.Helper()
	out, exit := o.run(t, clone, nil, o.gen, o.approve()...)
	if exit == 0 {
		return passes
	}
	broken := ruleAtEnd.FindStringSubmatch(out)
	if broken == nil || exit != 4 {
		t.Fatalf("gen byApprove: exit code %d\n%s", exit, out)
	}
	return "`" + broken[2] + "`"
}
