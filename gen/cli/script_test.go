package cli_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gitlab.com/towpath/towpath/gen/cli"
	"gitlab.com/towpath/towpath/gen/tool"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"gen": func() { os.Exit(cli.Main(os.Args[1:], system())) },
	})
}

// system returns the streams of the process, with the day that a script has set
// as TODAY, and the tools that it names in TOOLS: helm=v3.18.6,cue=v0.17.1. Go
// builds the programs of tests without the versions of modules.
func system() *cli.Streams {
	s := cli.System()
	if text := os.Getenv("TOOLS"); text != "" {
		versions := map[string]string{}
		for pair := range strings.SplitSeq(text, ",") {
			name, version, _ := strings.Cut(pair, "=")
			versions[name] = version
		}
		s.Tools = func() tool.List { return tool.NewList("", versions) }
	}
	if today, err := time.Parse(time.DateOnly, os.Getenv("TODAY")); err == nil {
		s.Now = func() time.Time { return today }
	}
	return s
}

// TestScript runs a script per behaviour of the command line, each in a copy of
// [repository].
func TestScript(t *testing.T) { testscript.Run(t, scripts("testdata/script")) }

// scripts are those of a folder, with what they can use.
func scripts(dir string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE") == "1",
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "")
			env.Setenv("GEN_CACHE", filepath.Join(env.WorkDir, ".tmp", "gen"))
			// Scripts that need revisions make them, whoever runs them.
			env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			for _, role := range []string{"AUTHOR", "COMMITTER"} {
				env.Setenv("GIT_"+role+"_NAME", "test")
				env.Setenv("GIT_"+role+"_EMAIL", "test@example.com")
			}
			return copyRepository(env.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"replace": replace,
			"append":  appendTo,
			"argocd":  argocdCommand,
			"record":  recordCommand,
			"mask":    maskCommand,
			"gitlab":  scriptGitLab,
			"damage":  damageCommand,
			"pack":    packCommand,
			// For approvals.
			"key":       keyCommand,
			"approvers": approversCommand,
			"origin":    originCommand,
			"merge":     mergeCommand,
		},
	}
}

func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		if filepath.Ext(name) == ".go" {
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}

// exits runs a command and demands its exit code: exits 2 gen check
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command [arg...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("%s: exit code %d, not %d", strings.Join(args[1:], " "), code, want)
	}
}

// replace replaces a text that stands in a file once: replace old new file
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace old new file")
	}
	name := ts.MkAbs(args[2])
	data, err := os.ReadFile(name)
	ts.Check(err)
	unescape := strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace
	old := unescape(args[0])
	if n := strings.Count(string(data), old); n != 1 {
		ts.Fatalf("%s has %q %d times, not once", args[2], old, n)
	}
	ts.Check(os.WriteFile(name, []byte(strings.Replace(string(data), old, unescape(args[1]), 1)), 0o644))
}

// appendTo appends a line to a file: append line file
func appendTo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: append line file")
	}
	name := ts.MkAbs(args[1])
	data, err := os.ReadFile(name)
	ts.Check(err)
	ts.Check(os.WriteFile(name, append(data, args[0]+"\n"...), 0o644))
}
