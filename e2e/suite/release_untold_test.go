package suite

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// untold is a commit to main with a new image for stage that nobody tells Argo CD of, so that it may take two minutes to
// see it. TestUntoldCommit pushes it, and the tests that run meanwhile leave stage and the images on main alone.
type untold struct {
	revision, image string
	// done is closed once stage has it, or err says why not. seen and healthy are times after the push.
	done          chan struct{}
	seen, healthy time.Duration
	err           error
}

// waiting is the commit that was pushed and not asked for yet.
var waiting *untold

func pushUntold(t *testing.T) *untold {
	t.Helper()
	eventually(t, 5*time.Minute, delivered("argocd-stage", "service", ""))
	u := &untold{image: otherImage(t, "stage"), done: make(chan struct{})}
	gen(t, "release", "stage", "--release", "service", "--image", u.image)
	u.revision = pushMain(t, "stage: another image")
	go u.watch(time.Now())
	return u
}

// watch looks at stage until it runs the commit.
func (u *untold) watch(pushed time.Time) {
	defer close(u.done)
	for time.Since(pushed) < slack*8*time.Minute {
		if u.err = u.look(pushed); u.err == nil {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
}

func (u *untold) look(pushed time.Time) error {
	found, err := readApplication("argocd-stage", "service")
	if err != nil {
		return err
	}
	// Others may have pushed what is not stage's, from another clone, and then it is at their commit.
	if _, err := tryRun(nil, "git", "cat-file", "-e", found.Status.Sync.Revision+"^{commit}"); err != nil {
		// Its objects alone: somebody else may be fetching branches.
		if _, err := tryRun(nil, "git", "fetch", "--quiet", "--refmap=", "--no-write-fetch-head", "--no-auto-maintenance", "origin", "main"); err != nil {
			return err
		}
	}
	if _, err := tryRun(nil, "git", "merge-base", "--is-ancestor", u.revision, found.Status.Sync.Revision); err != nil {
		return fmt.Errorf("stage is at %s", found)
	}
	if u.seen == 0 {
		u.seen = time.Since(pushed)
	}
	if err := errors.Join(delivered("argocd-stage", "service", "")(), runs("stage", u.image)()); err != nil {
		return err
	}
	u.healthy = time.Since(pushed)
	return nil
}

func TestCommitReachesStage(t *testing.T) {
	happened := tried(t, "a commit to main with a new image reaches stage by itself")
	u := waiting
	if waiting = nil; u == nil {
		u = pushUntold(t)
	}
	<-u.done
	if u.err != nil {
		t.Fatal(u.err)
	}
	happened("Argo CD saw it %s after the push (it asks once a minute), all pods ran it and the Application was Healthy %s after the push", seconds(u.seen), seconds(u.healthy))
}

func TestCommitReachesStageAfterWebhook(t *testing.T) {
	leaveToVariables(t)
	happened := tried(t, "the same, where the Git server tells Argo CD of the push")
	next := otherImage(t, "stage")
	gen(t, "release", "stage", "--release", "service", "--image", next)
	revision := pushMain(t, "stage: another image, told at once")
	start := time.Now()
	refresh(t, "argocd-stage", "service")
	eventually(t, 5*time.Minute, func() error {
		return errors.Join(delivered("argocd-stage", "service", revision)(), runs("stage", next)())
	})
	happened("all pods ran it and the Application was Healthy %s after the push", seconds(time.Since(start)))
}
