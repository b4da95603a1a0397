package pipeline

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// User is somebody whom a remote that is served lets in.
type User struct {
	// Name is how the remote calls them; Login and Password are what Git sends.
	Name, Login, Password string
}

// The users of a remote that is served.
var (
	// Bot is the project access token of the pipeline, GITLAB_TOKEN. With a token any
	// login is right. It is another each time, so that no file of the repository has it.
	Bot = User{"bot", "oauth2", "glpat-" + rand.Text()}
	// Developer is a person of the project.
	Developer = User{"ada", "ada", "of-ada"}
	// Merger is GitLab itself, when somebody presses Merge.
	Merger = User{"gitlab", "gitlab", "of-gitlab"}
	// JobToken is what GitLab gives each job to clone with. It may not push.
	JobToken = User{"job", "gitlab-ci-token", "of-a-job"}
)

// Served is the remote of a repository as GitLab serves it: by HTTP, to users, with
// protected branches.
type Served struct {
	http *httptest.Server
	repo *Repository
}

// projectPath is the path of the project in GitLab.
const projectPath = "/towpath/towpath.git"

// Serve has the remote served by Git's own HTTP server, and protected: main takes
// pushes of the bot and merges, env/ those of the bot alone, and no push deletes
// them or goes back. From now on it remembers what it takes, see [Repository.Pushed].
// The clone reads it with the token of a job.
func (r *Repository) Serve(t testing.TB) *Served {
	t.Helper()
	folder := strings.TrimSpace(r.Git(t, "--exec-path"))
	backend := filepath.Join(folder, "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skipf("this Git has no HTTP server: %v; to run this test, install Git with git-http-backend", err)
	}
	r.Git(t, "--git-dir", r.Origin, "config", "receive.advertisePushOptions", "true")
	r.Hook(t, "pre-receive", protect)
	s := &Served{repo: r}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		user, ok := authenticate(req)
		switch {
		case !ok:
			w.Header().Set("WWW-Authenticate", `Basic realm="GitLab"`)
			http.Error(w, "HTTP Basic: Access denied.", http.StatusUnauthorized)
			return
		case user == JobToken && (strings.HasSuffix(req.URL.Path, "/git-receive-pack") || req.URL.Query().Get("service") == "git-receive-pack"):
			http.Error(w, "You are not allowed to upload code.", http.StatusForbidden)
			return
		}
		if req.ContentLength < 0 {
			// CGI knows no body of unknown length, which git sends when there is much.
			body, err := io.ReadAll(req.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			req.Body, req.ContentLength, req.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		}
		handler := &cgi.Handler{
			Path: backend, Root: projectPath, Dir: r.Origin,
			Env: []string{"GIT_PROJECT_ROOT=" + r.Origin, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=" + user.Name, "HOME=" + r.home},
		}
		handler.ServeHTTP(w, req)
	}))
	t.Cleanup(s.http.Close)
	r.Git(t, "remote", "set-url", "origin", s.Address(JobToken))
	// gitlab-ci-local takes the names of server and project from this remote.
	r.Git(t, "remote", "set-url", "gcl-origin", s.http.URL+projectPath)
	return s
}

func authenticate(req *http.Request) (User, bool) {
	login, password, _ := req.BasicAuth()
	for _, user := range []User{Bot, Developer, Merger, JobToken} {
		if login == user.Login && password == user.Password {
			return user, true
		}
	}
	return User{}, false
}

// Address is the address of the remote for a user, with the password in it.
func (s *Served) Address(user User) string {
	address, _ := url.Parse(s.http.URL + projectPath)
	address.User = url.UserPassword(user.Login, user.Password)
	return address.String()
}

// Push pushes from the clone as a user. The error says what the remote said.
func (s *Served) Push(t testing.TB, user User, args ...string) error {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "credential.helper=", "push", "-q", s.Address(user)}, args...)...)
	cmd.Dir = s.repo.Dir
	cmd.Env = append(environ(), "HOME="+s.repo.home, "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	s.repo.Git(t, "fetch", "-q", "--prune", "origin")
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// Merge merges a branch of the remote into main as GitLab does, with a merge commit,
// removes the branch, and checks main out. It returns where main was before.
func (s *Served) Merge(t testing.TB, branch string) (before string) {
	t.Helper()
	r := s.repo
	r.Git(t, "fetch", "-q", "--prune", "origin")
	before = r.Git(t, "rev-parse", "origin/main")
	r.Git(t, "checkout", "-q", "-B", "main", "origin/main")
	r.Git(t, "merge", "-q", "--no-ff", "-m", fmt.Sprintf("Merge branch '%s' into 'main'", branch), "origin/"+branch)
	if err := s.Push(t, Merger, "main", ":refs/heads/"+branch); err != nil {
		t.Fatal(err)
	}
	return before
}

// Pushed is one ref of a push that the remote took.
type Pushed struct {
	// By is the name of the user.
	By            string
	Ref, Old, New string
	// Options are the push options, such as ci.skip and merge_request.create.
	Options []string
}

// protect is the remote's pre-receive hook: what GitLab does about protected
// branches. The HTTP server tells who pushes.
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
		case $REMOTE_USER:$ref in
		bot:* | gitlab:refs/heads/main) ;;
		*)
			echo "GitLab: You are not allowed to push code to protected branches on this project." >&2
			exit 1
			;;
		esac
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
	taken=$taken$REMOTE_USER$tab$ref$tab$old$tab$new$options$newline
done
printf %s "$taken" >>pushes
`

// Pushed returns what the remote has taken since [Repository.Serve], in order.
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
		all = append(all, Pushed{By: fields[0], Ref: fields[1], Old: fields[2], New: fields[3], Options: fields[4:]})
	}
	return all
}
