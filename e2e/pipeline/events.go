package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/gen/gitlab/gitlabtest"
)

// GitLab is the GitLab of a test, with one project and one merge request in it.
type GitLab struct{ *gitlabtest.Server }

// StartGitLab starts a GitLab that ends with the test, and makes the repository its
// project: jobs are told its addresses.
func StartGitLab(t testing.TB, r *Repository) *GitLab {
	t.Helper()
	server := gitlabtest.Start()
	t.Cleanup(server.Close)
	// gitlab-ci-local takes the names of server and project from this remote.
	r.Git(t, "remote", "add", "gcl-origin", fmt.Sprintf("%s/towpath/towpath.git", server.URL()))
	return &GitLab{server}
}

// MergeRequest is the event of a push to the branch of a merge request into main:
// the commit that is checked out is that of the branch.
func (g *GitLab) MergeRequest(t testing.TB, r *Repository, branch string) Event {
	t.Helper()
	variables := g.Variables()
	variables["CI_PIPELINE_SOURCE"] = "merge_request_event"
	variables["CI_MERGE_REQUEST_EVENT_TYPE"] = "detached"
	variables["CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"] = branch
	variables["CI_MERGE_REQUEST_TARGET_BRANCH_NAME"] = "main"
	variables["CI_MERGE_REQUEST_DIFF_BASE_SHA"] = r.Git(t, "merge-base", "HEAD", "origin/main")
	variables["CI_COMMIT_REF_NAME"] = branch
	variables["CI_COMMIT_REF_PROTECTED"] = "false"
	return Event{Variables: variables, Unset: []string{"CI_COMMIT_BRANCH"}, Before: variables["CI_MERGE_REQUEST_DIFF_BASE_SHA"]}
}

// MergedResult is the event of a pipeline for merged results, or of a merge train. It
// checks out what merging the branch into main as it is at the remote makes.
func (g *GitLab) MergedResult(t testing.TB, r *Repository, branch string) Event {
	t.Helper()
	r.Git(t, "checkout", "-q", branch)
	event := g.MergeRequest(t, r, branch)
	event.Variables["CI_MERGE_REQUEST_EVENT_TYPE"] = "merged_result"
	event.Variables["CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"] = r.Git(t, "rev-parse", branch)
	event.Variables["CI_MERGE_REQUEST_TARGET_BRANCH_SHA"] = r.Git(t, "rev-parse", "origin/main")
	event.Before = event.Variables["CI_MERGE_REQUEST_TARGET_BRANCH_SHA"]
	r.Git(t, "checkout", "-q", "--detach", "origin/main")
	r.Git(t, "merge", "-q", "--no-ff", "-m", "Merge "+branch, branch)
	return event
}

// Push is the event of a push to a branch, which is checked out. Before is where the
// branch stood.
func (g *GitLab) Push(branch, before string) Event {
	protected := branch == "main" || strings.HasPrefix(branch, "env/")
	return Event{Variables: map[string]string{
		"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": branch, "CI_COMMIT_REF_NAME": branch, "CI_COMMIT_BEFORE_SHA": before,
		"CI_API_V4_URL": g.API(), "CI_PROJECT_ID": g.Project, "CI_COMMIT_REF_PROTECTED": fmt.Sprint(protected),
	}, Before: before}
}

// Tag is the event of a tag, which is checked out.
func (g *GitLab) Tag(name string) Event {
	return Event{Variables: map[string]string{
		"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": name, "CI_COMMIT_REF_NAME": name,
		"CI_API_V4_URL": g.API(), "CI_PROJECT_ID": g.Project, "CI_COMMIT_REF_PROTECTED": "true",
	}, Unset: []string{"CI_COMMIT_BRANCH"}}
}
