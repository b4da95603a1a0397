package argocd_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/gen/argocd"
)

func silent() *log.Logger { return log.New(io.Discard, "", 0) }

// script serves states one after the other, the last one for ever, and notes what
// was asked for.
type script struct {
	mu     sync.Mutex
	states []string
	asked  []string
}

// state is an answer in Argo CD's words, or an HTTP status.
func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.URL.Query().Get("refresh"))
	state := s.states[0]
	if len(s.states) > 1 {
		s.states = s.states[1:]
	}
	switch state {
	case "missing":
		http.Error(w, `{"error":"not found","code":5}`, http.StatusNotFound)
	case "broken":
		w.WriteHeader(http.StatusInternalServerError)
	case "denied":
		w.WriteHeader(http.StatusUnauthorized)
	default:
		sync, health, _ := strings.Cut(state, "/")
		fmt.Fprintf(w, `{"metadata":{"namespace":"argocd-stage","name":"service"},
			"status":{"sync":{"status":%q},"health":{"status":%q},"reconciledAt":%q}}`,
			sync, health, time.Now().UTC().Format(time.RFC3339Nano))
	}
}

func wait(t *testing.T, states ...string) (*script, []string, argocd.Application, error) {
	t.Helper()
	s := &script{states: states}
	client := serve(t, s.ServeHTTP)
	client.Every = time.Millisecond
	var reported []string
	// Long beyond what it takes: who needs it has stopped looking.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	app, err := client.Wait(ctx, "argocd-stage", "service", argocd.Application.Ready, func(a argocd.Application) {
		reported = append(reported, a.Sync+"/"+a.Health)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	return s, reported, app, err
}

func TestWait(t *testing.T) {
	t.Parallel()
	s, reported, app, err := wait(t, "missing", "OutOfSync/Healthy", "OutOfSync/Healthy", "broken", "Synced/Progressing", "Synced/Progressing", "Synced/Healthy")
	if err != nil || !app.Ready() {
		t.Errorf("%+v: %v", app, err)
	}
	// Once each; and what could not be refreshed is read as it is.
	if want := []string{"OutOfSync/Healthy", "Synced/Progressing", "Synced/Healthy"}; !slices.Equal(reported, want) {
		t.Errorf("reported %q, want %q", reported, want)
	}
	if want := []string{"normal", "normal", "normal", "normal", "", "normal", "normal"}; !slices.Equal(s.asked, want) {
		t.Errorf("asked with refresh %q, want %q", s.asked, want)
	}
}

func TestWaitGivesUp(t *testing.T) {
	t.Parallel()
	_, _, app, err := wait(t, "OutOfSync/Healthy", "denied")
	if !errors.Is(err, argocd.ErrUnauthorized) || errors.Is(err, context.DeadlineExceeded) || app.Sync != "OutOfSync" {
		t.Errorf("a token that is no longer good: %+v: %v", app, err)
	}

	s := &script{states: []string{"Synced/Degraded", "missing"}}
	client := serve(t, s.ServeHTTP)
	client.Every = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	looked := 0
	app, err = client.Wait(ctx, "argocd-stage", "service", func(argocd.Application) bool {
		looked++
		return false
	}, func(argocd.Application) {
		go func() { // When it has been missing for a while.
			for {
				s.mu.Lock()
				n := len(s.asked)
				s.mu.Unlock()
				if n > 3 {
					cancel()
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
	})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, argocd.ErrNotFound) || app.Health != "Degraded" || looked != 1 {
		t.Errorf("out of time: %+v after %d looks: %v", app, looked, err)
	}
}
