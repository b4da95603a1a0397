package shout_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"gitlab.com/towpath/towpath/service/shout"
	"gitlab.com/towpath/towpath/service/workload"
)

// system is an upper-casing system for tests. It counts what it is asked, and answers as it
// should unless it is told otherwise.
type system struct {
	*httptest.Server
	asked  atomic.Int64
	answer atomic.Value // http.HandlerFunc
}

func newSystem(t testing.TB, answer http.HandlerFunc) *system {
	t.Helper()
	s := new(system)
	s.answer.Store(answer)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.answer.Load().(http.HandlerFunc)(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *system) wantAsked(t *testing.T, want int64) {
	t.Helper()
	if got := s.asked.Load(); got != want {
		t.Errorf("asked %d times, want %d", got, want)
	}
}

// upperCase is how the system answers.
func upperCase(w http.ResponseWriter, r *http.Request) {
	var request map[string]string
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil || len(request) != 1 {
		http.Error(w, "bad", 400)
		return
	}
	input := request["INPUT"]
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{"INPUT": input, "OUTPUT": strings.ToUpper(input)})
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// metric adds up the series of a metric that have this label value.
func metric(t testing.TB, w workload.Workload, name, value string) (sum float64) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(w.Metrics...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.Metric {
			for _, label := range m.Label {
				if label.GetValue() == value {
					sum += m.Counter.GetValue()
				}
			}
			if len(m.Label) == 0 {
				sum += m.Gauge.GetValue() + float64(m.Histogram.GetSampleCount())
			}
		}
	}
	return sum
}

func TestUpstream(t *testing.T) {
	up := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" || r.URL.Path != "/V1/SHOUT" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got %s %s %s", r.Method, r.URL, r.Header)
		}
		body, _ := io.ReadAll(r.Body)
		if string(body) != `{"INPUT":">\"ßtset"}` {
			t.Errorf("got %s", body)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		upperCase(w, r)
	})
	w := shout.New(shout.Options{URL: up.URL + "/V1/SHOUT"})
	serveWorkload(t, w).want(`testß">`, 200, `{"data":">\"ßTSET"}`) // the system's upper case, not ours
	if got := metric(t, w, "shout_upstream_requests_total", "ok"); got != 1 {
		t.Errorf("counted %v", got)
	}
	if got := metric(t, w, "shout_upstream_request_duration_seconds", ""); got != 1 {
		t.Errorf("timed %v", got)
	}
	if problems, err := testutil.GatherAndLint(registry(w)); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

func registry(w workload.Workload) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(w.Metrics...)
	return r
}

// Answers that are no answers, how often each is asked for, and how it is counted.
func TestBadUpstream(t *testing.T) {
	elsewhere := newSystem(t, upperCase)
	breakOff := func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := w.(http.Hijacker).Hijack()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"OUTPUT\":")
		c.Close()
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		chunk := bytes.Repeat([]byte("x"), 1<<16)
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	redirect := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, status) }
	}
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   string
		asked  int64
		result string
	}{
		{"no OUTPUT", says(200, `{"INPUT":"tset"}`), answerError, 1, "bad_answer"},
		{"null", says(200, `{"OUTPUT":null}`), answerError, 1, "bad_answer"},
		{"number", says(200, `{"OUTPUT":1}`), answerError, 1, "bad_answer"},
		{"lower case", says(200, `{"output":"TSET"}`), answerError, 1, "bad_answer"},
		{"array", says(200, `["TSET"]`), answerError, 1, "bad_answer"},
		{"empty", says(200, ``), answerError, 1, "bad_answer"},
		{"no content", says(204, ``), answerError, 1, "bad_answer"},
		{"page", says(200, `<html>Sign in to the network</html>`), answerError, 1, "bad_answer"},
		{"not UTF-8", says(200, "{\"OUTPUT\":\"\xff\"}"), answerError, 1, "bad_answer"},
		{"endless", endless, answerError, 1, "bad_answer"},
		{"moved", redirect(301), contactError, 1, "status"},
		{"moved with body", redirect(307), contactError, 1, "status"},
		{"refused", says(400, `{"OUTPUT":"TSET"}`), contactError, 1, "status"},
		{"not found", says(404, ``), contactError, 1, "status"},
		{"failed", says(500, `{"OUTPUT":"TSET"}`), contactError, 4, "status"},
		{"busy", says(503, ``), contactError, 4, "status"},
		{"too many", says(429, ``), contactError, 4, "status"},
		{"broken off", breakOff, contactError, 4, "unreachable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			up := newSystem(t, tt.answer)
			w := shout.New(shout.Options{URL: up.URL})
			s := serveWorkload(t, w)
			s.want("test", 500, tt.want)
			up.wantAsked(t, tt.asked)
			if got := metric(t, w, "shout_upstream_requests_total", tt.result); got != float64(tt.asked) {
				t.Errorf("counted %v", got)
			}
			elsewhere.wantAsked(t, 0)

			// Nothing of it was remembered.
			up.answer.Store(http.HandlerFunc(upperCase))
			s.want("test", 200, `{"data":"TSET"}`)
		})
	}
}

func TestUpstreamThatIsNotThere(t *testing.T) {
	up := newSystem(t, upperCase)
	address := strings.Replace(up.URL, "http://", "http://user:hunter2@", 1) + "/?key=s3cret"
	up.Close()
	s := serve(t, shout.Options{URL: address})
	s.want("a private text", 500, contactError)
	log := s.log.String()
	if !strings.Contains(log, "refused") {
		t.Errorf("the log does not say why: %s", log)
	}
	for _, secret := range []string{"hunter2", "s3cret", "private", "etavirp"} {
		if strings.Contains(log, secret) {
			t.Errorf("%s is in the log: %s", secret, log)
		}
	}
}

// Three failures of different kinds are no failure.
func TestFlakyUpstream(t *testing.T) {
	var n atomic.Int64
	up := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) {
		case 1:
			says(502, "")(w, r)
		case 2:
			panic(http.ErrAbortHandler) // the connection breaks
		case 3:
			says(429, "")(w, r)
		default:
			upperCase(w, r)
		}
	})
	serve(t, shout.Options{URL: up.URL}).want("test", 200, `{"data":"TSET"}`)
	up.wantAsked(t, 4)
}

// A system that hangs is left after two seconds in all.
func TestSlowUpstream(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	up := newSystem(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	})
	defer close(hang)
	w := shout.New(shout.Options{URL: up.URL})
	s := serveWorkload(t, w)
	start := time.Now()
	s.want("test", 500, contactError)
	if took := time.Since(start); took < time.Second || took > 4*time.Second {
		t.Errorf("it took %v", took)
	}
	if got := metric(t, w, "shout_upstream_requests_total", "timeout"); got != 2 {
		t.Errorf("counted %v", got)
	}
}

// A large text with all that makes answers grow is no reason to distrust the answer.
func TestLargeAnswer(t *testing.T) {
	up := newSystem(t, func(w http.ResponseWriter, r *http.Request) {
		var request struct{ INPUT string }
		json.NewDecoder(r.Body).Decode(&request)
		var escaped strings.Builder
		for range len(request.INPUT) {
			escaped.WriteString(`\u0041`)
		}
		fmt.Fprintf(w, `{"INPUT":"%s","OUTPUT":"%s"}`, &escaped, &escaped)
	})
	s := serve(t, shout.Options{URL: up.URL})
	text := strings.Repeat("a", 500_000)
	s.want(text, 200, `{"data":"`+strings.ToUpper(text)+`"}`)
}

func TestUnhealthy(t *testing.T) {
	up := newSystem(t, upperCase)
	s := serve(t, shout.Options{URL: up.URL})
	check := func(status int, want string) {
		t.Helper()
		if answer, body := s.send("GET", "/health", "", nil); answer.StatusCode != status || body != want {
			t.Errorf("got %d %s, want %d %s", answer.StatusCode, body, status, want)
		}
	}
	s.want("test", 200, `{"data":"TSET"}`)
	check(200, "success")
	up.wantAsked(t, 2) // not the cached answer
	up.answer.Store(says(404, ""))
	check(500, contactError)
	up.answer.Store(says(200, `{}`))
	check(500, answerError)
	up.answer.Store(says(200, `{"OUTPUT":"SOMETHING ELSE"}`))
	check(500, answerError)
	if answer, _ := s.send("GET", "/readyz", "", nil); answer.StatusCode != 200 {
		t.Error("a probe depends on another system")
	}
}
