package cli_test

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"gitlab.com/towpath/towpath/gen/gitlab/gitlabtest"
)

// gitlabs are the servers of scripts that run, by the address of their API.
var gitlabs sync.Map

// scriptGitLab is the GitLab of a script:
//
//	gitlab start      starts one, and sets the variables of a job of its merge request
//	gitlab notes FILE writes the notes there are to a file, as BY: TEXT
//	gitlab writes     prints how often a note was created and changed
//	gitlab fail CODE  answers the next request with a status
func scriptGitLab(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: gitlab start|notes FILE|writes|fail CODE")
	}
	if args[0] == "start" {
		server := gitlabtest.Start()
		gitlabs.Store(server.API(), server)
		ts.Defer(server.Close)
		for name, value := range server.Variables() {
			ts.Setenv(name, value)
		}
		ts.Setenv("CI_JOB_URL", "https://gitlab.example/towpath/towpath/-/jobs/1")
		return
	}
	found, ok := gitlabs.Load(ts.Getenv("CI_API_V4_URL"))
	if !ok {
		ts.Fatalf("gitlab start comes first")
	}
	server := found.(*gitlabtest.Server)
	switch args[0] {
	case "notes":
		var all strings.Builder
		for _, n := range server.Notes() {
			fmt.Fprintf(&all, "%d: %s", n.Author.ID, n.Body)
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(all.String()), 0o644))
	case "writes":
		for _, w := range server.Writes() {
			fmt.Fprintln(ts.Stdout(), w.Method)
		}
	case "fail":
		var status int
		_, err := fmt.Sscan(args[1], &status)
		ts.Check(err)
		server.Fail(gitlabtest.Fault{Status: status})
	default:
		ts.Fatalf("gitlab %s: there is no such command", args[0])
	}
}
