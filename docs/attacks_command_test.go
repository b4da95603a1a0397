package docs_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// commandAttack is an attempt to have gen itself do it, by somebody with a clone, the
// bot's token and a key.
type commandAttack struct {
	name string
	// prepare changes the clone, or what it is a clone of.
	prepare func(t *testing.T, o *origin, clone string)
	// race has somebody else approve after gen has looked, and before its push arrives.
	race bool
	// args are those of gen, as they stand on the page.
	args string
	// exit is the exit code, and says a part of the line that says why.
	exit int
	says string
}

const byAda = " --no-evidence --reason 'stage is down' --key ada.asc"

var commandAttacks = []commandAttack{
	{"two approvals at once", nil, true,
		"approve prod --commit main" + byAda, 1, "somebody else was quicker"},
	{"a key that has expired", nil, false,
		"approve prod --commit main --no-evidence --reason 'stage is down' --key expired.asc", 1, "can't sign"},
	{"a key that prod does not name", nil, false,
		"approve prod --commit main --no-evidence --reason 'stage is down' --key mallory.asc", 1, "may not sign here"},
	{"no evidence that the images run in stage", nil, false,
		"approve prod --commit main --key ada.asc", 4, "nothing shows that the release works"},
	{"a commit that is not on main", func(t *testing.T, o *origin, clone string) {
		o.mustRun(t, clone, "git", "commit", "--quiet", "--allow-empty", "--message=not reviewed")
	}, false, "approve prod --commit HEAD" + byAda, 4, "is not on origin/main"},
	{"a commit of main with values edited by hand", func(t *testing.T, o *origin, clone string) {
		replace("envs/prod/values/service.yaml", "minReplicas: 3", "minReplicas: 2")(t, clone)
		merge(t, o, clone)
	}, false, "approve prod --commit main" + byAda, 3, "[stale-file]"},
	{"going back without saying so", nil, false,
		"approve prod --commit main~2" + byAda, 4, "is older than"},
	{"an image named for prod, past promotion", nil, false,
		"release prod --image registry.gitlab.com/towpath/towpath/service:0.2.0@sha256:" + anyDigest, 4, "gets its images by promotion"},
	{"a tag without digest named for prod, by force", nil, false,
		"release prod --image registry.gitlab.com/towpath/towpath/service:0.2.0 --force --reason 'a test'", 2, "[broken-rule]"},
	{"a tag without digest promoted to prod", func(t *testing.T, o *origin, clone string) {
		o.mustRun(t, clone, o.gen, "release", "stage", "--image", "registry.gitlab.com/towpath/towpath/service:0.2.0")
		merge(t, o, clone)
	}, false, "promote stage prod", 4, "an image without a digest"},
	{"the same by force", func(t *testing.T, o *origin, clone string) {
		o.mustRun(t, clone, o.gen, "release", "stage", "--image", "registry.gitlab.com/towpath/towpath/service:0.2.0")
		merge(t, o, clone)
	}, false, "promote stage prod --force --reason 'a test'", 4, "an image without a digest"},
	{"dev's image promoted to prod, past stage", nil, false,
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
	result := newTable(len(commandAttacks), "attempt", "command", "exit code", "says")
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
				const winner = "Grace <grace@example.org>"
				if a.race {
					env = append(env, "MEANWHILE="+o.other(t, winner))
				}
				out, exit := o.run(t, clone, env, o.gen, o.arguments(a.args)...)
				line := lineWith(strings.ReplaceAll(out, o.keyDir+string(filepath.Separator), ""), a.says)
				if exit != a.exit || line == "" {
					t.Fatalf("gen %s: exit code %d, want %d and %q in\n%s", a.args, exit, a.exit, a.says, out)
				}
				last := "env/prod"
				if a.race {
					last = "env/prod~1" // Where the winner began.
					if author := o.mustRun(t, o.dir, "git", "log", "-1", "--format=%an <%ae>", "env/prod"); author != winner {
						t.Errorf("the newest approval is by %s, not by %s", author, winner)
					}
				}
				if after := o.mustRun(t, o.dir, "git", "rev-parse", last); after != before {
					t.Errorf("%s was %s, and is %s", last, before, after)
				}
				mu.Lock()
				defer mu.Unlock()
				result.rows[i] = []string{a.name, "`gen " + strings.ReplaceAll(a.args, anyDigest, "…") + "`", fmt.Sprint(exit), "`" + lasting(line) + "`"}
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

// arguments splits the arguments of gen as a shell would, and fills in where the
// keys lie.
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
		if strings.HasSuffix(arg, ".asc") {
			args[i] = filepath.Join(o.keyDir, arg)
		}
	}
	return args
}

// lineWith returns the line of an output with a text in it, without who says it.
func lineWith(out, text string) string {
	for line := range strings.Lines(out) {
		if strings.Contains(line, text) {
			return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "gen: "), ":")
		}
	}
	return ""
}
