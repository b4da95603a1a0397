package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestProbe(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			http.Error(w, "draining", http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	host, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	t.Setenv("HOST", host)
	t.Setenv("PORT", port)
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, tt := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"this machine's", nil, 0, ""},
		{"ready", []string{server.URL + "/readyz"}, 0, ""},
		{"not ready", []string{server.URL + "/other"}, 1, "answers 503 Service Unavailable: draining"},
		{"nobody there", []string{gone.URL}, 1, "connection refused"},
		{"two URLs", []string{"a", "b"}, 2, "accepts at most 1 arg"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := Main(append([]string{"probe"}, tt.args...), &out, &errs); code != tt.code || !strings.Contains(errs.String(), tt.want) {
				t.Errorf("exit code %d and %q, want %d and %q", code, errs.String(), tt.code, tt.want)
			}
		})
	}
}
