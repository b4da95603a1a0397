package tracing

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gitlab.com/towpath/towpath/service/config"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestUploadTriesAgain(t *testing.T) {
	tests := []struct {
		name     string
		statuses []int // 0 is a broken connection
		tries    int
		took     time.Duration
		ok       bool
	}{
		{"fine", []int{200}, 1, 0, true},
		{"accepted", []int{202}, 1, 0, true},
		{"busy once", []int{503, 200}, 2, time.Second, true},
		{"all that passes", []int{0, 429, 504, 200}, 4, 7 * time.Second, true},
		{"in vain", []int{502, 502, 502, 502, 200}, 4, 7 * time.Second, false},
		{"refused", []int{400, 200}, 1, 0, false},
		{"not allowed", []int{401, 200}, 1, 0, false},
		{"moved", []int{307, 200}, 1, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := newUploader(config.Tracing{Endpoint: "http://user:hunter2@h"})
				n := 0
				u.client.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
					status := tt.statuses[n]
					n++
					if status == 0 {
						return nil, io.ErrUnexpectedEOF
					}
					return &http.Response{StatusCode: status, Body: http.NoBody, Header: http.Header{"Location": {"http://elsewhere/"}}}, nil
				})
				start := time.Now()
				err := u.UploadTraces(context.Background(), nil)
				if (err == nil) != tt.ok || n != tt.tries || time.Since(start) != tt.took {
					t.Errorf("%v after %d tries and %v", err, n, time.Since(start))
				}
				if err != nil && strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// A pause ends with the process's patience.
func TestUploadIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUploader(config.Tracing{Endpoint: "http://h"})
		u.client.Transport = roundTrip(func(*http.Request) (*http.Response, error) { return nil, io.EOF })
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := u.UploadTraces(ctx, nil); err == nil || time.Since(start) != 100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// An answer without end is not read to its end.
func TestUploadBoundsTheAnswer(t *testing.T) {
	var sent atomic.Int64
	to := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 64<<10)
		for {
			n, err := w.Write(chunk)
			if err != nil {
				return
			}
			sent.Add(int64(n))
		}
	}))
	defer to.Close()
	if err := newUploader(config.Tracing{TracesEndpoint: to.URL}).UploadTraces(context.Background(), nil); err != nil {
		t.Error(err)
	}
	to.Close() // waits for the handler, which ends only if the connection does
}
