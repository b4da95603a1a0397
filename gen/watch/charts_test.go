package watch

import (
	"os"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/cuecontext"
	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/cases"
	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/environment"
)

// TestChartsAsHelm holds the engine of this package against Helm's, on every chart
// of the repository and every case that is made up for it. It sees the same where it
// renders what is included again each time.
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
		steadily, again := New(c), New(c)
		for _, w := range []*Watcher{steadily, again} {
			_, _ = w.Try(release(""), nil) // It parses the templates.
		}
		for _, s := range again.sets {
			if c.Name == "service" && !s.steady {
				t.Error("nothing is included once")
			}
			s.steady = false
		}
		for _, made := range matrix.Cases {
			t.Run(c.Name+"/"+made.Name, func(t *testing.T) {
				r := release("")
				r.Values = made.Files()
				if _, err := c.Render(r); err != nil {
					t.Skip("the chart refuses it") // See gen/check's matrix.
				}
				same(t, c, r)
				once, err := steadily.Try(r, nil)
				if err != nil {
					t.Fatal(err)
				}
				each, err := again.Try(r, nil)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(each, once, cmp.AllowUnexported(Seen{}, Branch{}, position{}, condition{})); diff != "" {
					t.Errorf("where includes are rendered each time (-) and once (+):\n%s", diff)
				}
			})
		}
	}
}
