package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/yaml"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/argocd"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/report"
	"gitlab.com/towpath/towpath/gen/revision"
)

// statusReport is the output of gen status.
type statusReport struct {
	// Name and Commit are of the state that says what is wanted.
	Name         string              `json:"name"`
	Commit       string              `json:"commit"`
	Environments []statusEnvironment `json:"environments"`
}

type statusEnvironment struct {
	Name string `json:"name"`
	Tier string `json:"tier"`
	// NeedsApproval tells that the environment follows an approval branch.
	NeedsApproval bool `json:"needsApproval"`
	// Approval is missing where nothing is approved, or it can't be read.
	Approval *approval.Record `json:"approval,omitempty"`
	Releases []statusRelease  `json:"releases"`
}

type statusRelease struct {
	Name   string       `json:"name"`
	Wanted *statusImage `json:"wanted,omitempty"`
	// Approved is the image of the approved commit.
	Approved *statusImage `json:"approved,omitempty"`
	// Deployed is missing where Unknown says why.
	Deployed *statusDeployed `json:"deployed,omitempty"`
	Unknown  string          `json:"unknown,omitempty"`
	// Drift is missing where it can't be told.
	Drift *statusDrift `json:"drift,omitempty"`
}

// statusImage is the image of a release, as its values name it.
type statusImage struct {
	Repository string `json:"repository"`
	Tag        string `json:"tag,omitempty"`
	Digest     string `json:"digest,omitempty"`
}

// statusDeployed is what Argo CD says about a release.
type statusDeployed struct {
	// Revision is the full id of the commit that the cluster runs, or "".
	Revision string `json:"revision"`
	// Approval is the number of the approval that Revision is, or 0.
	Approval int64  `json:"approval,omitempty"`
	Sync     string `json:"sync"`
	Health   string `json:"health"`
	Syncing  bool   `json:"syncing"`
	// Problems are Argo CD's words about what is wrong.
	Problems     []string  `json:"problems,omitempty"`
	Images       []string  `json:"images,omitempty"`
	ReconciledAt time.Time `json:"reconciledAt,omitzero"`
}

// statusDrift is what the default branch has and an environment has not.
type statusDrift struct {
	// Commits change what Argo CD reads for the release.
	Commits int `json:"commits"`
	// Since is when the first of them came to the branch.
	Since time.Time `json:"since,omitzero"`
}

// survey collects what there is to say.
type survey struct {
	git *revision.Repository
	// at is what is wanted.
	at  *side
	now time.Time

	applications map[string]asked // by ENV/RELEASE
	notes        []string
}

// asked is what Argo CD says about a release, or why it says nothing.
type asked struct {
	app argocd.Application
	err error
}

// note adds what a person should know, once.
func (s *survey) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(s.notes, text) {
		s.notes = append(s.notes, text)
	}
}

const (
	// askTimeout is how long Argo CD has for all answers.
	askTimeout = 15 * time.Second
	// askAtOnce is how many Applications are asked for at once.
	askAtOnce = 8
)

// ask asks Argo CD about every release; without a client, why says why not.
func (s *survey) ask(ctx context.Context, client *argocd.Client, why error) {
	s.applications = map[string]asked{}
	if client == nil {
		s.note("DEPLOYED is unknown: %v", why)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(askAtOnce)
	var mu sync.Mutex
	for _, env := range s.at.envs {
		for _, release := range env.Releases {
			group.Go(func() error {
				app, err := client.Application(ctx, delivery.ApplicationNamespace(env.Name), release.Name)
				if errors.Is(err, context.DeadlineExceeded) {
					err = fmt.Errorf("%w: no answer from %s within %s", argocd.ErrUnreachable, client.Server(), askTimeout)
				}
				mu.Lock()
				defer mu.Unlock()
				s.applications[env.Name+"/"+release.Name] = asked{app, err}
				return nil
			})
		}
	}
	_ = group.Wait() // Each answer has its own error.
}

func (s *survey) report() *statusReport {
	r := &statusReport{Name: s.at.state.Name, Commit: s.at.state.Commit, Environments: []statusEnvironment{}}
	for _, env := range s.at.envs {
		r.Environments = append(r.Environments, s.environment(env))
	}
	return r
}

func (s *survey) environment(env *environment.Environment) statusEnvironment {
	e := statusEnvironment{Name: env.Name, Tier: env.Tier, Releases: []statusRelease{}}
	var tip *revision.FS
	if _, e.NeedsApproval = env.ApprovalBranch(); e.NeedsApproval {
		tip, e.Approval = s.approved(env)
	}
	for _, release := range env.Releases {
		r := statusRelease{Name: release.Name, Wanted: s.image(s.at.repo, env, release)}
		if e.Approval != nil {
			r.Approved = s.image(tip, env, release)
		}
		s.deployed(&r, env)
		switch {
		case e.Approval != nil:
			r.Drift = s.drift(env, release, e.Approval.Commit)
		case !e.NeedsApproval && r.Deployed != nil && r.Deployed.Revision != "":
			r.Drift = s.drift(env, release, r.Deployed.Revision)
		}
		e.Releases = append(e.Releases, r)
	}
	return e
}

// approved returns the newest approval of an environment, or nil without one.
func (s *survey) approved(env *environment.Environment) (*revision.FS, *approval.Record) {
	branch, ok, err := s.git.Approved(env.Name)
	if err == nil && !ok {
		return nil, nil
	}
	var tip *revision.FS
	if err == nil {
		tip, err = s.git.Resolve(branch.Commit)
	}
	var record *approval.Record
	if err == nil {
		record, err = readApproval(tip, env)
	}
	if err != nil {
		s.note("%s: the approval at %s can't be read: %v", env.Name, branch.Name, err)
		return nil, nil
	}
	return tip, record
}

// readApproval reads the record of the approval that a commit is.
func readApproval(commit fs.FS, env *environment.Environment) (*approval.Record, error) {
	data, err := fs.ReadFile(commit, env.ApprovalFile())
	if err != nil {
		return nil, err
	}
	record, err := approval.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", env.ApprovalFile(), err)
	}
	return &record, nil
}

// image returns the image that the values of a release name, or nil without one.
func (s *survey) image(commit fs.FS, env *environment.Environment, release environment.Release) *statusImage {
	name := env.ValuesFile(release.Name)
	data, err := fs.ReadFile(commit, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // It is new.
	}
	var values struct {
		Image *statusImage `json:"image"`
	}
	if err == nil {
		err = yaml.Unmarshal(data, &values)
	}
	if err != nil {
		s.note("%s can't be read: %v", name, err)
	}
	return values.Image
}

// noApplication is what is said of a release that Argo CD does not have.
const noApplication = "no Application"

// deployed fills in what Argo CD says.
func (s *survey) deployed(r *statusRelease, env *environment.Environment) {
	answer, ok := s.applications[env.Name+"/"+r.Name]
	switch {
	case !ok:
		r.Unknown = "Argo CD was not asked"
		return
	case errors.Is(answer.err, argocd.ErrNotFound):
		r.Unknown = noApplication
		return
	case answer.err != nil:
		r.Unknown = answer.err.Error()
		s.note("DEPLOYED is unknown: %v", answer.err)
		return
	}
	app := answer.app
	r.Deployed = &statusDeployed{
		Revision: app.Deployed(), Sync: app.Sync, Health: app.Health, Syncing: app.Syncing,
		Images: app.Images, ReconciledAt: app.ReconciledAt,
	}
	if !app.Ready() {
		for _, problem := range app.Problems() {
			r.Deployed.Problems = append(r.Deployed.Problems, report.Visible(problem))
		}
	}
	if _, follows := env.ApprovalBranch(); !follows || r.Deployed.Revision == "" {
		return
	}
	commit, err := s.git.Resolve(r.Deployed.Revision)
	if err != nil {
		return // Approved since the last fetch: the id says enough.
	}
	if record, err := readApproval(commit, env); err == nil {
		r.Deployed.Approval = record.Number
	}
}

// drift counts the commits since from that change a release.
func (s *survey) drift(env *environment.Environment, release environment.Release, from string) *statusDrift {
	if _, known, err := s.git.Has(from); err != nil || !known {
		s.note("%s: DRIFT is unknown, as commit %s is not in this clone; run git fetch", env.Name, revision.Short(from))
		return nil
	}
	paths := slices.DeleteFunc(delivery.Reads(env, release), func(name string) bool { return name == env.ApprovalFile() })
	paths = append(paths, delivery.ApplicationFile(env, release))
	commits, err := s.git.Log(from, s.at.state.Commit, paths...)
	if err != nil {
		s.note("%s: DRIFT is unknown: %v", env.Name, err)
		return nil
	}
	drift := &statusDrift{Commits: len(commits)}
	if len(commits) > 0 {
		drift.Since = commits[0].Time
	}
	return drift
}
