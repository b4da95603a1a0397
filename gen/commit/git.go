package commit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// ErrNoGit says that the program git is missing.
var ErrNoGit = errors.New("git is not installed, or not on the PATH; gen writes commits with it")

// gitError is what Git says when it fails.
type gitError struct {
	out, stderr string
	code        int
}

func (e *gitError) Error() string {
	text := e.words()
	switch {
	case strings.Contains(text, "not a git repository"):
		return "this folder is in no Git repository: run git init, or clone the repository"
	case text == "":
		return fmt.Sprintf("git failed without a word, with exit code %d", e.code)
	}
	return "git: " + text
}

// words returns what Git said, without the words that every failure starts with.
func (e *gitError) words() string {
	return strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(e.stderr), "fatal: "), "error: ")
}

// invocation is what a command of Git gets besides its arguments.
type invocation struct {
	input []byte
	// index is the index to use in place of the user's, or "".
	index string
	// said, if not nil, gets what Git prints to standard error.
	said *bytes.Buffer
}

// git runs Git and returns what it prints.
func (r *Repository) git(with invocation, args ...string) ([]byte, error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, ErrNoGit
	}
	// A name that is made up from the host's helps nobody.
	before := []string{"--no-pager", "-c", "user.useConfigOnly=true"}
	env := environ(os.Environ())
	if with.index != "" {
		// The temporary index is one file, whatever the user's is.
		before = append(before, "-c", "core.splitIndex=false", "-c", "core.fsmonitor=false", "-c", "index.sparse=false")
		env = append(env, "GIT_INDEX_FILE="+with.index)
	}
	cmd := exec.Command(program, append(before, args...)...)
	cmd.Dir = r.dir
	cmd.Env = env
	cmd.Stdin = bytes.NewReader(with.input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, &gitError{stdout.String(), stderr.String(), exit.ExitCode()}
	} else if err != nil {
		return nil, fmt.Errorf("starting git: %w", err)
	}
	if with.said != nil {
		*with.said = stderr
	}
	return stdout.Bytes(), nil
}

// text runs Git and returns what it prints, without the newline at its end.
func (r *Repository) text(with invocation, args ...string) (string, error) {
	out, err := r.git(with, args...)
	return strings.TrimSuffix(string(out), "\n"), err
}

// local are the variables that tie Git to another repository than that of the
// folder, as they are set in hooks; see git rev-parse --local-env-vars. Those of
// the configuration stay.
var local = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE",
	"GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX",
	"GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
	"GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS",
}

// environ returns the environment for git: the user's, without what would make it
// look elsewhere, or say more or other words than it is asked for.
func environ(of []string) []string {
	env := slices.DeleteFunc(slices.Clone(of), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(local, name) || strings.HasPrefix(name, "GIT_TRACE") || name == "GIT_CURL_VERBOSE" ||
			strings.HasPrefix(name, "LC_") || name == "LANGUAGE"
	})
	return append(env,
		"LC_ALL=C", // The reasons are read from what git says.
		// The commits as everybody has them.
		"GIT_NO_REPLACE_OBJECTS=1",
	)
}

// ErrNobody says what to do about a commit that nobody would have made.
var ErrNobody = errors.New("git does not know who you are: run git config --global user.name 'Your Name' and git config --global user.email you@example.com; " +
	"a pipeline sets GIT_AUTHOR_NAME, GIT_AUTHOR_EMAIL, GIT_COMMITTER_NAME and GIT_COMMITTER_EMAIL")

// Author returns who Git says is the author of commits that are made now.
func (r *Repository) Author() (Person, error) { return r.person("GIT_AUTHOR_IDENT") }

// Committer returns who Git says makes commits now.
func (r *Repository) Committer() (Person, error) { return r.person("GIT_COMMITTER_IDENT") }

func (r *Repository) person(variable string) (Person, error) {
	out, err := r.text(invocation{}, "var", variable)
	var failed *gitError
	switch {
	case errors.As(err, &failed) && strings.Contains(failed.stderr, "not a git repository"):
		return Person{}, err
	case errors.As(err, &failed):
		return Person{}, ErrNobody
	case err != nil:
		return Person{}, err
	}
	p, _, err := parsePerson(out)
	return p, err
}
