package chart

import (
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"reflect"
	"testing"

	helm "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
)

// TestCoalesce holds coalesce against Helm's function, with values and defaults that
// share keys and differ in what stands there.
func TestCoalesce(t *testing.T) {
	writer := log.Writer()
	log.SetOutput(io.Discard) // Helm warns of tables that meet other values.
	t.Cleanup(func() { log.SetOutput(writer) })
	r := rand.New(rand.NewPCG(5, 6))
	var random func(depth int) any
	random = func(depth int) any {
		switch n := r.IntN(6); {
		case n == 0:
			return nil
		case n == 1:
			return float64(r.IntN(3))
		case n == 2:
			return "text"
		case n == 3:
			return []any{random(depth - 1), map[string]any{"a": 1.0}}
		case depth <= 0:
			return true
		}
		table := map[string]any{}
		for range r.IntN(4) {
			table[fmt.Sprintf("key%d", r.IntN(4))] = random(depth - 1)
		}
		return table
	}
	table := func() map[string]any {
		table := map[string]any{}
		for i := range 3 {
			table[fmt.Sprintf("key%d", i+r.IntN(2))] = random(3)
		}
		return table
	}
	for range 5000 {
		values, defaults := table(), table()
		want, err := chartutil.CoalesceValues(&helm.Chart{Metadata: &helm.Metadata{Name: "boat"}, Values: defaults}, values)
		if err != nil {
			t.Fatal(err)
		}
		before := copyTree(defaults)
		got := copyTree(values)
		coalesce(got, defaults)
		if !reflect.DeepEqual(got, want.AsMap()) {
			t.Errorf("values %v\nand defaults %v\nbecome %v\nand with Helm %v", values, defaults, got, want)
		}
		if !reflect.DeepEqual(before, defaults) {
			t.Errorf("defaults %v became %v", before, defaults)
		}
	}
}
