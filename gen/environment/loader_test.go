package environment_test

import (
	"os"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/bench/fleet/synthetic"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// trees returns the values of releases, by release.
func trees(t *testing.T, releases []environment.Release) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for _, release := range releases {
		tree, err := release.Tree()
		if err != nil {
			t.Error(err)
		}
		all[release.Name] = tree
	}
	return all
}

// TestLoaderAtOnce loads the folders of a fleet from many goroutines by one loader: what comes of
// them is what comes of all together. Run with -race.
func TestLoaderAtOnce(t *testing.T) {
	sample := synthetic.Fleet{Releases: 60, Environments: 2, Seed: 1}
	repo, err := sample.Repository(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	set, err := environment.Load(repo, sample.Names())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]map[string]any{}
	for _, env := range set.Environments {
		want[env.Name] = trees(t, env.Releases)
	}
	folders, err := environment.Folders(repo, sample.Names())
	if err != nil {
		t.Fatal(err)
	}
	loader := environment.NewLoader(repo)
	got := map[string]map[string]map[string]any{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, folder := range folders {
		group.Go(func() {
			loaded, _, err := loader.Folders([]environment.Folder{folder})
			if err != nil {
				t.Error(err)
				return
			}
			found := trees(t, loaded[folder].Releases)
			mu.Lock()
			defer mu.Unlock()
			if got[folder.Environment] == nil {
				got[folder.Environment] = map[string]map[string]any{}
			}
			for name, tree := range found {
				got[folder.Environment][name] = tree
			}
		})
	}
	group.Wait()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("folder by folder (-want +got):\n%s", diff)
	}
}

// TestLoaderBrokenContract loads folders one after the other when something is wrong with the
// contract: each time that is what is said.
func TestLoaderBrokenContract(t *testing.T) {
	for name, wrong := range map[string]string{
		"unparsable": "package contract\n\n#Wrong: {\n",
		"unresolved": "package contract\n\n#Wrong: #Missing\n",
		"conflict":   "package contract\n\n#Environment: tier: 1 & 2\n",
	} {
		t.Run(name, func(t *testing.T) {
			repo := withTeams(t, map[string]string{"env.cue": shared + own, "shop/shop.cue": teamRelease("shop", ""), "pay/pay.cue": teamRelease("pay", "")})
			repo["envs/contract/wrong.cue"] = &fstest.MapFile{Data: []byte(wrong)}
			_, err := environment.Load(repo, []string{"prod"})
			want, rest := finding.From(err)
			if rest != nil || len(want) == 0 {
				t.Fatalf("all together: %v", err)
			}
			loader := environment.NewLoader(repo)
			var group sync.WaitGroup
			for _, team := range []string{"", "shop", "pay", "shop"} {
				group.Go(func() {
					_, _, err := loader.Folders([]environment.Folder{{Environment: "prod", Team: team}})
					got, rest := finding.From(err)
					if rest != nil {
						t.Error(rest)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("folder %q (-want +got):\n%s", team, diff)
					}
				})
			}
			group.Wait()
		})
	}
}

// TestLoaderBelowContract loads a team that imports a package in a folder below the contract's, which has the
// contract's files too.
func TestLoaderBelowContract(t *testing.T) {
	files := map[string]string{
		"env.cue": shared + own,
		"shop/shop.cue": `package prod

import "gitlab.com/towpath/towpath/envs/contract/sizes:contract"

releases: shop: {chart: "service", values: {replicas: contract.#Three, image: digest: "sha256:` + digest + `"}}
`,
	}
	repo := withTeams(t, files)
	repo["envs/contract/sizes/sizes.cue"] = &fstest.MapFile{Data: []byte("package contract\n\n#Three: 3\n")}
	loader := environment.NewLoader(repo)
	for range 2 {
		folder := environment.Folder{Environment: "prod", Team: "shop"}
		loaded, _, err := loader.Folders([]environment.Folder{folder})
		if err != nil {
			t.Fatal(err)
		}
		if tree := trees(t, loaded[folder].Releases)["shop"]; tree["replicas"] != int64(3) {
			t.Errorf("shop has replicas %v, want 3", tree["replicas"])
		}
	}
}
