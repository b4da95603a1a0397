package schema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"gitlab.com/towpath/towpath/gen/cases"
	"gitlab.com/towpath/towpath/gen/environment"
)

// TestAgree holds contract and schema against each other: on valid values, and on
// the same with one fault each.
func TestAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("it renders hundreds of cases")
	}
	inst, err := environment.LoadContract(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	v := cuecontext.New().BuildInstance(inst)
	c := contract(t)
	for _, name := range c.Charts() {
		document, err := c.JSON(name)
		if err != nil {
			t.Fatal(err)
		}
		compiled := compile(t, document)
		typ := v.LookupPath(cue.ParsePath("#Charts." + name))
		matrix, err := cases.Pairwise(v, name)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // It shall be the same each time.
		for _, made := range matrix.Cases {
			valid := typ.FillPath(cue.Path{}, made.Values)
			var tree map[string]any
			decode(t, valid, &tree)
			if err := compiled.Validate(tree); err != nil {
				t.Errorf("%s %s: the schema refuses what the contract accepts: %v", name, made.Name, err)
			}
			for range 4 {
				var faulty map[string]any
				decode(t, valid, &faulty)
				what := plant(random, faulty)
				refusal := typ.FillPath(cue.Path{}, faulty).Validate(cue.Concrete(true))
				bySchema := compiled.Validate(faulty)
				switch {
				case refusal == nil && bySchema != nil:
					t.Errorf("%s with %s: only the schema refuses: %v", name, what, bySchema)
				case refusal != nil && bySchema == nil && !onlyRules(refusal):
					t.Errorf("%s with %s: only the contract refuses: %v", name, what, refusal)
				}
			}
		}
	}
}

// onlyRules reports whether all that CUE refuses is a rule over several fields, which
// a schema can't express.
func onlyRules(err error) bool {
	return !slices.ContainsFunc(errors.Errors(err), func(e errors.Error) bool { return !slices.Contains(e.Path(), "_rules") })
}

func decode(t *testing.T, v cue.Value, into *map[string]any) {
	t.Helper()
	data, err := v.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
	wholeNumbers(*into)
}

// wholeNumbers turns floats without a fraction into integers, which JSON does not
// tell apart and CUE does.
func wholeNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, elem := range v {
			v[key] = wholeNumbers(elem)
		}
	case []any:
		for i, elem := range v {
			v[i] = wholeNumbers(elem)
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return v
}

// compile makes a schema ready once. Helm does so for each set of values, by the same
// library, which is most of its time.
func compile(t *testing.T, document []byte) *jsonschema.Schema {
	t.Helper()
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("values.schema.json", tree); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// plant puts one fault into a tree of values, and says which.
func plant(random *rand.Rand, tree map[string]any) string {
	type place struct {
		table map[string]any
		key   string
		path  string
	}
	var places []place
	var walk func(table map[string]any, path string)
	walk = func(table map[string]any, path string) {
		places = append(places, place{table, "unknownKey", path})
		for key, v := range table {
			below := strings.TrimPrefix(path+"."+key, ".")
			places = append(places, place{table, key, below})
			if sub, ok := v.(map[string]any); ok {
				walk(sub, below)
			}
		}
	}
	walk(tree, "")
	slices.SortFunc(places, func(a, b place) int { return strings.Compare(a.path+" "+a.key, b.path+" "+b.key) })
	p := places[random.IntN(len(places))]
	faults := []any{true, "Not a word!", -1, 1.5, 1 << 40, []any{}, []any{1}, map[string]any{"unknownKey": 1}}
	p.table[p.key] = faults[random.IntN(len(faults))]
	return fmt.Sprintf("%s %s: %v", p.path, p.key, p.table[p.key])
}
