package watch

import (
	"os"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"

	"gitlab.com/towpath/towpath/gen/cases"
	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
)

// TestChartsAsHelm holds the engine of this package against Helm's, on every chart
// of the repository and every case that is made up for it.
func TestChartsAsHelm(t *testing.T) {
	if testing.Short() {
		t.Skip("it renders hundreds of cases")
	}
	repo := os.DirFS("../..")
	inst, err := environment.LoadContract(repo)
	if err != nil {
		t.Fatal(err)
	}
	contract := cuecontext.New().BuildInstance(inst)
	charts, err := contract.LookupPath(cue.ParsePath("#Charts")).Fields()
	if err != nil {
		t.Fatal(err)
	}
	for charts.Next() {
		c, err := chart.Load(repo, charts.Selector().String())
		if err != nil {
			t.Fatal(err)
		}
		matrix, err := cases.Pairwise(contract, c.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, made := range matrix.Cases {
			t.Run(c.Name+"/"+made.Name, func(t *testing.T) {
				r := release("")
				r.Values = made.Files()
				if _, err := c.Render(r); err != nil {
					t.Skip("the chart refuses it") // See gen/check's matrix.
				}
				same(t, c, r)
			})
		}
	}
}
