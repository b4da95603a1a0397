package revision_test

import (
	"slices"
	"testing"
	"time"
)

func TestLog(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.write("repo/charts/service/a.yaml", "1")
	first := r.commit("first")
	r.write("repo/envs/*.yaml", "1") // A name that means itself.
	second := r.commit("second")
	r.write("repo/envs/b.yaml", "1")
	r.commit("third")
	r.git("checkout", "--quiet", "-b", "feature")
	for _, text := range []string{"2", "3"} {
		r.write("repo/charts/service/a.yaml", text)
		r.commit(text)
	}
	r.git("checkout", "--quiet", "main")
	r.git("merge", "--quiet", "--no-ff", "-m", "merge", "feature")
	merge := r.git("rev-parse", "HEAD")
	r.git("config", "log.showSignature", "true")

	git := open(t, r.dir+"/repo") // Paths are relative to the folder.
	for _, test := range []struct {
		from  string
		paths []string
		want  []string
	}{
		{first, []string{"charts/service", "envs/*.yaml"}, []string{second, merge}},
		{first, []string{"envs/*.yaml"}, []string{second}},
		{first, []string{"charts/service"}, []string{merge}},
		{first, []string{"charts"}, []string{merge}},
		{second, []string{"envs/*.yaml"}, nil},
		{merge, []string{"charts/service"}, nil},
		{first, []string{"no/such"}, nil},
	} {
		commits, err := git.Log(test.from, merge, test.paths...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range commits {
			got = append(got, c.ID)
			if since := time.Since(c.Time); since < -time.Minute || since > time.Hour || c.Time.Location() != time.UTC {
				t.Errorf("%s is of %s", c.ID, c.Time)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("from %s, %q: %q, want %q", test.from, test.paths, got, test.want)
		}
	}
	_, err := git.Log("0123456789012345678901234567890123456789", merge, "charts")
	wantError(t, err, "listing the commits from 0123456789 to", "bad object")
}
