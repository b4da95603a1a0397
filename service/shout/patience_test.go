package shout

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// In a bubble of testing/synctest time stands still until everyone waits, and then jumps: these
// tests are exact to the nanosecond and take none of our time.

// roundTrip is a system that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{}}
}

var errRefused = errors.New("connection refused")

func TestPauses(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Time
			u := newUpstream("http://h", roundTrip(func(*http.Request) (*http.Response, error) {
				at = append(at, time.Now())
				return nil, errRefused
			}))
			if _, err := u.Upper(context.Background(), "a"); !errors.Is(err, errContact) || !errors.Is(err, errRefused) {
				t.Errorf("got %v", err)
			}
			if len(at) != 4 {
				t.Fatalf("%d tries", len(at))
			}
			for i, middle := range []time.Duration{100, 200, 400} {
				middle *= time.Millisecond
				if pause := at[i+1].Sub(at[i]); pause < middle/2 || pause >= middle*3/2 {
					t.Errorf("pause %d was %v", i+1, pause)
				}
			}
		})
	}
}

func TestBudget(t *testing.T) {
	tests := []struct {
		name         string
		slow         time.Duration // each try takes that long, and then fails
		least, most  time.Duration
		fewest, many int
	}{
		{"at once", 0, 350 * time.Millisecond, 1050 * time.Millisecond, 4, 4},
		{"slow", 400 * time.Millisecond, 1150 * time.Millisecond, 2 * time.Second, 3, 4},
		{"just in time", 999 * time.Millisecond, 2 * time.Second, 2 * time.Second, 2, 2},
		{"never", time.Hour, 2 * time.Second, 2 * time.Second, 2, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				u := newUpstream("http://h", roundTrip(func(r *http.Request) (*http.Response, error) {
					n++
					select {
					case <-time.After(tt.slow):
						return answer(503, ""), nil
					case <-r.Context().Done():
						return nil, r.Context().Err()
					}
				}))
				start := time.Now()
				if _, err := u.Upper(context.Background(), "a"); !errors.Is(err, errContact) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(start); took < tt.least || took > tt.most || n < tt.fewest || n > tt.many {
					t.Errorf("%d tries in %v", n, took)
				}
			})
		})
	}
}

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, well := 0, false
		u := newUpstream("http://h", roundTrip(func(*http.Request) (*http.Response, error) {
			asked++
			if !well {
				return answer(503, ""), nil
			}
			return answer(200, `{"OUTPUT":"A"}`), nil
		}))
		ctx := context.Background()
		for range 10 {
			u.Upper(ctx, "a")
		}
		if asked != failuresToOpen {
			t.Fatalf("asked %d times before the breaker opened", asked)
		}
		start := time.Now()
		if _, err := u.Upper(ctx, "a"); !errors.Is(err, errContact) || time.Since(start) != 0 {
			t.Errorf("open: %v after %v", err, time.Since(start))
		}
		<-time.After(restTime + 1)
		if _, err := u.Upper(ctx, "a"); err == nil || asked != failuresToOpen+1 {
			t.Errorf("on trial: %v, asked %d times", err, asked)
		}
		<-time.After(restTime + 1)
		well = true
		for range 2 {
			if got, err := u.Upper(ctx, "a"); got != "A" || err != nil {
				t.Errorf("well again: %s, %v", got, err)
			}
		}
	})
}

// One client's texts that the system refuses do not keep others from it.
func TestRefusalsDoNotOpenTheBreaker(t *testing.T) {
	for _, refusal := range []*http.Response{answer(400, ""), answer(302, ""), answer(200, "{}")} {
		refuse := true
		u := newUpstream("http://h", roundTrip(func(*http.Request) (*http.Response, error) {
			if refuse {
				return refusal, nil
			}
			return answer(200, `{"OUTPUT":""}`), nil
		}))
		for range 5 * failuresToOpen {
			if _, err := u.Upper(context.Background(), "a"); err == nil {
				t.Fatal("it was not refused")
			}
		}
		refuse = false
		if _, err := u.Upper(context.Background(), "a"); err != nil {
			t.Error(err)
		}
	}
}
