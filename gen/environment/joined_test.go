package environment_test

import (
	"fmt"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
)

// TestUnknownInAnyFile puts a key that the contract does not have into a file of its
// own, which joins the contract as env.cue does. CUE by itself sees some of these
// only in the file whose name comes first.
func TestUnknownInAnyFile(t *testing.T) {
	for _, name := range []string{"a.cue", "z.cue"} {
		for _, body := range []string{
			"misspelt: 1",
			"delivery: misspelt: 1",
			"releases: service: misspelt: 1",
			"releases: service: values: misspelt: 1",
			"releases: service: {chart: \"service\", values: misspelt: 1}",
			"releases: service: values: config: misspelt: 1",
			"releases: service: values: image: misspelt: 1",
		} {
			t.Run(name+"/"+body, func(t *testing.T) {
				files := env(good)
				files["release.cue"] = header + "\treleases: service: values: {image: digest: \"sha256:" + strings.Repeat("0", 64) + "\", autoscaling: {enabled: true, minReplicas: 2, maxReplicas: 3}}\n}\n"
				files[name] = header + "\t" + body + "\n}\n"
				_, err := environment.Load(repository(t, files), []string{"prod"})
				list, rest := finding.From(err)
				if rest != nil {
					t.Fatal(rest)
				}
				want := fmt.Sprintf("envs/prod/%s:6:%d", name, 2+strings.Index(body, "misspelt"))
				for _, f := range list {
					if f.Rule == "unknown-field" && f.Position.String() == want {
						return
					}
				}
				t.Errorf("no unknown-field at %s in %d findings: %v", want, len(list), rest)
			})
		}
	}
}
