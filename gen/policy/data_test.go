package policy

import (
	"math/big"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
)

// TestPart hands all kinds of data to rules, as fields of an environment and as values of a
// release: they have to be what they were.
func TestPart(t *testing.T) {
	large, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	tree := map[string]any{
		"text":   "plain",
		"quotes": "a \"b\" \\(c) \\ d / <&>",
		"lines":  "one\ntwo\r\n\tthree",
		"rare":   "\u0000 \u0007 \b \f \u007f \u00e4 \u2028 \ufeff \U0001f6a2",
		"int":    int64(5), "negative": int64(-7), "large": large,
		"float": 1.5, "whole": 1.0, "small": 1e-9, "huge": 1e300,
		"true": true, "null": nil,
		"list":     []any{int64(1), "two", []any{}, map[string]any{}},
		"data":     map[string]any{"environment": "own", "environments": "names"},
		"a-b.c/d ": "key",
		"_hidden":  "text", "#definition": "text",
		"empty": "", "number like": "5",
	}
	d := &Data{}
	env := map[string]any{"name": "prod", "tree": tree, "releases": map[string]any{"web": map[string]any{"name": "web", "values": tree}}}
	if err := d.Add("prod", env); err != nil {
		t.Fatal(err)
	}
	part, err := d.part(nil)
	if err != nil {
		t.Fatal(err)
	}
	context := cuecontext.New()
	data := context.BuildFile(part.file)
	v := context.BuildFile(part.given("prod"), cue.Scope(data))
	if err := v.Validate(cue.Concrete(true)); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"environment", "environments.prod"} {
		want := context.Encode(env)
		got := v.LookupPath(cue.ParsePath(at))
		// Each holds the other: nothing is missing, and nothing of another kind.
		if err := want.Subsume(got, cue.Final()); err != nil {
			t.Errorf("%s has more or something else than what was given: %v", at, err)
		}
		if err := got.Subsume(want, cue.Final()); err != nil {
			t.Errorf("%s has less or something else than what was given: %v", at, err)
		}
		for _, value := range []cue.Value{got, want} {
			whole := value.LookupPath(cue.MakePath(cue.Str("tree"), cue.Str("whole")))
			if whole.Kind() != cue.FloatKind {
				t.Errorf("1.0 is %v in %s", whole, at)
			}
		}
	}
}
