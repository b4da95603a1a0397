package revision

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxFile is the size up to which a file is read. Helm keeps every file of a
// chart in memory, and Kubernetes takes no object beyond 3 MiB.
const maxFile = 32 << 20

// ErrNoGit says that the program git is missing.
var ErrNoGit = errors.New("git is not installed, or not on the PATH; gen reads revisions with it")

// gitError is what Git says when it fails.
type gitError struct{ text string }

func (e *gitError) Error() string {
	switch {
	case strings.Contains(e.text, "not a git repository"):
		return "this folder is in no Git repository, so there are no revisions to compare with; run git init, or clone the repository"
	case strings.Contains(e.text, "promisor remote") || strings.Contains(e.text, "lazy fetching disabled"):
		return "this is a partial clone without the files of that commit, and gen fetches nothing: git archive COMMIT > /dev/null fetches them"
	case e.text == "":
		return "git failed without a word"
	}
	return "git: " + e.text
}

func newGitError(stderr string) *gitError {
	return &gitError{strings.TrimPrefix(strings.TrimSpace(stderr), "fatal: ")}
}

// command returns a command of git that depends on the repository and on what the
// user's configuration says of its format and safety, and on nothing else.
func command(dir string, args ...string) (*exec.Cmd, error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, ErrNoGit
	}
	cmd := exec.Command(program, append([]string{"--no-pager"}, args...)...)
	cmd.Dir = dir
	cmd.Env = environ(os.Environ())
	return cmd, nil
}

// environ returns the environment for git: without the variables that make it
// look elsewhere, trace, or run other programs.
func environ(of []string) []string {
	env := slices.DeleteFunc(slices.Clone(of), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return strings.HasPrefix(name, "GIT_") && !isKept(name) || strings.HasPrefix(name, "LC_") || name == "LANGUAGE"
	})
	return append(env,
		"LC_ALL=C",              // gitError reads what git says.
		"GIT_ALLOW_PROTOCOL=",   // No transport, so that a partial clone fetches nothing,
		"GIT_NO_LAZY_FETCH=1",   // which newer versions can be told to leave alone.
		"GIT_TERMINAL_PROMPT=0", // Nobody is asked for a password.
		"GIT_OPTIONAL_LOCKS=0",
		// The commit as everybody has it: replacements are not fetched by Argo CD.
		"GIT_NO_REPLACE_OBJECTS=1",
	)
}

// isKept reports whether git is told a variable. Those of the configuration are
// what a pipeline says safe.directory with.
func isKept(name string) bool {
	return strings.HasPrefix(name, "GIT_CONFIG_") || name == "GIT_CEILING_DIRECTORIES" || name == "GIT_DISCOVERY_ACROSS_FILESYSTEM"
}

// run runs git and returns what it prints.
func run(dir string, args ...string) ([]byte, error) {
	cmd, err := command(dir, args...)
	if err != nil {
		return nil, err
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, newGitError(stderr.String())
	}
	return out, nil
}

// batch is a process of git cat-file --batch, which starts with the first
// question. A question is the name of an object, and the answers come in order.
type batch struct {
	dir string

	mu     sync.Mutex
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
	err    error // ends all questions
	known  map[string]object
}

// object is what Git stores.
type object struct {
	id, kind string
	data     []byte
	// size is more than data has if the object is too large to be read.
	size int64
}

// missingError reports a name that no object has, or more than one.
type missingError struct {
	name      string
	ambiguous bool
}

func (e *missingError) Error() string { return "no object " + e.name }

// ask returns the object of a name. What it returns is not to be changed.
func (b *batch) ask(name string) (object, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known, ok := b.known[name]; ok {
		return known, nil
	}
	if b.err != nil {
		return object{}, b.err
	}
	if b.cmd == nil {
		if b.err = b.start(); b.err != nil {
			return object{}, b.err
		}
	}
	answer, err := b.exchange(name)
	var missing *missingError
	if err != nil && !errors.As(err, &missing) {
		b.err = b.died(err)
		return object{}, b.err
	}
	if err == nil {
		b.known[name] = answer
	}
	return answer, err
}

func (b *batch) start() error {
	cmd, err := command(b.dir, "cat-file", "--batch")
	if err != nil {
		return err
	}
	if b.in, err = cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = &b.stderr
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting git: %w", err)
	}
	b.cmd, b.out, b.known = cmd, bufio.NewReaderSize(out, 64<<10), map[string]object{}
	return nil
}

// exchange asks one question.
func (b *batch) exchange(name string) (object, error) {
	if _, err := io.WriteString(b.in, name+"\n"); err != nil {
		return object{}, err
	}
	header, err := b.out.ReadString('\n')
	if err != nil {
		return object{}, err
	}
	header = strings.TrimSuffix(header, "\n")
	if rest, ok := strings.CutPrefix(header, name); ok && (rest == " missing" || rest == " ambiguous") {
		return object{}, &missingError{name, rest == " ambiguous"}
	}
	var o object
	words := strings.Fields(header)
	if len(words) != 3 {
		return object{}, fmt.Errorf("git cat-file answered %q", header)
	}
	o.id, o.kind = words[0], words[1]
	if o.size, err = strconv.ParseInt(words[2], 10, 64); err != nil {
		return object{}, fmt.Errorf("git cat-file answered %q", header)
	}
	if o.size > maxFile {
		_, err = io.CopyN(io.Discard, b.out, o.size+1)
		return o, err
	}
	data := make([]byte, o.size+1) // A newline follows.
	if _, err := io.ReadFull(b.out, data); err != nil {
		return object{}, err
	}
	o.data = data[:o.size:o.size]
	return o, nil
}

// died returns why the process ended.
func (b *batch) died(err error) error {
	_ = b.in.Close()
	waited := b.cmd.Wait()
	if text := b.stderr.String(); strings.TrimSpace(text) != "" {
		return newGitError(text)
	}
	if waited != nil {
		err = waited
	}
	return fmt.Errorf("reading the Git repository: %w", err)
}

func (b *batch) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cmd == nil || b.err != nil {
		return
	}
	b.err = errors.New("the Git repository is closed")
	_ = b.in.Close()
	_ = b.cmd.Wait() // It has nothing left to say.
}
