// Package commit writes commits without a checkout, and brings them to a remote
// repository.
//
// A [Draft] says what a commit is: the commit whose tree it starts from, the files
// that it changes there, its parents, people, date and message, and who signs it.
// [Repository.Write] stores it as an object. Nothing of it can be seen until a ref
// leads to it: [Repository.Update] moves a branch here and [Repository.Push] one at
// a remote, and both only if the branch still stands where the caller has seen it.
// So a process that is killed leaves the old state or the new one, and nobody's
// commit is lost:
//
//	repo := commit.Open(root)
//	err := repo.Fetch("origin", "main")
//	base, ok, err := repo.Ref("refs/remotes/origin/main")
//	me, err := repo.Committer()
//	id, err := repo.Write(commit.Draft{
//		Base: base, Parents: []string{base},
//		Files:  []commit.File{{Path: "envs/prod/release.cue", Content: text}},
//		Author: me, Committer: me, When: now,
//		Message: commit.Message{
//			Subject:  "prod: promote service 0.2.0 from stage",
//			Trailers: []commit.Trailer{{Key: "Promoted-From", Value: "stage"}},
//		},
//	})
//	err = repo.Update("refs/heads/promote/prod-0.2.0", id, "")
//	err = repo.Push(commit.Push{Remote: "origin", Ref: "refs/heads/promote/prod-0.2.0", Commit: id})
//
// The working tree and the index take no part in that. [Repository.CommitOnly] is
// for the other case: files that have been written into the working tree become a
// commit, and what else is changed or staged there stays as it is.
//
// Git does all of it, with the user's configuration: unlike package revision, which
// reads revisions and depends on nothing but the repository, this one needs the
// user's name, credentials and proxies. Paths are relative to the folder that the
// repository was opened with, as they are in package revision.
//
// What goes wrong with a remote is a [RemoteError], whose Reason tells a refusal by
// the remote's hook from a branch that has moved and from a network that is away.
package commit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Repository is the Git repository around a folder. It can be used from many
// goroutines.
type Repository struct{ dir string }

// Open returns the repository around a folder, whose paths those of files will be
// relative to; it need not be the repository's root. What is wrong with it, the
// first use tells.
func Open(dir string) *Repository { return &Repository{dir} }

// Person is an author or a committer.
type Person struct{ Name, Email string }

func (p Person) String() string { return p.Name + " <" + p.Email + ">" }

// File is a file that a commit changes.
type File struct {
	// Path is relative to the repository's folder, with forward slashes.
	Path string
	// Content is what the file will hold; nil removes it.
	Content []byte
}

// Draft is a commit to be written.
type Draft struct {
	// Base is the id of the commit whose tree the files are changed in, or "" for
	// an empty tree.
	Base string
	// Files are those that differ from the base. One that is there already stays
	// executable if it is.
	Files []File
	// Parents are ids of commits.
	Parents []string

	Author, Committer Person
	// When is the date of both, in seconds and with its time zone.
	When    time.Time
	Message Message

	// Sign, if not nil, returns the armored signature of the commit's text.
	Sign func(payload []byte) (armored string, err error)
}

// Write stores the commit with its tree and its files, and returns its id. No ref
// leads to it yet.
func (r *Repository) Write(d Draft) (id string, err error) {
	if err := d.check(); err != nil {
		return "", err
	}
	tree, err := r.Tree(d.Base, d.Files)
	if err != nil {
		return "", err
	}
	text := d.text(tree)
	if d.Sign != nil {
		signature, err := d.Sign([]byte(text))
		if err != nil {
			return "", fmt.Errorf("signing the commit: %w", err)
		}
		text = withSignature(text, signature, len(tree))
	}
	id, err = r.text(invocation{input: []byte(text)}, "hash-object", "-t", "commit", "-w", "--stdin")
	if err != nil {
		return "", fmt.Errorf("writing the commit: %w", err)
	}
	return id, nil
}

// Tree stores the tree that a commit would have, and returns its id.
func (r *Repository) Tree(base string, files []File) (id string, err error) {
	prefix, err := r.prefix()
	if err != nil {
		return "", err
	}
	// An index of its own: the user's has no part in it.
	dir, err := os.MkdirTemp("", "gen-commit-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	index := invocation{index: filepath.Join(dir, "index")}

	start := []string{"read-tree", "--empty"}
	if base != "" {
		start = []string{"read-tree", base + "^{tree}"}
	}
	if _, err := r.git(index, start...); err != nil {
		return "", fmt.Errorf("reading the tree of %s: %w", base, err)
	}
	var lines bytes.Buffer
	for _, file := range files {
		if !fs.ValidPath(file.Path) || file.Path == "." {
			return "", fmt.Errorf("%q is no path of a file in the repository", file.Path)
		}
		path := prefix + file.Path
		if file.Content == nil {
			// The hash is not looked at, but has to have the right length.
			fmt.Fprintf(&lines, "0 %s\t%s\x00", strings.Repeat("0", r.idLength()), path)
			continue
		}
		mode, err := r.mode(index, path)
		if err != nil {
			return "", err
		}
		blob, err := r.text(invocation{input: file.Content}, "hash-object", "-w", "--stdin")
		if err != nil {
			return "", fmt.Errorf("writing %s: %w", file.Path, err)
		}
		fmt.Fprintf(&lines, "%s %s\t%s\x00", mode, blob, path)
	}
	update := index
	update.input = lines.Bytes()
	if _, err := r.git(update, "update-index", "-z", "--replace", "--index-info"); err != nil {
		return "", fmt.Errorf("writing the tree: %w", err)
	}
	// A partial clone lacks files that it knows the ids of.
	id, err = r.text(index, "write-tree", "--missing-ok")
	if err != nil {
		return "", fmt.Errorf("writing the tree: %w", err)
	}
	return id, nil
}

// mode returns the mode that a file gets: that of the file which is there, if it is
// one.
func (r *Repository) mode(index invocation, path string) (string, error) {
	out, err := r.text(index, "ls-files", "--stage", "--full-name", "-z", "--", ":(top,literal)"+path)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(out, "100755 ") {
		return "100755", nil
	}
	return "100644", nil
}

// prefix returns the path of the repository's folder in Git's, empty or with a
// slash at its end.
func (r *Repository) prefix() (string, error) {
	return r.text(invocation{}, "rev-parse", "--show-prefix")
}

// idLength returns the number of digits of an id.
func (r *Repository) idLength() int {
	if format, err := r.text(invocation{}, "rev-parse", "--show-object-format"); err == nil && format == "sha256" {
		return 64
	}
	return 40
}

// check reports a draft that no commit can be made of.
func (d Draft) check() error {
	for _, p := range []Person{d.Author, d.Committer} {
		if p.Name == "" || p.Email == "" || strings.ContainsAny(p.Name+p.Email, "<>\n\x00") {
			return fmt.Errorf("%q is no name and address of a commit", p)
		}
	}
	if d.When.IsZero() {
		return errors.New("the commit has no date")
	}
	return d.Message.check()
}

// text returns the commit without a signature, which is what is signed.
func (d Draft) text(tree string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "tree %s\n", tree)
	for _, parent := range d.Parents {
		fmt.Fprintf(&b, "parent %s\n", parent)
	}
	date := fmt.Sprintf("%d %s", d.When.Unix(), d.When.Format("-0700"))
	fmt.Fprintf(&b, "author %s %s\ncommitter %s %s\n\n%s", d.Author, date, d.Committer, date, d.Message)
	return b.String()
}

// withSignature puts a signature into the headers of a commit, after all others.
// Its lines are continued by a blank.
func withSignature(text, signature string, idLength int) string {
	name := "gpgsig"
	if idLength == 64 {
		name = "gpgsig-sha256"
	}
	headers, message, _ := strings.Cut(text, "\n\n")
	lines := strings.ReplaceAll(strings.TrimRight(signature, "\n"), "\n", "\n ")
	return headers + "\n" + name + " " + lines + "\n\n" + message
}
