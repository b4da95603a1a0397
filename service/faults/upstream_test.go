package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/cli/clitest"
)

// upcaser is an upper-casing system that can be made to misbehave.
type upcaser struct {
	*httptest.Server
	mode  atomic.Value
	asked atomic.Int64
}

func newUpcaser(t testing.TB) *upcaser {
	u := &upcaser{}
	u.mode.Store("good")
	ended := make(chan struct{})
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		switch u.mode.Load() {
		case "hangs":
			select {
			case <-r.Context().Done():
			case <-ended:
			}
		case "drips": // headers at once, and then next to nothing
			w.WriteHeader(200)
			for range 100 {
				io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-ended:
					return
				case <-time.After(200 * time.Millisecond):
				}
			}
		case "fails":
			http.Error(w, "panic at /srv/shoutcloud/main.go:12", 500)
		case "garbage":
			io.WriteString(w, "<html>It works!</html>")
		case "no output":
			io.WriteString(w, `{"INPUT":"x"}`)
		case "cuts":
			panic(http.ErrAbortHandler)
		default:
			var in struct{ INPUT string }
			json.Unmarshal(body, &in)
			json.NewEncoder(w).Encode(map[string]string{"INPUT": in.INPUT, "OUTPUT": strings.ToUpper(in.INPUT)})
		}
	}))
	t.Cleanup(func() {
		close(ended)
		u.CloseClientConnections()
		u.Close()
	})
	return u
}

const (
	contactAnswer = `{"error":"Failed to contact shoutcloud api"}`
	badAnswer     = `{"error":"shoutcloud api gave back bad response"}`
	// shoutBudget is the two seconds that the text API may take, and room for a busy machine.
	shoutBudget = 2*time.Second + 3*time.Second
)

// The upper-casing system misbehaves in every way under load. Clients get the two answers they
// know, in time, and none of them is remembered; nothing else suffers.
func TestUpstreamMisbehaves(t *testing.T) {
	t.Parallel()
	upstream := newUpcaser(t)
	p := clitest.Launch(t, "SHOUT_URL="+upstream.URL)
	p.Listening(t)
	base := "http://" + p.Addr
	shout := func(text string) (status int, body string) {
		answer, err := patient.Post(base+"/v1", "application/json", strings.NewReader(`{"data":"`+text+`"}`))
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		defer answer.Body.Close()
		got, err := io.ReadAll(answer.Body)
		if err != nil || answer.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%v %v", answer.Header, err)
		}
		return answer.StatusCode, string(got)
	}
	well := func(text string) bool {
		status, body := shout(text)
		return status == 200 && body == `{"data":"`+shouted(text)+`"}`
	}
	if !well("before") {
		t.Fatal("it does not work to begin with")
	}

	for _, fault := range []struct {
		mode, want string
		opens      bool // the breaker
	}{
		{"no output", badAnswer, false},
		{"garbage", badAnswer, false},
		{"fails", contactAnswer, true},
		{"cuts", contactAnswer, true},
		{"drips", contactAnswer, true},
		{"hangs", contactAnswer, true},
	} {
		upstream.mode.Store(fault.mode)
		ended := make(chan struct{})
		others := make(chan int)
		go func() { others <- unaffected(t, base, ended) }()
		var texts []string
		answered := make(chan struct{})
		for i := range 24 { // more than the failures that open the breaker
			text := fmt.Sprintf("%s %d", fault.mode, i)
			texts = append(texts, text)
			go func() {
				defer func() { answered <- struct{}{} }()
				within(t, shoutBudget, "an answer while it "+fault.mode, func() {
					if status, body := shout(text); status != 500 || body != fault.want {
						t.Errorf("while it %s: %d %s", fault.mode, status, body)
					}
				})
			}()
		}
		for range texts {
			<-answered
		}
		if !well("before") {
			t.Error("what was remembered is forgotten")
		}
		if status, _ := get(t, base+"/readyz"); status != 200 {
			t.Errorf("while it %s /readyz is %d", fault.mode, status)
		}
		if fault.opens {
			metric(t, p, "shout_upstream_breaker_state 2")
			// Nobody asks a system that is taken to be down, so it can get well.
			asked := upstream.asked.Load()
			within(t, shoutBudget, "an answer with an open breaker", func() { shout("nobody asks") })
			if now := upstream.asked.Load(); now > asked+2 {
				t.Errorf("it was asked %d times while taken to be down", now-asked)
			}
		}

		upstream.mode.Store("good")
		clitest.Eventually(t, "it to be asked again", func() bool { return well(texts[0]) })
		for _, text := range texts {
			if !well(text) {
				t.Errorf("the failure of %q was remembered", text)
			}
		}
		metric(t, p, "shout_upstream_breaker_state 0")
		close(ended)
		if n := <-others; n == 0 {
			t.Error("nothing else was asked meanwhile")
		}
	}
}

// unaffected asks another workload until the end, and gives the number of its answers.
func unaffected(t testing.TB, base string, ended <-chan struct{}) (n int) {
	for {
		select {
		case <-ended:
			return n
		default:
		}
		within(t, 5*time.Second, "another workload", func() {
			if status, body := get(t, base+"/"); status != 200 {
				t.Errorf("another workload: %d %s", status, body)
			}
		})
		n++
		time.Sleep(5 * time.Millisecond)
	}
}
