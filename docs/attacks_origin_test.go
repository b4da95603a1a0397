package docs_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/signature/testkey"
)

// botToken is the token of the bot, which the hook lets push.
const botToken = "the bot's"

// protect is what GitLab does about env/*, as docs/adopt.md has it set up: the bot
// alone may push there, and forward only.
const protect = `#!/bin/sh
zero=0000000000000000000000000000000000000000
refuse() {
	echo "GitLab: You $1" >&2
	exit 1
}
while read -r old new ref; do
	case $ref in refs/heads/env/*) ;; *) continue ;; esac
	[ "$GITLAB_TOKEN" = "` + botToken + `" ] || refuse "are not allowed to push code to protected branches on this project."
	[ "$new" != $zero ] || refuse "can only delete protected branches using the web interface."
	[ "$old" = $zero ] || git merge-base --is-ancestor "$old" "$new" ||
		refuse "are not allowed to force push code to a protected branch on this project."
done
# For two approvals at once: what somebody else does while this push is on its way.
if [ -n "$MEANWHILE" ]; then
	do=$MEANWHILE
	unset MEANWHILE GIT_QUARANTINE_PATH $(git rev-parse --local-env-vars)
	sh -c "$do" >&2 || exit 1
fi
`

// The approval keys. The second has expired and is still listed, the third was
// never anybody's to approve with.
const (
	ada     = "ada"
	expired = "expired"
	mallory = "mallory"
)

// origin is a Git server in a folder: main with three commits, of which two are
// approved for prod.
type origin struct {
	gen string
	dir string // The bare repository.
	// keys lie in keyDir too, as NAME.asc.
	keys   map[string]*testkey.Key
	keyDir string
}

// newOrigin makes it as people would: gen render, git push and gen approve.
func newOrigin(t *testing.T, gen string) *origin {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal("git is not installed")
	}
	repo := copyOfRepository(t)
	o := &origin{gen: gen, dir: filepath.Join(t.TempDir(), "origin.git"), keyDir: t.TempDir(), keys: map[string]*testkey.Key{}}
	made := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, end := range map[string]time.Time{ada: {}, expired: time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC), mallory: {}} {
		options := testkey.Options{Seed: name, Created: made}
		if !end.IsZero() {
			options.Lifetime = end.Sub(made)
		}
		o.keys[name] = testkey.New(t, options)
		write(t, filepath.Join(o.keyDir, name+".asc"), o.keys[name].Secret())
	}
	ids := `["` + o.keys[ada].ID() + `", "` + o.keys[expired].ID() + `"]`
	for _, key := range o.allowed() {
		write(t, filepath.Join(repo, approval.KeyDir, key.ID()+".asc"), key.Public())
	}
	replace("envs/prod/env.cue", `["170C6F1ADB1B1613"]`, ids)(t, repo)
	o.mustRun(t, repo, gen, "render")
	o.mustRun(t, repo, "git", "init", "--quiet", "--initial-branch=main")
	o.mustRun(t, repo, "git", "init", "--quiet", "--bare", "--initial-branch=main", o.dir)
	write(t, filepath.Join(o.dir, "hooks/pre-receive"), protect)
	o.mustRun(t, repo, "git", "remote", "add", "origin", o.dir)
	for i, pods := range []string{"10", "11", "12"} {
		if i > 0 {
			raise(t, o, repo, pods)
		}
		o.mustRun(t, repo, "git", "add", "envs", "charts", "argocd")
		o.mustRun(t, repo, "git", "commit", "--quiet", "--message=prod: up to "+pods+" pods")
		o.mustRun(t, repo, "git", "push", "--quiet", "origin", "main")
		if i < 2 {
			o.mustRun(t, repo, gen, o.approve()...)
		}
	}
	return o
}

var maxReplicas = regexp.MustCompile(`maxReplicas: \d+`)

// raise changes prod by one value, and produces what follows from it.
func raise(t *testing.T, o *origin, repo, pods string) {
	t.Helper()
	name := filepath.Join(repo, "envs/prod/env.cue")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, name, maxReplicas.ReplaceAllString(string(data), "maxReplicas: "+pods))
	o.mustRun(t, repo, o.gen, "render", "prod")
}

// allowed returns the keys that prod names.
func (o *origin) allowed() []*testkey.Key { return []*testkey.Key{o.keys[ada], o.keys[expired]} }

// approve returns the command that approves main, with options after it.
func (o *origin) approve(more ...string) []string {
	return append([]string{"approve", "prod", "--commit", "main", "--no-evidence", "--reason", "stage is down", "--key", filepath.Join(o.keyDir, ada+".asc")}, more...)
}

// copy returns an origin of its own for one attack.
func (o *origin) copy(t *testing.T) *origin {
	t.Helper()
	c := *o
	c.dir = filepath.Join(t.TempDir(), "origin.git")
	if err := os.CopyFS(c.dir, os.DirFS(o.dir)); err != nil {
		t.Fatal(err)
	}
	return &c
}

// clone returns a new clone, which knows where env/prod stands now.
func (o *origin) clone(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	o.mustRun(t, filepath.Dir(o.dir), "git", "clone", "--quiet", o.dir, dir)
	return dir
}

// run runs a program as the bot, unless the environment says otherwise, and returns
// what it prints to both outputs with its exit code.
func (o *origin) run(t *testing.T, dir string, env []string, program string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C", "GITLAB_TOKEN="+botToken,
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.org", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.org")
	cmd.Env = append(cmd.Env, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// mustRun is run for what has to succeed.
func (o *origin) mustRun(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	out, exit := o.run(t, dir, nil, program, args...)
	if exit != 0 {
		t.Fatalf("%s %s: exit code %d\n%s", filepath.Base(program), strings.Join(args, " "), exit, out)
	}
	return strings.TrimSpace(out)
}

// write writes a file that can be run, if it is one to run.
func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
