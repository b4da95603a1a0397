package shout_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"gitlab.com/towpath/towpath/service/build"
	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/home"
	"gitlab.com/towpath/towpath/service/logging"
	"gitlab.com/towpath/towpath/service/server"
	"gitlab.com/towpath/towpath/service/shout"
	"gitlab.com/towpath/towpath/service/workload"
	"gitlab.com/towpath/towpath/service/workload/workloadtest"
)

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"

	parseError   = `{"error":"Data was not able to be parsed from request. Please try again."}`
	contactError = `{"error":"Failed to contact shoutcloud api"}`
	answerError  = `{"error":"shoutcloud api gave back bad response"}`
)

// service is the workload as it is served, beside home, which owns GET /.
type service struct {
	t      testing.TB
	server *server.Server
	log    *lines
}

type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func serve(t testing.TB, o shout.Options) *service {
	t.Helper()
	return serveWorkload(t, shout.New(o))
}

func serveWorkload(t testing.TB, w workload.Workload) *service {
	t.Helper()
	cfg, err := config.Load(func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	log := new(lines)
	s, err := server.New(cfg, logging.New(log, "json", slog.LevelInfo), build.Info{}, home.New(nil), w)
	if err != nil {
		t.Fatal(err)
	}
	return &service{t, s, log}
}

func (s *service) send(method, path, contentType string, body []byte) (*http.Response, string) {
	s.t.Helper()
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return workloadtest.Send(s.t, s.server.App(), r)
}

// want posts a text and compares the answer.
func (s *service) want(text string, status int, body string) {
	s.t.Helper()
	request, _ := json.Marshal(map[string]string{"data": text})
	answer, got := s.send("POST", "/v1", jsonType, request)
	if answer.StatusCode != status || got != body {
		s.t.Errorf("%q: got %d %s, want %d %s", text, answer.StatusCode, got, status, body)
	}
}

func TestShout(t *testing.T) {
	s := serve(t, shout.Options{})
	tests := []struct{ contentType, body, want string }{
		{jsonType, `{"data": "test"}`, "TSET"},
		{jsonType + "; charset=utf-8", `{"data": "test"}`, "TSET"},
		{"Application/JSON ;charset=UTF-8", `{"data": "test"}`, "TSET"},
		{jsonType + "; charset", `{"data": "test"}`, "TSET"},
		{jsonType, `{"data": ""}`, ""},
		{jsonType, `{"other": [1, {"data": 2}], "data": "ab", "DATA": 3, "Data": null}`, "BA"},
		{jsonType, `{"data": "first", "data": "b"}`, "B"},
		{jsonType, "\n {\"data\" : \"\\u00df\\n\" } \n", "\nSS"},
		{jsonType, `{"data": "straße"}`, "ESSARTS"},
		{jsonType, `{"data": "\ufb01 \u0149 \u0390 \u01f0 \u0131 \u03c2"}`, "\u03a3 I J\u030c \u0399\u0308\u0301 \u02bcN FI"},
		{jsonType, `{"data": "日本語 🦆"}`, "🦆 語本日"},
		{jsonType, `{"data": "e\u0301"}`, "\u0301E"}, // by code point, whatever it looks like
		{jsonType, `{"data": "<b>&\"\\\u0000\u2028"}`, "\u2028\x00\\\"&>B<"},
		{jsonType, `{"data": "\ud800"}`, "\ufffd"},
		{formType, `data=test`, "TSET"},
		{formType + "; charset=utf-8", `data=test`, "TSET"},
		{formType, `data=`, ""},
		{formType, `data`, ""},
		{formType, `a=1&data=x+y%20z%2B%26&b`, "&+Z Y X"},
		{formType, `data=one&data=two`, "ENO"},
		{formType, `data=a;b=c`, "C=B;A"},
		{formType, `%64ata=x`, "X"},
		{formType, `data=stra%C3%9Fe`, "ESSARTS"},
		{formType, `data=%F0%9F%A6%86a`, "A🦆"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%.60s", tt.body), func(t *testing.T) {
			for _, path := range []string{"/", "/v1", "/v1/"} {
				answer, body := s.send("POST", path, tt.contentType, []byte(tt.body))
				var got map[string]string
				if err := json.Unmarshal([]byte(body), &got); err != nil || answer.StatusCode != 200 {
					t.Fatalf("%s: got %d %s", path, answer.StatusCode, body)
				}
				if text, ok := got["data"]; text != tt.want || !ok || len(got) != 1 {
					t.Errorf("%s: got %s, want %q", path, body, tt.want)
				}
				if got := answer.Header.Get("Content-Type"); got != jsonType {
					t.Errorf("got %s", got)
				}
			}
		})
	}
	if _, body := s.send("POST", "/", jsonType, []byte(`{"data": "test"}`)); body != `{"data":"TSET"}` {
		t.Errorf("not the form that clients know: %s", body)
	}
}

func TestRefused(t *testing.T) {
	s := serve(t, shout.Options{})
	tests := []struct{ contentType, body string }{
		{jsonType, ``},
		{jsonType, `{}`},
		{jsonType, `{"Data": "x"}`},
		{jsonType, `{"DATA": "x"}`},
		{jsonType, `{"data": null}`},
		{jsonType, `{"data": 1}`},
		{jsonType, `{"data": true}`},
		{jsonType, `{"data": ["x"]}`},
		{jsonType, `{"data": {"data": "x"}}`},
		{jsonType, `{"data": "x"`},
		{jsonType, `{"data": "x"} {}`},
		{jsonType, `{'data': 'x'}`},
		{jsonType, "{\"data\": \"\xff\"}"},
		{jsonType, "{\"data\": \"a\nb\"}"},
		{jsonType, `[]`},
		{jsonType, `null`},
		{jsonType, `"data"`},
		{jsonType, `data=test`},
		{jsonType, strings.Repeat(`{"data":`, 100_000)},
		{formType, ``},
		{formType, `{"data": "test"}`},
		{formType, `Data=x`},
		{formType, `datax=x`},
		{formType, `=x`},
		{formType, `data=%`},
		{formType, `data=%zz`},
		{formType, `data=x&other=%zz`},
		{formType, `data=%FF`},
		{formType, `data=%C3`},
		{formType, "data=\xff"},
		{"", `{"data": "test"}`},
		{"text/plain", `{"data": "test"}`},
		{"text/json", `{"data": "test"}`},
		{"application/jsonp", `{"data": "test"}`},
		{"application/problem+json", `{"data": "test"}`},
		{"json", `{"data": "test"}`},
		{"/", `{"data": "test"}`},
		{"text/plain; a=application/json", `{"data": "test"}`},
		{"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\nx\r\n--b--\r\n"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %.40q", tt.contentType, tt.body), func(t *testing.T) {
			answer, body := s.send("POST", "/v1/", tt.contentType, []byte(tt.body))
			if answer.StatusCode != 400 || body != parseError || answer.Header.Get("Content-Type") != jsonType {
				t.Errorf("got %d %s", answer.StatusCode, body)
			}
		})
	}
}

// A body that says it is compressed is not unpacked: it could become any size.
func TestCompressedBody(t *testing.T) {
	s := serve(t, shout.Options{})
	r := httptest.NewRequest("POST", "/", strings.NewReader(`{"data":"x"}`))
	r.Header.Set("Content-Type", jsonType)
	r.Header.Set("Content-Encoding", "gzip")
	if answer, _ := workloadtest.Send(t, s.server.App(), r); answer.StatusCode >= 500 {
		t.Errorf("got %d", answer.StatusCode)
	}
}

func TestRoutes(t *testing.T) {
	s := serve(t, shout.Options{})
	tests := []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/", 200, ""},
		{"PUT", "/", 405, "GET, HEAD, POST"},
		{"GET", "/v1", 405, "POST"},
		{"GET", "/v1/", 405, "POST"},
		{"POST", "/v1//", 404, ""},
		{"POST", "/V1", 404, ""},
		{"POST", "/v1/x", 404, ""},
		{"POST", "/v2", 404, ""},
		{"HEAD", "/health", 200, ""},
		{"POST", "/health", 405, "GET, HEAD"},
		{"GET", "/health/", 404, ""},
	}
	for _, tt := range tests {
		answer, body := s.send(tt.method, tt.path, jsonType, []byte(`{"data":"x"}`))
		if answer.StatusCode != tt.status || answer.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: got %d, Allow %q: %s", tt.method, tt.path, answer.StatusCode, answer.Header.Get("Allow"), body)
		}
	}
	if _, body := s.send("GET", "/", "", nil); body != `{"link":"/dynamic"}` {
		t.Errorf("GET / is not home's any more: %s", body)
	}
}

func TestHealth(t *testing.T) {
	answer, body := serve(t, shout.Options{}).send("GET", "/health", "", nil)
	if answer.StatusCode != 200 || body != "success" || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %q %v", answer.StatusCode, body, answer.Header)
	}
}

// The largest body that the service takes, of the letter that grows most.
func TestLargeText(t *testing.T) {
	s := serve(t, shout.Options{})
	const n = 200_000
	answer, body := s.send("POST", "/", jsonType, []byte(`{"data":"`+strings.Repeat("ΐ", n)+`"}`))
	if answer.StatusCode != 200 || utf8.RuneCountInString(body) != len(`{"data":""}`)+3*n {
		t.Errorf("got %d with %d bytes", answer.StatusCode, len(body))
	}
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"data":"test"}`, `{"data":"\ud83e\udd86"}`, `{"data":null}`, `[]`, `{"a":{"data":"x"}}`, "{\"data\":\"\xff\"}"} {
		f.Add([]byte(seed))
	}
	s := serve(f, shout.Options{})
	f.Fuzz(func(t *testing.T, body []byte) { s.hold(t, jsonType, body) })
}

func FuzzForm(f *testing.F) {
	for _, seed := range []string{`data=test`, `a=b&data=%F0%9F%A6%86`, `data=a;b`, `data=%`, `&&=&data`, "data=\xff"} {
		f.Add([]byte(seed))
	}
	s := serve(f, shout.Options{})
	f.Fuzz(func(t *testing.T, body []byte) { s.hold(t, formType, body) })
}

// hold checks what is true of every answer.
func (s *service) hold(t *testing.T, contentType string, body []byte) {
	s = &service{t, s.server, s.log} // a fuzz target has a t of its own
	answer, got := s.send("POST", "/", contentType, body)
	switch answer.StatusCode {
	case 400:
		if got != parseError {
			t.Errorf("got %s", got)
		}
	case 200:
		var object map[string]string
		if err := json.Unmarshal([]byte(got), &object); err != nil || len(object) != 1 || !utf8.ValidString(got) {
			t.Errorf("got %s: %v", got, err)
		}
	default:
		t.Errorf("got %d %s", answer.StatusCode, got)
	}
}

// What is upper case already comes back as it was after two turns.
func FuzzTwice(f *testing.F) {
	f.Add("Straße")
	f.Add("ŉ🦆")
	s := serve(f, shout.Options{})
	f.Fuzz(func(t *testing.T, text string) {
		once := s.data(t, text)
		if twice := s.data(t, s.data(t, once)); twice != once {
			t.Errorf("%q became %q and then %q", text, once, twice)
		}
	})
}

func (s *service) data(t *testing.T, text string) string {
	s = &service{t, s.server, s.log}
	request, _ := json.Marshal(map[string]string{"data": text})
	_, body := s.send("POST", "/", jsonType, request)
	var answer struct{ Data string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%q: %s", text, body)
	}
	return answer.Data
}
