package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/signature/testkey"
)

// keyCommand makes a key: key NAME [ends=DAY] [passphrase=TEXT]. The same name makes
// the same key, of the first day of 2024. Its halves are keys/NAME.asc and
// keys/NAME.pub, and its id is the variable NAME.
func keyCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: key name [ends=day] [passphrase=text]")
	}
	o := testkey.Options{Seed: args[0], Created: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}
	passphrase := ""
	for _, arg := range args[1:] {
		switch name, value, _ := strings.Cut(arg, "="); name {
		case "ends":
			end, err := time.Parse(time.DateOnly, value)
			ts.Check(err)
			o.Lifetime = end.Sub(o.Created)
		case "passphrase":
			passphrase = value
		default:
			ts.Fatalf("unknown option %s", name)
		}
	}
	key, err := testkey.Make(o)
	ts.Check(err)
	secret := key.Secret()
	if passphrase != "" {
		secret = key.Protected(passphrase)
	}
	ts.Setenv(args[0], key.ID())
	ts.Check(os.MkdirAll(ts.MkAbs("keys"), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs("keys/"+args[0]+".asc"), []byte(secret), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("keys/"+args[0]+".pub"), []byte(key.Public()), 0o644))
}

var signatureKeys = regexp.MustCompile(`signatureKeys: \[[^\]]*\]`)

// approversCommand makes the keys of these names the only ones of prod: approvers
// NAME...
func approversCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: approvers name...")
	}
	ts.Check(setApprovers(ts.MkAbs("."), args, ts.Getenv))
	ts.Check(ts.Exec("gen", "render"))
}

func setApprovers(dir string, names []string, id func(name string) string) error {
	var ids []string
	for _, name := range names {
		public, err := os.ReadFile(filepath.Join(dir, "keys", name+".pub"))
		if err != nil {
			return err
		}
		ids = append(ids, fmt.Sprintf("%q", id(name)))
		if err := os.WriteFile(filepath.Join(dir, approval.KeyDir, id(name)+".asc"), public, 0o644); err != nil {
			return err
		}
	}
	name := filepath.Join(dir, "envs/prod/env.cue")
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	data = signatureKeys.ReplaceAll(data, []byte("signatureKeys: ["+strings.Join(ids, ", ")+"]"))
	return os.WriteFile(name, data, 0o644)
}

// originCommand makes the folder of the script a clone of a bare repository,
// origin.git, which has all of it as its branch main: origin
func originCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: origin")
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"init", "--quiet", "--bare", "--initial-branch=main", "origin.git"},
		{"remote", "add", "origin", ts.MkAbs("origin.git")},
		{"add", "envs", "charts", "argocd"},
		{"commit", "--quiet", "--message=the beginning"},
		{"push", "--quiet", "--set-upstream", "origin", "main"},
	} {
		ts.Check(ts.Exec("git", args...))
	}
}

// mergeCommand commits what a script has changed, and brings it to main of the
// remote: merge SUBJECT
func mergeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: merge subject")
	}
	ts.Check(ts.Exec("git", "add", "envs", "charts", "argocd"))
	ts.Check(ts.Exec("git", "commit", "--quiet", "--message="+args[0]))
	ts.Check(ts.Exec("git", "push", "--quiet", "origin", "HEAD:main"))
}
