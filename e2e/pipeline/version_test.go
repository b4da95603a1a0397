package pipeline

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What an image is called after.
func TestVersion(t *testing.T) {
	requireProgram(t, "bash")
	for _, c := range []struct {
		name string
		// git are commands that make the history, from its first commit on.
		git  [][]string
		tag  string // CI_COMMIT_TAG
		want string // a pattern
	}{
		{"tag", nil, "v1.2.3", `1\.2\.3`},
		{"tag of a release candidate", nil, "v1.2.3-rc.1", `1\.2\.3-rc\.1`},
		{"tag that is no version", nil, "release-7", ""},
		{"tag without a patch", nil, "v1.2", ""},
		{"tag with a leading zero", nil, "v1.02.3", ""},
		{"tag with build metadata, which no image takes", nil, "v1.2.3+7", ""},
		{"no tag at all", nil, "", `0\.0\.1-1\.g[0-9a-f]{10}`},
		{"no tag, three commits", [][]string{{"commit"}, {"commit"}}, "", `0\.0\.1-3\.g[0-9a-f]{10}`},
		{"at a tag, in a pipeline of main", [][]string{{"tag", "v0.2.0"}}, "", `0\.2\.0`},
		{"two commits after", [][]string{{"tag", "v0.2.0"}, {"commit"}, {"commit"}}, "", `0\.2\.1-2\.g[0-9a-f]{10}`},
		{"after an annotated tag", [][]string{{"tag", "-m", "two", "v0.2.9"}, {"commit"}}, "", `0\.2\.10-1\.g[0-9a-f]{10}`},
		{"after a candidate, which counts for nothing", [][]string{{"tag", "v0.2.0"}, {"commit"}, {"tag", "v0.3.0-rc.1"}}, "", `0\.2\.1-1\.g[0-9a-f]{10}`},
		{"after tags of other kinds", [][]string{{"tag", "v0.2.0"}, {"commit"}, {"tag", "v0.3.x.0"}, {"tag", "v1.0.0.0"}, {"tag", "other"}}, "", `0\.2\.1-1\.g[0-9a-f]{10}`},
		{"two tags at a commit", [][]string{{"tag", "v0.2.0"}, {"tag", "v0.2.1"}}, "v0.2.0", `0\.2\.0`},
	} {
		r := bare(t)
		script := filepath.Join(r.Dir, ".ci", "version")
		makeFolder(t, script)
		if err := os.WriteFile(script, []byte(read(t, filepath.Join(Root, ".ci/version"))), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, args := range c.git {
			if args[0] == "commit" {
				args = []string{"commit", "-q", "--allow-empty", "-m", "more"}
			}
			r.Git(t, args...)
		}
		cmd := exec.Command(script)
		cmd.Env = append(environ(), "HOME="+r.home, "CI_COMMIT_TAG="+c.tag)
		out, err := cmd.Output()
		got := strings.TrimSpace(string(out))
		switch {
		case c.want == "" && err == nil:
			t.Errorf("%s: the version is %s, and should be refused", c.name, got)
		case c.want != "" && (err != nil || !regexp.MustCompile("^"+c.want+"$").MatchString(got)):
			t.Errorf("%s: the version is %q (%v), and should be like %s", c.name, got, err, c.want)
		}
	}
}
