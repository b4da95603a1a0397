package bake

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// key tells apart what would build another image: the Dockerfile, the arguments, the bases, and all files that
// .dockerignore lets the Dockerfile see.
func (o *Oven) key(folder string, arguments []string) (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "2 %q\n", arguments)
	names := make([]string, 0, len(o.Bases))
	for name := range o.Bases {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		digest, err := o.Bases[name].Digest()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%q %s\n", name, digest)
	}
	seen, err := visible(folder)
	if err != nil {
		return "", err
	}
	// The Dockerfile is read wherever it stands, and .dockerignore too.
	for _, name := range append(seen, "Dockerfile", ".dockerignore") {
		if err := addFile(sum, folder, name); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:24], nil
}

func addFile(sum io.Writer, folder, name string) error {
	file := filepath.Join(folder, name)
	information, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(sum, "%q %s %d\n", name, information.Mode(), information.Size())
	switch information.Mode().Type() {
	case fs.ModeSymlink:
		target, err := os.Readlink(file)
		fmt.Fprintf(sum, "%q\n", target)
		return err
	case 0:
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		_, err = sum.Write(data)
		return err
	}
	return nil
}

// visible lists the files of a folder that .dockerignore does not hide.
func visible(folder string) ([]string, error) {
	var patterns []string
	file, err := os.Open(filepath.Join(folder, ".dockerignore"))
	switch {
	case err == nil:
		defer file.Close()
		if patterns, err = ignorefile.ReadAll(file); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, err
	}
	var names []string
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == folder {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		hidden, err := matcher.MatchesOrParentMatches(name)
		switch {
		case err != nil:
			return err
		case !hidden && !entry.IsDir():
			names = append(names, name)
		case hidden && entry.IsDir() && !showsBelow(matcher, name):
			return fs.SkipDir
		}
		return nil
	})
	return names, err
}

// showsBelow tells whether a pattern may show something in a folder that is hidden itself.
func showsBelow(matcher *patternmatcher.PatternMatcher, folder string) bool {
	return slices.ContainsFunc(matcher.Patterns(), func(p *patternmatcher.Pattern) bool {
		return p.Exclusion() && (strings.Contains(p.String(), "*") || strings.HasPrefix(p.String(), folder+"/"))
	})
}
