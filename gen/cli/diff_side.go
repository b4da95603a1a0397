package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"gitlab.com/towpath/towpath/gen/affected"
	"gitlab.com/towpath/towpath/gen/chart"
	"gitlab.com/towpath/towpath/gen/diff"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/finding"
	"gitlab.com/towpath/towpath/gen/manifest"
	"gitlab.com/towpath/towpath/gen/parallel"
	"gitlab.com/towpath/towpath/gen/render"
	"gitlab.com/towpath/towpath/gen/revision"
)

// side is one state of the repository on its way to be compared.
type side struct {
	state diff.State
	repo  fs.FS
	// names are the environments to load, and folders those of their folders that matter,
	// nil if all do.
	names    []string
	folders  []environment.Folder
	envs     []*environment.Environment
	loaded   bool
	renderer *render.Renderer

	mu      sync.Mutex
	objects map[string]map[string][]manifest.Object
	// tool and again are as in [diff.Side].
	tool  string
	again map[string]map[string][]manifest.Object
}

func (s *side) describe() string {
	if s.state.Commit == "" {
		return s.state.Name
	}
	if strings.HasPrefix(s.state.Commit, s.state.Name) {
		return "commit " + revision.Short(s.state.Commit)
	}
	return fmt.Sprintf("%s (%s)", s.state.Name, revision.Short(s.state.Commit))
}

func (s *side) diffSide() diff.Side {
	return diff.Side{State: s.state, Repo: s.repo, Environments: s.envs, Objects: s.objects, Tool: s.tool, Again: s.again}
}

// load loads the environments, once.
func (s *side) load(load func(*side) (*environment.Set, error)) error {
	if s.loaded || len(s.names) == 0 {
		return nil
	}
	set, err := load(s)
	if err != nil {
		return err
	}
	s.envs, s.loaded = set.Environments, true
	return nil
}

func (s *side) keep(env, release string, objects []manifest.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects[env] == nil {
		s.objects[env] = map[string][]manifest.Object{}
	}
	s.objects[env][release] = objects
}

// sideError is what is wrong with one side of a pair, or both.
type sideError struct{ sides []failedSide }

type failedSide struct {
	side *side
	err  error
}

func (e *sideError) Error() string {
	var errs []error
	for _, s := range e.sides {
		errs = append(errs, fmt.Errorf("%s: %w", s.side.describe(), s.err))
	}
	return errors.Join(errs...).Error()
}

// pair is two states to compare.
type pair struct {
	from, to *side
	jobs     []*renderJob
	// differs are the values that are not compared: the state before takes those
	// of the new one; see [environment.Environment].
	differs []string
	// changed are the files that differ, nil until somebody asks; see changedFiles.
	changed []string
	// untouched is the number of folders of teams that no changed file can touch. They
	// are not loaded.
	untouched int
	// oneState tells that both sides are of the same state of the repository.
	oneState bool
	// approvals are the records that the state before takes over; see shareApproval.
	approvals map[*environment.Environment][]byte
}

// same reports whether a folder is known to be equal on both sides: one of [affected.Dirs],
// or one below.
func (p *pair) same(name string) bool {
	if p.changed != nil {
		return !affected.AnyBelow(p.changed, name)
	}
	if from, ok := p.from.repo.(*revision.FS); ok {
		return from.Same(p.to.repo, name)
	}
	return p.oneState
}

// load loads the environments of both sides at once, or those of one if the CUE
// of both is the same.
func (p *pair) load(load func(*side) (*environment.Set, error)) error {
	var errs [2]error
	if slices.Equal(p.from.names, p.to.names) && p.same(environment.Dir) {
		errs[1] = p.to.load(load)
		p.from.envs = p.to.envs
	} else {
		var group sync.WaitGroup
		group.Go(func() { errs[0] = p.from.load(load) })
		group.Go(func() { errs[1] = p.to.load(load) })
		group.Wait()
	}
	var failed sideError
	for i, s := range []*side{p.from, p.to} {
		if errs[i] != nil {
			failed.sides = append(failed.sides, failedSide{s, errs[i]})
		}
	}
	if len(failed.sides) > 0 {
		return &failed
	}
	return nil
}

// renderJob is one release of one side, or of both if nothing that it is made
// from differs.
type renderJob struct {
	sides    []*side
	env      *environment.Environment
	release  environment.Release
	request  chart.Release
	renderer *render.Renderer
	err      error
}

// plan lists the releases to render.
func (p *pair) plan() {
	for _, s := range []*side{p.from, p.to} {
		s.renderer = render.New(s.repo)
		s.objects = map[string]map[string][]manifest.Object{}
		for _, env := range s.envs {
			for _, release := range env.Releases {
				p.jobs = append(p.jobs, &renderJob{sides: []*side{s}, env: env, release: release})
			}
		}
	}
}

// render renders the releases, as many at once as jobs says, and tells progress
// how many are done.
func (p *pair) render(jobs int, progress func(done int)) error {
	p.request(jobs)
	if err := p.failures(); err != nil {
		return err
	}
	if err := p.join(); err != nil {
		return err
	}
	var done atomic.Int64
	p.each(jobs, func(j *renderJob) {
		var objects []manifest.Object
		objects, j.err = j.renderer.Objects(j.env, j.release, j.request)
		for _, s := range j.sides {
			s.keep(j.env.Name, j.release.Name, objects)
		}
		progress(int(done.Add(int64(len(j.sides)))))
	})
	return p.failures()
}

// request asks for what the releases are rendered with.
func (p *pair) request(jobs int) {
	p.each(jobs, func(j *renderJob) {
		j.renderer = j.sides[0].renderer
		j.request, j.err = j.renderer.Request(j.env, j.release)
	})
}

func (p *pair) each(jobs int, do func(*renderJob)) {
	// Each job keeps its own error, so that all are reported.
	parallel.Each(jobs, len(p.jobs), func(i int) { do(p.jobs[i]) })
}

// join gives both sides what has to be equal, and leaves one job where there
// would be two that do the same.
func (p *pair) join() error {
	var failed error
	type key struct{ env, release string }
	before := map[key]*renderJob{}
	for _, j := range p.jobs {
		if j.sides[0] == p.from {
			before[key{j.env.Name, j.release.Name}] = j
		}
	}
	equal := map[string]bool{} // charts that are the same on both sides
	p.jobs = slices.DeleteFunc(p.jobs, func(j *renderJob) bool {
		from := before[key{j.env.Name, j.release.Name}]
		if j == from || from == nil {
			return false
		}
		if shareApproval(&from.request, &j.request) {
			if p.approvals == nil {
				p.approvals = map[*environment.Environment][]byte{}
			}
			p.approvals[from.env] = from.request.Values[1]
		}
		if err := fold(p.differs, j.release.Name, &from.request, &j.request); err != nil {
			failed = err
		}
		if from.release.Chart != j.release.Chart {
			return false
		}
		same, known := equal[j.release.Chart]
		if !known {
			same = p.same(path.Join(chart.Dir, j.release.Chart))
			equal[j.release.Chart] = same
		}
		if !same {
			return false
		}
		from.renderer = j.renderer // It then loads the chart once.
		if !sameRequest(from.request, j.request) {
			return false
		}
		from.sides = append(from.sides, j.sides...)
		return true
	})
	return failed
}

// shareApproval gives the approval record to the side that has none, and reports
// whether that was the one before. It stands on approval branches alone, and the
// commit that is approved next gets one as well: that main has none is no difference.
func shareApproval(before, after *chart.Release) bool {
	switch {
	case len(before.Values) == 2 && len(after.Values) == 1:
		after.Values = append(after.Values, before.Values[1])
	case len(after.Values) == 2 && len(before.Values) == 1:
		before.Values = append(before.Values, after.Values[1])
		return true
	}
	return false
}

func sameRequest(a, b chart.Release) bool {
	return a.Name == b.Name && a.Namespace == b.Namespace && a.KubernetesVersion == b.KubernetesVersion &&
		slices.Equal(a.APIVersions, b.APIVersions) && slices.EqualFunc(a.Values, b.Values, bytes.Equal)
}

// failures returns what went wrong in the jobs, by side.
func (p *pair) failures() error {
	var failed sideError
	for _, s := range []*side{p.from, p.to} {
		var errs []error
		for _, j := range p.jobs {
			// What is wrong with both is said once, of the new one.
			if j.err != nil && j.sides[len(j.sides)-1] == s {
				errs = append(errs, j.err)
			}
		}
		if len(errs) > 0 {
			failed.sides = append(failed.sides, failedSide{s, joinFindings(errs)})
		}
	}
	if len(failed.sides) > 0 {
		return &failed
	}
	return nil
}

// joinFindings returns one error for many: all findings, or the first that is none.
func joinFindings(errs []error) error {
	var all finding.List
	for _, err := range errs {
		findings, rest := finding.From(err)
		if rest != nil {
			return rest
		}
		all = append(all, findings...)
	}
	return all.Err()
}
