package synthetic_test

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/bench/fleet/synthetic"
	"gitlab.com/towpath/towpath/gen/environment"
)

// load loads a fleet as gen does.
func load(t *testing.T, f synthetic.Fleet) *environment.Set {
	t.Helper()
	repo, err := f.Repository(os.DirFS("../../.."))
	if err != nil {
		t.Fatal(err)
	}
	names, err := environment.Names(repo)
	if err != nil {
		t.Fatal(err)
	}
	if want := slices.Sorted(slices.Values(f.Names())); !slices.Equal(names, want) {
		t.Errorf("the environments are %v, want %v", names, want)
	}
	set, err := environment.Load(repo, names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestFleetIsValid holds fleets against the contract, and what is
// there against what was to be.
func TestFleetIsValid(t *testing.T) {
	for name, f := range map[string]synthetic.Fleet{
		"one release":       {Releases: 1, Environments: 1, Seed: 1},
		"many teams":        {Releases: 100, Environments: 3, Seed: 1},
		"many environments": {Releases: 37, Environments: 5, Seed: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := f.List()
			if err != nil {
				t.Fatal(err)
			}
			if len(list) != f.Releases {
				t.Errorf("the list has %d releases, want %d", len(list), f.Releases)
			}
			var got, want []string
			for _, r := range list {
				want = append(want, r.Environment+" "+r.Name+" "+r.Chart)
			}
			for _, env := range load(t, f).Environments {
				for _, release := range env.Releases {
					got = append(got, env.Name+" "+release.Name+" "+release.Chart)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("the releases are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestSameFleetSameBytes(t *testing.T) {
	sources := func(f synthetic.Fleet) map[string][]byte {
		files, err := f.Sources()
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	f := synthetic.Fleet{Releases: 50, Environments: 3, Seed: 7}
	if !maps.EqualFunc(sources(f), sources(f), bytes.Equal) {
		t.Error("the same fleet differs from itself")
	}
	other := f
	other.Seed = 8
	if maps.EqualFunc(sources(f), sources(other), bytes.Equal) {
		t.Error("another seed is the same fleet")
	}
}

// TestLargerFleetBeginsWithSmaller lets measurements of one size speak of the next.
func TestLargerFleetBeginsWithSmaller(t *testing.T) {
	larger, err := synthetic.Fleet{Releases: 300, Environments: 3, Seed: 1}.List()
	if err != nil {
		t.Fatal(err)
	}
	smaller, err := synthetic.Fleet{Releases: 100, Environments: 3, Seed: 1}.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range smaller {
		if !slices.Contains(larger, r) {
			t.Errorf("the larger fleet lacks %v", r)
		}
	}
}

// TestEverySizeAndChartIsThere guards what the mix is meant to be.
func TestEverySizeAndChartIsThere(t *testing.T) {
	list, err := synthetic.Fleet{Releases: 1000, Environments: 3, Seed: 1}.List()
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, r := range list {
		if r.Chart == "service" {
			count[r.Size.String()]++
		} else {
			count[r.Chart]++
		}
	}
	for what, bounds := range map[string][2]int{"small": {400, 650}, "medium": {200, 350}, "large": {50, 150}, "postgres": {20, 90}, "redis": {20, 90}} {
		if n := count[what]; n < bounds[0] || n > bounds[1] {
			t.Errorf("%d of 1000 releases are %s, want %d to %d", n, what, bounds[0], bounds[1])
		}
	}
}

func TestRefused(t *testing.T) {
	for _, f := range []synthetic.Fleet{{0, 1, 1}, {synthetic.MostReleases + 1, 1, 1}, {1, 0, 1}, {1000, synthetic.Most + 1, 1}, {1, 2, 1}} {
		if _, err := f.Sources(); err == nil {
			t.Errorf("%+v was made", f)
		}
		if _, err := f.List(); err == nil {
			t.Errorf("%+v was listed", f)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/mine", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (synthetic.Fleet{Releases: 1, Environments: 1}).Write(os.DirFS("../../.."), dir); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("a folder with files was written to: %v", err)
	}
}
