package cli_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"

	"gitlab.com/towpath/towpath/service/cli/clitest"
)

// The spans of the last requests leave before the process does.
func TestTracesAreSentAtTheEnd(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []byte
	to := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/v1/traces" {
			got = append(got, body...)
		}
	}))
	defer to.Close()
	p := clitest.Launch(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+to.URL, "DRAIN_DELAY=0")
	p.Listening(t)
	if _, _, err := get("http://" + p.Addr + "/dynamic"); err != nil {
		t.Fatal(err)
	}
	p.Signal(t, syscall.SIGTERM)
	if code := p.ExitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	mu.Lock()
	defer mu.Unlock()
	if !bytes.Contains(got, []byte("GET /dynamic")) {
		t.Errorf("got %d bytes without the request's span", len(got))
	}
}
