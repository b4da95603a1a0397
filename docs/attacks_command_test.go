package docs_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// commandAttack is an attempt by somebody who has gen, a clone and, where it takes
// one, the token and a key.
type commandAttack struct {
	name string
	// prepare changes the clone, or what it is a clone of.
	prepare func(t *testing.T, o *origin, clone string)
	// args are those of gen; ADA, EXPIRED and MALLORY are the files of the keys.
	args string
	// exit is the exit code, and says a part of the line that says why.
	exit int
	says string
}

const byAda = " --no-evidence --reason 'stage is down' --key ADA"

var commandAttacks = []commandAttack{
	{"two approvals at once", nil,
		"approve prod --commit main" + byAda, 1, "somebody else was quicker"},
	{"a key that has expired", nil,
		"approve prod --commit main --no-evidence --reason 'stage is down' --key EXPIRED", 1, "can't sign"},
	{"a key that prod does not name", nil,
		"approve prod --commit main --no-evidence --reason 'stage is down' --key MALLORY", 1, "may not sign here"},
	{"no evidence that the images run in stage", nil,
		"approve prod --commit main --key ADA", 4, "nothing shows that the release works"},
	{"a commit that is not on main", func(t *testing.T, o *origin, clone string) {
		o.mustRun(t, clone, "git", "commit", "--quiet", "--allow-empty", "--message=not reviewed")
	}, "approve prod --commit HEAD" + byAda, 4, "is not on origin/main"},
	{"a commit of main with values edited by hand", func(t *testing.T, o *origin, clone string) {
		replace("envs/prod/values/service.yaml", "minReplicas: 3", "minReplicas: 2")(t, clone)
		merge(t, o, clone)
	}, "approve prod --commit main" + byAda, 3, "[stale-file]"},
	{"going back without saying so", nil,
		"approve prod --commit main~2" + byAda, 4, "is older than"},
	{"an image named for prod, past promotion", nil,
		"release prod --image registry.gitlab.com/towpath/towpath/service:0.2.0@sha256:" + anyDigest, 4, "gets its images by promotion"},
	{"a tag without digest named for prod, by force", nil,
		"release prod --image registry.gitlab.com/towpath/towpath/service:0.2.0 --force --reason 'a test'", 2, "[broken-rule]"},
	{"a tag without digest promoted to prod", func(t *testing.T, o *origin, clone string) {
		o.mustRun(t, clone, o.gen, "release", "stage", "--image", "registry.gitlab.com/towpath/towpath/service:0.2.0")
		merge(t, o, clone)
	}, "promote stage prod", 4, "an image without a digest"},
	{"the same by force", func(t *testing.T, o *origin, clone string) {
		o.mustRun(t, clone, o.gen, "release", "stage", "--image", "registry.gitlab.com/towpath/towpath/service:0.2.0")
		merge(t, o, clone)
	}, "promote stage prod --force --reason 'a test'", 4, "an image without a digest"},
	{"dev's image promoted to prod, past stage", nil,
		"promote dev prod", 4, "promoted from stage, not from dev"},
}

var anyDigest = strings.Repeat("0a", 32)

// merge brings what a clone has changed to main, as a merge request that nobody
// looked at.
func merge(t *testing.T, o *origin, clone string) {
	t.Helper()
	o.mustRun(t, clone, "git", "commit", "--quiet", "--all", "--message=a change")
	o.mustRun(t, clone, "git", "push", "--quiet", "origin", "main")
}

// attackByCommand makes each attempt, and returns what gen says. None of them may
// move env/prod, but for the one that is quicker than another.
func attackByCommand(t *testing.T, o *origin) table {
	t.Helper()
	result := newTable(len(commandAttacks), "an attempt to use", "command", "exit code", "says")
	var mu sync.Mutex
	t.Run("command", func(t *testing.T) {
		for i, a := range commandAttacks {
			t.Run(a.name, func(t *testing.T) {
				t.Parallel()
				o := o.copy(t)
				clone := o.clone(t)
				if a.prepare != nil {
					a.prepare(t, o, clone)
				}
				before := o.mustRun(t, o.dir, "git", "rev-parse", "env/prod")
				env := []string{"ARGOCD_SERVER="}
				winner := ""
				if strings.HasPrefix(a.name, "two ") {
					winner = "Grace <grace@example.org>"
					env = append(env, "MEANWHILE="+o.other(t, winner))
				}
				out, exit := o.run(t, clone, env, o.gen, o.arguments(a.args)...)
				line := lineWith(out, a.says)
				if exit != a.exit || line == "" {
					t.Fatalf("gen %s: exit code %d, want %d and %q in\n%s", a.args, exit, a.exit, a.says, out)
				}
				if winner != "" {
					if author := o.mustRun(t, o.dir, "git", "log", "-1", "--format=%an <%ae>", "env/prod~0"); author != winner {
						t.Errorf("the newest approval is by %s, not by %s", author, winner)
					}
					before = o.mustRun(t, o.dir, "git", "rev-parse", "env/prod~1")
					if n := o.mustRun(t, o.dir, "git", "rev-list", "--count", "env/prod"); n != "3" {
						t.Errorf("%s approvals, want 3", n)
					}
				} else if after := o.mustRun(t, o.dir, "git", "rev-parse", "env/prod"); after != before {
					t.Errorf("env/prod has moved from %s to %s", before, after)
				}
				mu.Lock()
				defer mu.Unlock()
				result.rows[i] = []string{a.name, "`gen " + lasting(strings.ReplaceAll(a.args, "0a"+anyDigest[2:], "…")) + "`", fmt.Sprint(exit), lasting(line)}
			})
		}
	})
	return result
}

// other returns the command by which somebody else approves, in a clone of their
// own.
func (o *origin) other(t *testing.T, who string) string {
	t.Helper()
	command := "cd '" + o.clone(t) + "' && '" + o.gen + "'"
	for _, arg := range o.approve("--by", who) {
		command += " '" + arg + "'"
	}
	return command
}

// arguments splits the arguments of gen as a shell would, and fills in the files of
// keys.
func (o *origin) arguments(text string) []string {
	var args []string
	for i, part := range strings.Split(text, "'") {
		if i%2 == 1 {
			args = append(args, part)
			continue
		}
		args = append(args, strings.Fields(part)...)
	}
	for i, arg := range args {
		switch arg {
		case "ADA", "EXPIRED", "MALLORY":
			args[i] = filepath.Join(o.keyDir, strings.ToLower(arg)+".asc")
		}
	}
	return args
}

// lineWith returns the line of an output with a text in it, without who says it.
func lineWith(out, text string) string {
	for line := range strings.Lines(out) {
		if strings.Contains(line, text) {
			return strings.TrimPrefix(strings.TrimSpace(line), "gen: ")
		}
	}
	return ""
}
