package affected

import (
	"maps"
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
	to := side(t, files)
	all, err := environment.Files(to.Repo, to.Folders)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		before  map[string]string // What was otherwise; "" was not there.
		changed []string
		apart   bool // It needs no graph of imports.
		want    []string
	}{
		{"a team's", nil, []string{"envs/prod/alone/prod.cue"}, true, []string{"envs/prod/alone"}},
		{"two teams'", nil, []string{"envs/prod/alone/more.cue", "envs/stage/web/stage.cue"}, true, []string{"envs/prod/alone", "envs/stage/web"}},
		{"a team's that has come", map[string]string{"envs/prod/alone/prod.cue": "", "envs/prod/alone/more.cue": ""}, []string{"envs/prod/alone/more.cue", "envs/prod/alone/prod.cue"}, true, []string{"envs/prod/alone"}},
		{"a team's that another imports", nil, []string{"envs/prod/lender/prod.cue"}, false, []string{"envs/prod/lender", "envs/prod/shop"}},
		{
			"a team's that another imported before", map[string]string{"envs/stage/web/stage.cue": "package stage\nimport alone \"example.com/envs/prod/alone:prod\"\n_alone: alone\n"},
			[]string{"envs/prod/alone/prod.cue", "envs/stage/web/stage.cue"}, false, []string{"envs/prod/alone", "envs/stage/web"},
		},
		{"a team's below which another imports", nil, []string{"envs/prod/deep/prod.cue"}, false, []string{"envs/prod/deep", "envs/prod/user"}},
		{"the defaults of a team", nil, []string{"envs/teams/web/web.cue"}, false, []string{"envs/prod/web", "envs/stage/web"}},
		{"values", nil, []string{"envs/prod/values/a.yaml"}, true, nil},
		{"an approval", nil, []string{"envs/prod/approval.yaml"}, true, []string{"envs/prod", "envs/prod/alone", "envs/prod/deep", "envs/prod/lender", "envs/prod/shop", "envs/prod/user", "envs/prod/web"}},
		{"an environment's own", nil, []string{"envs/stage/stage.cue"}, false, []string{"envs/stage", "envs/stage/web"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			before := maps.Clone(files)
			maps.Copy(before, test.before)
			from := side(t, before)
			if _, ok := apart(test.changed, from, to); ok != test.apart {
				t.Errorf("apart is %t", ok)
			}
			touched, err := Folders(test.changed, from, to)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range to.Folders {
				if slices.Contains(touched[1], f) {
					got = append(got, f.Path())
				}
				if readsAny(all[f], test.changed) && !slices.Contains(touched[1], f) {
					t.Errorf("%s reads what changed", f.Path())
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("touched (-want +got):\n%s", diff)
			}
			for _, f := range from.Folders {
				if slices.Contains(touched[0], f) != slices.Contains(touched[1], f) {
					t.Errorf("%s is touched on one side only", f.Path())
				}
			}
		})
	}
}

// side returns a state with the files that are not empty, and all folders.
func side(t *testing.T, files map[string]string) Side {
	t.Helper()
	repo := fstest.MapFS{}
	for name, text := range files {
		if text != "" {
			repo[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	folders, err := environment.Folders(repo, []string{"prod", "stage"})
	if err != nil {
		t.Fatal(err)
	}
	return Side{repo, folders}
}
