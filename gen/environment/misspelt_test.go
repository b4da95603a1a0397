package environment_test

import (
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// TestMisspelt changes one letter of every key of every environment in turn,
// and demands an error on the line of the key.
func TestMisspelt(t *testing.T) {
	if testing.Short() {
		t.Skip("it loads an environment for each of its keys")
	}
	repo := repository(t, map[string]string{"shop/env.cue": header + "\twaivers: [{rule: \"latest-tag\", object: \"*\", reason: \"r\", owner: \"o\", until: \"2030-01-01\"}]\n" +
		teamRelease("shop", ", config: workloads: {people: false, portal: false}, networkPolicy: egress: redis: networks: [\"10.20.1.0/24\"]") + "}\n"})
	for name := range repo {
		dir := environmentOf(name)
		if dir == "" {
			continue
		}
		for _, key := range keys(t, repo, name) {
			misspelt := changeLetter(key.name)
			t.Run(name+"/"+key.name+"/"+misspelt, func(t *testing.T) {
				broken := fstest.MapFS{}
				for n, f := range repo {
					broken[n] = f
				}
				data := string(repo[name].Data)
				broken[name] = &fstest.MapFile{Data: []byte(data[:key.offset] + misspelt + data[key.offset+len(key.name):])}

				_, err := environment.Load(broken, []string{dir})
				list, rest := finding.From(err)
				if rest != nil {
					t.Fatal(rest)
				}
				for _, f := range list {
					if f.File == name && f.Line == key.line {
						return
					}
				}
				t.Errorf("no error on %s:%d; found:\n%v", name, key.line, list)
			})
		}
	}
}

// environmentOf returns the environment that a file belongs to, "" if none.
func environmentOf(name string) string {
	parts := strings.Split(name, "/")
	if len(parts) < 3 || !slices.Contains([]string{"dev", "stage", "prod"}, parts[1]) {
		return ""
	}
	return parts[1]
}

type key struct {
	name         string
	offset, line int
}

// keys returns every key in the file, at any depth.
func keys(t *testing.T, repo fs.FS, name string) []key {
	t.Helper()
	data, err := fs.ReadFile(repo, name)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(name, data)
	if err != nil {
		t.Fatal(err)
	}
	var keys []key
	ast.Walk(file, func(n ast.Node) bool {
		if field, ok := n.(*ast.Field); ok {
			label, _, err := ast.LabelName(field.Label)
			if err != nil {
				t.Fatal(err)
			}
			pos := field.Label.Pos()
			keys = append(keys, key{label, pos.Offset(), pos.Line()})
		}
		return true
	}, nil)
	if len(keys) == 0 {
		t.Fatalf("%s has no keys", name)
	}
	return keys
}

// changeLetter replaces one letter of the word by another. Which one depends on
// the word alone, so that a failure can be repeated.
func changeLetter(word string) string {
	r := rand.New(rand.NewPCG(uint64(len(word)), uint64(word[0])))
	i := r.IntN(len(word))
	for {
		c := byte('a' + r.IntN(26))
		if c != word[i] {
			return word[:i] + string(c) + word[i+1:]
		}
	}
}
