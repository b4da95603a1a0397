package pipeline

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// What an event starts. Whatever publishes, approves or deploys is in no pipeline of
// a merge request, where a branch says what runs.
func TestPlan(t *testing.T) {
	r := New(t)
	server := StartGitLab(t, r)
	main := r.Git(t, "rev-parse", "main")
	change := func(name, file string) (commit string) {
		branch(t, r, name)
		if err := os.WriteFile(filepath.Join(r.Dir, file), []byte("changed\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return r.Commit(t, name)
	}
	change("more-docs", "docs/change.md")
	change("more-service", "service/home/change.txt")
	change("more-modules", "go.sum")
	change("more-dockerfile", "Dockerfile")
	// What others merged meanwhile into main is of no merge request.
	r.Git(t, "push", "-q", "origin", "more-modules:main")
	r.Git(t, "fetch", "-q", "origin")
	r.Git(t, "tag", "v0.2.0", "more-docs")

	every := []string{"binaries", "check", "test"}
	image := []string{"image-scan", "integration", "promote-prod", "release-stage", "sbom", "service-image", "stage-healthy", "stage-smoke"}
	onMain := []string{"approve-prod", "dependency-scan", "prod-healthy"}
	for _, c := range []struct {
		name, checkout string
		event          func() Event
		want           [][]string
	}{
		{"merge request", "more-docs", func() Event { return server.MergeRequest(t, r, "more-docs") }, [][]string{every, {"diff"}}},
		{"merge request for the service", "more-service", func() Event { return server.MergeRequest(t, r, "more-service") }, [][]string{every, {"diff"}}},
		{"merge request with other modules", "more-modules", func() Event {
			event := server.MergeRequest(t, r, "more-modules")
			event.Before = main // It is merged above, so that git knows no base of it.
			return event
		}, [][]string{every, {"diff", "dependency-scan"}}},
		{"merged result", "more-service", func() Event { return server.MergedResult(t, r, "more-service") }, [][]string{every, {"diff"}}},
		{"branch without a merge request", "more-service", func() Event { return server.Push("more-service", main) }, [][]string{every}},
		{"branch with a merge request", "more-service", func() Event {
			return server.Push("more-service", main).With(map[string]string{"CI_OPEN_MERGE_REQUESTS": "towpath/towpath!7"})
		}, nil},
		{"main, the service as it was", "more-docs", func() Event { return server.Push("main", main) }, [][]string{every, onMain}},
		{"main, another service", "more-service", func() Event { return server.Push("main", main) }, [][]string{every, onMain, image}},
		{"main, another go.sum", "more-modules", func() Event { return server.Push("main", main) }, [][]string{every, onMain, image}},
		{"main, another Dockerfile", "more-dockerfile", func() Event { return server.Push("main", main) }, [][]string{every, onMain, image}},
		{"tag", "v0.2.0", func() Event { return server.Tag("v0.2.0") }, [][]string{every, image, {"dependency-scan"}}},
		{"approval", "main", func() Event { return server.Push("env/prod", main) }, [][]string{{"approvals"}}},
	} {
		r.Git(t, "checkout", "-q", c.checkout)
		var got []string
		for name, job := range r.Plan(t, c.event()) {
			if job.When == "manual" != (name == "approve-prod") && job.When != "never" {
				t.Errorf("%s: job %s is started %s", c.name, name, job.When)
			}
			if job.When != "never" {
				got = append(got, name)
			}
		}
		want := slices.Concat(c.want...)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s runs\n%v, and should run\n%v", c.name, got, want)
		}
	}
}
