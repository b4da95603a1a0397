package affected

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"gitlab.com/towpath/towpath/gen/environment"
)

func TestFolders(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"envs/cue.mod/module.cue":     "module: \"example.com/envs@v0\"\nlanguage: version: \"v0.17.0\"\n",
		"envs/contract/contract.cue":  "package contract\n",
		"envs/teams/web/web.cue":      "package web\n",
		"envs/prod/prod.cue":          "package prod\n",
		"envs/prod/web/prod.cue":      "package prod\nimport \"example.com/envs/teams/web\"\n_team: web\n",
		"envs/prod/shop/prod.cue":     "package prod\nimport lent \"example.com/envs/prod/lender:prod\"\n_lent: lent\n",
		"envs/prod/lender/prod.cue":   "package prod\n",
		"envs/prod/deep/prod.cue":     "package prod\n",
		"envs/prod/deep/sub/prod.cue": "package prod\n",
		"envs/prod/user/prod.cue":     "package prod\nimport sub \"example.com/envs/prod/deep/sub:prod\"\n_sub: sub\n",
		"envs/prod/alone/prod.cue":    "package prod\n",
		"envs/prod/alone/more.cue":    "package prod\n",
		"envs/stage/stage.cue":        "package stage\n",
		"envs/stage/web/stage.cue":    "package stage\nimport \"example.com/envs/teams/web\"\n_team: web\n",
	}
	repo := fstest.MapFS{}
	for name, text := range files {
		repo[name] = &fstest.MapFile{Data: []byte(text)}
	}
	folders, err := environment.Folders(repo, []string{"prod", "stage"})
	if err != nil {
		t.Fatal(err)
	}
	all, err := environment.Files(repo, folders)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		changed []string
		apart   bool // It needs no graph of imports.
		want    []string
	}{
		{"a team's", []string{"envs/prod/alone/prod.cue"}, true, []string{"envs/prod/alone"}},
		{"two teams'", []string{"envs/prod/alone/more.cue", "envs/stage/web/stage.cue"}, true, []string{"envs/prod/alone", "envs/stage/web"}},
		{"a team's that another imports", []string{"envs/prod/lender/prod.cue"}, false, []string{"envs/prod/lender", "envs/prod/shop"}},
		{"a team's below which another imports", []string{"envs/prod/deep/prod.cue"}, false, []string{"envs/prod/deep", "envs/prod/user"}},
		{"the defaults of a team", []string{"envs/teams/web/web.cue"}, false, []string{"envs/prod/web", "envs/stage/web"}},
		{"values", []string{"envs/prod/values/a.yaml"}, true, nil},
		{"an approval", []string{"envs/prod/approval.yaml"}, true, []string{"envs/prod", "envs/prod/alone", "envs/prod/deep", "envs/prod/lender", "envs/prod/shop", "envs/prod/user", "envs/prod/web"}},
		{"an environment's own", []string{"envs/stage/stage.cue"}, false, []string{"envs/stage", "envs/stage/web"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, ok := apart(test.changed, repo, folders); ok != test.apart {
				t.Errorf("apart is %t", ok)
			}
			touched, err := Folders(test.changed, repo, folders)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range folders {
				if slices.Contains(touched, f) {
					got = append(got, f.Path())
				}
				if readsAny(all[f], test.changed) && !slices.Contains(touched, f) {
					t.Errorf("%s reads what changed", f.Path())
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("touched (-want +got):\n%s", diff)
			}
		})
	}
}
