package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"gitlab.com/towpath/towpath/gen/approval"
	"gitlab.com/towpath/towpath/gen/argocd"
	"gitlab.com/towpath/towpath/gen/commit"
	"gitlab.com/towpath/towpath/gen/delivery"
	"gitlab.com/towpath/towpath/gen/environment"
	"gitlab.com/towpath/towpath/gen/report"
	"gitlab.com/towpath/towpath/gen/revision"
)

// waitFor waits until every release runs a commit, or a later one, and is healthy.
// It says on standard error how they come along, and in its error how those are
// that did not.
func (a *app) waitFor(ctx context.Context, o statusOptions, git *revision.Repository, client *argocd.Client, at *side) error {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	known := &lineage{git: git, commits: commit.Open(a.root), wanted: at.state.Commit, verdicts: map[string]bool{}}
	var mu sync.Mutex
	var late []string
	total := 0
	group, ctx := errgroup.WithContext(ctx)
	for _, env := range at.envs {
		for _, release := range env.Releases {
			total++
			name := env.Name + "/" + release.Name
			group.Go(func() error {
				app, err := client.Wait(ctx, delivery.ApplicationNamespace(env.Name), release.Name,
					func(app argocd.Application) bool { return app.Ready() && known.reaches(env, app.Revision) },
					func(app argocd.Application) {
						mu.Lock()
						defer mu.Unlock()
						fmt.Fprintln(a.Err, report.Visible(name+": "+describe(app)))
					})
				if err == nil {
					return nil
				}
				mu.Lock()
				defer mu.Unlock()
				late = append(late, "  "+report.Visible(name+": "+lateState(app, err)))
				if errors.Is(err, argocd.ErrUnauthorized) {
					return err // Nothing that waiting could change.
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if known.problem != nil {
		fmt.Fprintf(a.Err, "what Argo CD runs could not be told from earlier commits: %s\n", report.Visible(known.problem.Error()))
	}
	if len(late) == 0 {
		verb := "run"
		if total == 1 {
			verb = "runs"
		}
		fmt.Fprintf(a.Err, "%s %s %s, healthy\n", count(total, "release"), verb, revision.Short(at.state.Commit))
		return nil
	}
	return fmt.Errorf("after %s, %d of %d releases do not run %s, healthy:\n%s",
		o.timeout, len(late), total, revision.Short(at.state.Commit), strings.Join(slices.Sorted(slices.Values(late)), "\n"))
}

// describe says in a line how an Application is.
func describe(app argocd.Application) string {
	text := app.Sync + ", " + app.Health
	if app.Revision != "" {
		text += " at " + revision.Short(app.Revision)
	}
	if app.Syncing {
		text += ", syncing"
	}
	if problems := app.Problems(); len(problems) > 0 && !app.Ready() {
		text += ": " + shorten(strings.Join(problems, "; "))
	}
	return text
}

// lateState says how an Application was last, and why there is nothing newer.
func lateState(app argocd.Application, err error) string {
	text := "never seen"
	if app.Name != "" {
		text = describe(app)
	}
	for _, kind := range []error{argocd.ErrNotFound, argocd.ErrUnreachable, argocd.ErrUnauthorized} {
		if errors.Is(err, kind) {
			// That the time is over is said once for all.
			return text + "; " + strings.TrimPrefix(err.Error(), context.DeadlineExceeded.Error()+": ")
		}
	}
	return text
}

// lineage knows which commits have the wanted one in their history.
type lineage struct {
	git     *revision.Repository
	commits *commit.Repository
	wanted  string

	mu       sync.Mutex
	verdicts map[string]bool
	problem  error // why a commit could not be judged
}

// reaches reports whether what an environment runs at a revision is the wanted
// commit or a later one. An approval reaches what it has approved.
func (l *lineage) reaches(env *environment.Environment, rev string) bool {
	if rev == l.wanted {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if verdict, ok := l.verdicts[rev]; ok {
		return verdict
	}
	if !l.find(env, rev) {
		return false // Not for ever: the next fetch may bring it.
	}
	var verdict bool
	var err error
	if _, follows := env.ApprovalBranch(); follows {
		verdict, err = l.approves(env, rev)
	} else {
		verdict, err = l.commits.IsAncestor(l.wanted, rev)
	}
	if err != nil {
		l.problem = err
		return false
	}
	l.verdicts[rev] = verdict
	return verdict
}

// find reports whether a commit is in the clone, after a fetch if it has to be. One
// that was pushed after this clone was made is common in a pipeline.
func (l *lineage) find(env *environment.Environment, rev string) bool {
	if _, ok, err := l.git.Has(rev); err != nil || ok {
		return ok
	}
	if err := l.commits.Fetch("origin", followed(env)); err != nil {
		l.problem = fmt.Errorf("commit %s is not in this clone: %w", revision.Short(rev), err)
		return false
	}
	l.problem = nil
	_, ok, err := l.git.Has(rev)
	return err == nil && ok
}

// approves reports whether a commit is an approval of the wanted commit or of a
// later one, or comes after it if that is an approval itself.
func (l *lineage) approves(env *environment.Environment, rev string) (bool, error) {
	record, err := l.record(env, rev)
	if err != nil {
		return false, err
	}
	if ok, err := l.commits.IsAncestor(l.wanted, record.Commit); err != nil || ok {
		return ok, err
	}
	if _, err := l.record(env, l.wanted); err != nil {
		return false, nil //nolint:nilerr // It is a commit of main.
	}
	return l.commits.IsAncestor(l.wanted, rev)
}

func (l *lineage) record(env *environment.Environment, rev string) (*approval.Record, error) {
	repo, err := l.git.Resolve(rev)
	if err != nil {
		return nil, err
	}
	return readApproval(repo, env)
}
