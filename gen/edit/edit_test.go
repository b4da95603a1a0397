package edit_test

import (
	"strings"
	"testing"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"

	"gitlab.com/towpath/towpath/gen/edit"
)

const release = `package stage

import "gitlab.com/towpath/towpath/envs/contract"

// Written by the pipeline.
contract.#Environment & {
	// The service.
	releases: service: values: image: {
		tag: "0.1.0" // for people

		repository: "registry.example/service"
		digest:     "sha256:aa" // what runs
	}
}
`

func mustParse(t *testing.T, text string) ast.Expr {
	t.Helper()
	expr, err := parser.ParseExpr("", text)
	if err != nil {
		t.Fatal(err)
	}
	return expr
}

func TestSet(t *testing.T) {
	for name, c := range map[string]struct {
		src   string
		path  string
		value any
		want  string
	}{
		"literal": {release, "releases.service.values.image.tag", "0.2.0", strings.Replace(release, "0.1.0", "0.2.0", 1)},
		"equal":   {release, "releases.service.values.image.tag", "0.1.0", release},
		"equal in other words": {
			"a: #\"x\"#\nb: {c: [1,\n2]}\n", "a", "x",
			"a: #\"x\"#\nb: {c: [1,\n2]}\n",
		},
		"comments stay aligned": {
			"a: {\n\ttag:    \"1\"  // one\n\tdigest: \"22\" // two\n}\n", "a.tag", "1234",
			"a: {\n\ttag:    \"1234\" // one\n\tdigest: \"22\"   // two\n}\n",
		},
		"an odd format stays odd": {
			"a:{tag:\"1\",   digest :\"22\"}\n", "a.tag", "1234",
			"a:{tag:\"1234\",   digest :\"22\"}\n",
		},
		"every place":                  {"a: b: \"1\"\na: {b: \"1\"}\n", "a.b", "2", "a: b: \"2\"\na: {b: \"2\"}\n"},
		"through embedding and paren":  {"({a: \"1\"} & #X)\n", "a", "2", "({a: \"2\"} & #X)\n"},
		"a quoted name, an alias":      {"X=\"a b\": \"1\"\n", "a b", "2", "X=\"a b\": \"2\"\n"},
		"bytes become a string":        {"a: '1'\n", "a", "1", "a: \"1\"\n"},
		"a text in lines":              {"a: \"\"\"\n\t1\n\t2\n\t\"\"\" @x(y)\n", "a", "1", "a: \"1\" @x(y)\n"},
		"a quote":                      {"a: \"1\"\n", "a", "q\"\\\n", "a: \"q\\\"\\\\\\n\"\n"},
		"a number":                     {"a: -1\n", "a", 2, "a: 2\n"},
		"a bool":                       {"a: true\n", "a", false, "a: false\n"},
		"not a definition":             {"#a: \"1\"\n_a: \"1\"\na?: string\n[string]: _\na: \"1\"\n", "a", "2", "#a: \"1\"\n_a: \"1\"\na?: string\n[string]: _\na: \"2\"\n"},
		"an added line":                {release, "releases.service.values.image.tag2", "x", strings.Replace(release, "// what runs\n", "// what runs\n\t\ttag2:       \"x\"\n", 1)},
		"added beside its kin":         {release, "releases.service.values.replicas", 3, strings.Replace(release, "runs\n\t}\n", "runs\n\t}\n\treleases: service: values: replicas: 3\n", 1)},
		"added far away":               {release, "delivery.sync", "manual", strings.Replace(release, "runs\n\t}\n", "runs\n\t}\n\tdelivery: sync: \"manual\"\n", 1)},
		"added to a line":              {"a: {b: 1, c: 2}\n", "a.d", 3, "a: {b: 1, c: 2, d: 3}\n"},
		"added to an empty struct":     {"a: {}\n", "a.d", 3, "a: {d: 3}\n"},
		"added to an open one":         {"a: {...}\n", "a.d", 3, "a: {d: 3, ...}\n"},
		"added before the ellipsis":    {"a: {\n\tb: 1\n\t...\n}\n", "a.d", 3, "a: {\n\tb: 1\n\td: 3\n\t...\n}\n"},
		"added behind a comment":       {"a: {\n\tb: 1 // one\n\t// the end\n}\n", "a.d", 3, "a: {\n\tb: 1 // one\n\td: 3\n\t// the end\n}\n"},
		"added to an empty block":      {"a: {\n\t// nothing\n}\n", "a.d", 3, "a: {\n\td: 3\n\t// nothing\n}\n"},
		"added to the file":            {"package x\n", "a.b-c.d", 3, "package x\n\na: \"b-c\": d: 3\n"},
		"added to a file without end":  {"a: 1", "b", 2, "a: 1\nb: 2\n"},
		"added to an empty file":       {"", "b", 2, "b: 2\n"},
		"added with aligned columns":   {"a: {\n\tb: 1\n}\n", "a.long", 2, "a: {\n\tb:    1\n\tlong: 2\n}\n"},
		"added beside a reference":     {"a: b: _x\n_x: {}\n", "a.b.c", 1, "a: b: _x\n_x: {}\na: b: c: 1\n"},
		"lines as on Windows":          {"a: {\r\n\tb: 1\r\n}\r\n", "a.d", 3, "a: {\r\n\tb: 1\r\n\td: 3\r\n}\r\n"},
		"a condition about another":    {"if true {a: c: 1}\na: b: 1\n", "a.b", 2, "if true {a: c: 1}\na: b: 2\n"},
		"on a line behind the brace":   {"a: {b: 1\n\tc: 2}\n", "a.d", 3, "a: {b: 1\n\tc: 2, d: 3}\n"},
		"two on the line":              {"a: {\n\tx: y: 1, b: 1\n}\n", "a.x.z", 3, "a: {\n\tx: y: 1, x: z: 3, b: 1\n}\n"},
		"the brace on the next line":   {"a: {b: 1\n}\n", "a.d", 3, "a: {b: 1\n\td: 3\n}\n"},
		"a name that looks like a key": {"a: 1\n", "for", 2, "a:   1\nfor: 2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := edit.Set("f.cue", []byte(c.src), strings.Split(c.path, "."), c.value)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestSetList(t *testing.T) {
	for name, c := range map[string]struct{ src, value, want string }{
		"a list":         {"a: b: [\"x\"]\n", `["y", "z"]`, "a: b: [\"y\", \"z\"]\n"},
		"an equal list":  {"a: b: [\"y\",\n\t\"z\"]\n", `["y", "z"]`, "a: b: [\"y\",\n\t\"z\"]\n"},
		"a list's lines": {"a: {\n\tb: []\n}\n", "[{\n\tc: 1\n}, {\n\tc: 2\n}]", "a: {\n\tb: [{\n\t\tc: 1\n\t}, {\n\t\tc: 2\n\t}]\n}\n"},
		"a new struct":   {"a: {\n\tc: 1\n}\n", "{x: 1}", "a: {\n\tc: 1\n\tb: {x: 1}\n}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := edit.Set("f.cue", []byte(c.src), []string{"a", "b"}, mustParse(t, c.value))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"reference":     {"a: {\n\tb: _x\n}\n_x: \"1\"\n", "f.cue:2:5: error: the value is computed, and only a literal can be replaced [not-literal]"},
		"interpolation": {"a: b: \"\\(_x)-1\"\n_x: \"1\"\n", "f.cue:1:7: error: the value is computed, and only a literal can be replaced [not-literal]"},
		"disjunction":   {"a: b: *\"1\" | \"2\"\n", "f.cue:1:7: error: the value is computed, and only a literal can be replaced [not-literal]"},
		"type":          {"a: b: string\n", "f.cue:1:7: error: the value is computed, and only a literal can be replaced [not-literal]"},
		"conjunction":   {"a: b: \"1\" & string\n", "f.cue:1:7: error: the value is computed, and only a literal can be replaced [not-literal]"},
		"condition":     {"if 1 < 2 {\n\ta: b: \"1\"\n}\n", "f.cue:2:5: error: the value is set under a condition, or in a loop [not-literal]"},
		"loop":          {"a: {for x in [1] {b: \"1\"}}\n", "f.cue:1:19: error: the value is set under a condition, or in a loop [not-literal]"},
		"list's loop":   {"a: b: [for x in [1] {x}]\n", "f.cue:1:7: error: the value is computed, and only a literal can be replaced [not-literal]"},
		"open list":     {"a: b: [1, ...]\n", "f.cue:1:7: error: the value is computed, and only a literal can be replaced [not-literal]"},
		"struct":        {"a: b: {c: 1}\n", "f.cue:1:4: error: the value is a struct, and is not replaced as a whole [not-literal]"},
		"no struct":     {"a: \"1\"\n", "f.cue:1:4: error: a is no struct, so that there is nothing below it [not-literal]"},
		"comment":       {"a: b: [\n\t1, // one\n]\n", "f.cue:1:7: error: comments stand inside of the value, and would be lost [not-literal]"},
		"two places":    {"a: b: \"1\"\na: b: string\n", "f.cue:2:7: error: the value is computed, and only a literal can be replaced [not-literal]"},
		"syntax":        {"a: {\n", "f.cue:1:6: error: expected '}', found 'EOF' [cue-syntax]"},
		"mixed lines":   {"a: b: 1\r\nc: 1\n", "f.cue: error: the ends of the file's lines are of two kinds [not-literal]"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := edit.Set("f.cue", []byte(c.src), []string{"a", "b"}, "2")
			if err == nil {
				t.Fatalf("no error, but\n%s", got)
			}
			if err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	for _, value := range []any{1.5, nil, mustParse(t, "x"), mustParse(t, "a & b")} {
		if _, err := edit.Set("f.cue", nil, []string{"a"}, value); err == nil {
			t.Errorf("%v can be set", value)
		}
	}
	if _, err := edit.Set("f.cue", nil, nil, "1"); err == nil {
		t.Error("the file as a whole can be set")
	}
}

func TestHas(t *testing.T) {
	for path, want := range map[string]bool{
		"releases.service.values.image.tag": true, "releases.service.values": true, "releases.service.values.replicas": false, "name": false,
	} {
		got, err := edit.Has("f.cue", []byte(release), strings.Split(path, "."))
		if err != nil || got != want {
			t.Errorf("Has(%s) = %v, %v", path, got, err)
		}
	}
}
