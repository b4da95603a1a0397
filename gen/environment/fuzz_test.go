package environment_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// FuzzLoad demands of any text in place of an environment's file that loading it
// ends, in an environment or in findings that can be printed.
func FuzzLoad(f *testing.F) {
	root := repositoryFiles(f)
	for name, file := range root {
		if environmentOf(name) != "" {
			f.Add(string(file.Data))
		}
	}
	for _, seed := range []string{
		"", "package prod", "package prod\nx: x", "package prod\na: b: a", "{", "\x00", "package prod\nlet x = x",
		header + good + "releases: [string]: values: replicas: >1\n}\n",
		header + good + "releases: service: values: ingress: hosts: [for x in [1,2] {\"\\(x)\"}]\n}\n",
		header + "...\n}\n", header + good + "releases: null\n}\n", header + good + "\"name\": \"x\"\n}\n",
		header + good + "delivery: windows: [{kind: \"allow\"}, {kindd: 1}]\n}\n",
		header + good + "releases: service: values: close({a: 1})\n}\n",
		"package prod\nimport \"strings\"\nname: strings.Repeat(\"x\", 10)\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4<<10 {
			t.Skip("longer than anything that is written by hand")
		}
		repo := fstest.MapFS{}
		for name, file := range root {
			repo[name] = file
		}
		repo["envs/prod/env.cue"] = &fstest.MapFile{Data: []byte(text)}
		demand(t, repo)
		// The same text as that of a team in the environment.
		repo["envs/prod/env.cue"] = root["envs/prod/env.cue"]
		repo["envs/prod/shop/env.cue"] = &fstest.MapFile{Data: []byte(text)}
		demand(t, repo)
	})
}

// demand loads prod, and wants an environment or findings.
func demand(t *testing.T, repo fstest.MapFS) {
	t.Helper()
	set, err := environment.Load(repo, []string{"prod"})
	if err == nil {
		if len(set.Environments) != 1 || set.Environments[0].Name != "prod" {
			t.Fatalf("no error, and environments %v", set.Environments)
		}
		return
	}
	list, rest := finding.From(err)
	if rest != nil {
		t.Fatalf("an error that is no finding: %v", rest)
	}
	if len(list) == 0 {
		t.Fatal("an error without findings")
	}
	for _, f := range list {
		if _, ok := finding.Lookup(f.Rule); !ok {
			t.Errorf("a finding of the unknown rule %q", f.Rule)
		}
		if f.Message == "" {
			t.Errorf("a finding that says nothing: %+v", f)
		}
		if f.File != "" && !fs.ValidPath(f.File) {
			t.Errorf("the file %q is no path in the repository", f.File)
		}
	}
}
