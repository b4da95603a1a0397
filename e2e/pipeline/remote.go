package pipeline

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Pushed is one ref of a push that the remote took.
type Pushed struct {
	Ref, Old, New string
	// Options are the push options, such as ci.skip and merge_request.create.
	Options []string
}

// protect is the remote's pre-receive hook: what GitLab does about protected
// branches. A push to a folder of the same machine runs the hook with the variables
// of the job, so that the token tells who pushes.
const protect = `#!/bin/sh
# Written by the test: protected branches.
zero=0000000000000000000000000000000000000000
tab=$(printf '\t')
newline='
'
taken=
while read -r old new ref; do
	case $ref in
	refs/heads/main | refs/heads/env/*)
		if [ "$GITLAB_TOKEN" != "$(cat token)" ]; then
			echo "GitLab: You are not allowed to push code to protected branches on this project." >&2
			exit 1
		fi
		if [ "$new" = $zero ]; then
			echo "GitLab: You can only delete protected branches using the web interface." >&2
			exit 1
		fi
		if [ "$old" != $zero ] && ! git merge-base --is-ancestor "$old" "$new"; then
			echo "GitLab: You are not allowed to force push code to a protected branch on this project." >&2
			exit 1
		fi
		;;
	esac
	options=
	i=0
	while [ $i -lt "${GIT_PUSH_OPTION_COUNT:-0}" ]; do
		eval "options=\$options\$tab\$GIT_PUSH_OPTION_$i"
		i=$((i + 1))
	done
	taken=$taken$ref$tab$old$tab$new$options$newline
done
printf %s "$taken" >>pushes
`

// Protect makes the remote refuse a push to main and to env/ that comes without the
// token in GITLAB_TOKEN, one that deletes, and one that is no fast-forward. From now
// on the remote remembers what it takes, see [Repository.Pushed], and push options.
func (r *Repository) Protect(t testing.TB, token string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.Origin, "token"), []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	r.Git(t, "--git-dir", r.Origin, "config", "receive.advertisePushOptions", "true")
	r.Hook(t, "pre-receive", protect)
}

// Pushed returns what the remote has taken since [Repository.Protect], in order.
func (r *Repository) Pushed(t testing.TB) []Pushed {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(r.Origin, "pushes"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []Pushed
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		all = append(all, Pushed{Ref: fields[0], Old: fields[1], New: fields[2], Options: fields[3:]})
	}
	return all
}
