package schema_test

import (
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
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"gitlab.com/towpath/towpath/gen/cases"
	"gitlab.com/towpath/towpath/gen/environment"
)

// inexpressible are the faults that CUE refuses and the schema does not: by a part
// of CUE's message, the reason.
var inexpressible = map[string]string{
	"#Charts.service.externalSecrets.": "CUE's encoder leaves the types of keys that a pattern allows out",
}

// TestAgree holds contract and schema against each other: on valid values, and on
// the same with one fault each.
func TestAgree(t *testing.T) {
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
		typ := v.LookupPath(cue.ParsePath("#Charts." + name))
		matrix, err := cases.Pairwise(v, name)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // It shall be the same each time.
		for _, made := range matrix.Cases {
			valid := typ.Unify(v.Context().Encode(made.Values))
			var tree map[string]any
			decode(t, valid, &tree)
			if err := schemaRefuses(document, tree); err != nil {
				t.Errorf("%s %s: the schema refuses what the contract accepts: %v", name, made.Name, err)
			}
			for range 4 {
				var faulty map[string]any
				decode(t, valid, &faulty)
				what := plant(random, faulty)
				refusal := typ.Unify(v.Context().Encode(faulty)).Validate(cue.Concrete(true))
				bySchema := schemaRefuses(document, faulty)
				switch {
				case refusal == nil && bySchema != nil:
					t.Errorf("%s with %s: only the schema refuses: %v", name, what, bySchema)
				case refusal != nil && bySchema == nil && !isInexpressible(refusal):
					t.Errorf("%s with %s: only the contract refuses: %v", name, what, refusal)
				}
			}
		}
	}
}

// isInexpressible reports whether all that CUE refuses is a rule over several
// fields, or listed.
func isInexpressible(err error) bool {
	return !slices.ContainsFunc(errors.Errors(err), func(e errors.Error) bool {
		if slices.Contains(e.Path(), "_rules") {
			return false
		}
		for start := range inexpressible {
			if strings.Contains(e.Error(), start) {
				return false
			}
		}
		return true
	})
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

func schemaRefuses(document []byte, values map[string]any) error {
	return chartutil.ValidateAgainstSchema(&chart.Chart{Metadata: &chart.Metadata{Name: "c"}, Schema: document}, values)
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
