package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/cli/clitest"
)

func get(url string) (*http.Response, string, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer, string(body), err
}

func refuses(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err == nil {
		c.Close()
	}
	return err != nil
}

func TestServes(t *testing.T) {
	t.Parallel()
	p := clitest.Launch(t, "DRAIN_DELAY=0")
	p.Listening(t)
	for path, want := range map[string]string{
		"/":                `{"link":"/dynamic"}`,
		"/api/fibonacci/8": "[1, 1, 2, 3, 5, 8, 13, 21]",
		"/readyz":          "ok\n",
	} {
		if _, body, err := get("http://" + p.Addr + path); err != nil || body != want {
			t.Errorf("%s: got %q, %v", path, body, err)
		}
	}
	if _, body, err := get("http://" + p.MetricsAddr + "/metrics"); err != nil || !strings.Contains(body, `route="/api/fibonacci/:n",status="200"} 1`) {
		t.Errorf("metrics on their own port: %v\n%s", err, body)
	}
	p.Signal(t, syscall.SIGTERM)
	if code := p.ExitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if p.Stdout.String() != "" {
		t.Errorf("without a startup delay stdout has %q", p.Stdout.String())
	}
}

func TestWorkloadSwitch(t *testing.T) {
	t.Parallel()
	p := clitest.Launch(t, "HOME_ENABLED=false", "PORTAL_ENABLED=false", "SHOUT_ENABLED=false")
	p.Listening(t)
	for path, want := range map[string]int{"/": 404, "/dynamic": 404, "/api/ping": 200} {
		if answer, _, err := get("http://" + p.Addr + path); err != nil || answer.StatusCode != want {
			t.Errorf("%s: got %v, %v", path, answer, err)
		}
	}
}

// An answer of ten megabytes that its client has not read yet is in flight beyond doubt.
func TestSIGTERMWithRequestInFlight(t *testing.T) {
	t.Parallel()
	p := clitest.Launch(t, "DRAIN_DELAY=300ms")
	p.Listening(t)
	c, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(clitest.Patience))
	fmt.Fprintf(c, "GET /api/fibonacci/10000 HTTP/1.1\r\nHost: x\r\n\r\n")
	r := bufio.NewReaderSize(c, 16)
	if _, err := r.Peek(1); err != nil {
		t.Fatal(err)
	}

	p.Signal(t, syscall.SIGTERM)
	clitest.Eventually(t, "readiness to fail while the service still answers", func() bool {
		answer, _, err := get("http://" + p.Addr + "/readyz")
		if err != nil {
			t.Fatalf("the listener closed before readiness failed: %v", err)
		}
		return answer.StatusCode == 503
	})
	if answer, _, err := get("http://" + p.Addr + "/dynamic"); err != nil || answer.StatusCode != 200 || !answer.Close {
		t.Errorf("while draining: %v, %v", answer, err)
	}
	clitest.Eventually(t, "the listener to close", func() bool { return refuses(p.Addr) })

	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, answer.Body)
	if err != nil || n != 10471934 {
		t.Errorf("the answer in flight was cut off: %d bytes, %v", n, err)
	}
	if code := p.ExitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if log := p.Stderr.String(); !strings.Contains(log, `"msg":"stopped"`) {
		t.Errorf("the end of the log is missing: %s", log)
	}
}

// Clients that keep their connections hammer the service while it goes. Every request must be
// answered, until an answer tells its client to leave, as a load balancer would be told.
func TestNoRequestIsLost(t *testing.T) {
	t.Parallel()
	p := clitest.Launch(t, "DRAIN_DELAY=1s")
	p.Listening(t)
	var answered atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			client := http.Client{Transport: &http.Transport{}, Timeout: clitest.Patience}
			defer client.CloseIdleConnections()
			for told := false; !told; answered.Add(1) {
				// POST: net/http would quietly repeat a GET whose connection broke.
				answer, err := client.Post("http://"+p.Addr+"/dynamic", "text/plain", strings.NewReader("x"))
				if err != nil {
					t.Errorf("lost: %v", err)
					return
				}
				if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != 405 {
					t.Errorf("got %d, %v", answer.StatusCode, err)
				}
				answer.Body.Close()
				told = answer.Close
			}
		})
	}
	clitest.Eventually(t, "some load", func() bool { return answered.Load() > 100 })
	p.Signal(t, syscall.SIGTERM)
	clients.Wait()
	if code := p.ExitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSIGINTSkipsTheDelay(t *testing.T) {
	t.Parallel()
	p := clitest.Launch(t, "DRAIN_DELAY=5m")
	p.Listening(t)
	p.Signal(t, os.Interrupt)
	if code := p.ExitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	for second, want := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130} {
		p := clitest.Launch(t, "DRAIN_DELAY=5m")
		p.Listening(t)
		p.Signal(t, syscall.SIGTERM)
		clitest.Eventually(t, "the drain to begin", func() bool { return strings.Contains(p.Stderr.String(), `"msg":"draining"`) })
		p.Signal(t, second)
		if code := p.ExitCode(t); code != want {
			t.Errorf("%v: exit code %d, want %d", second, code, want)
		}
	}
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := clitest.Launch(t, fmt.Sprintf("PORT=%d", l.Addr().(*net.TCPAddr).Port))
	if code := p.ExitCode(t); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if !strings.HasPrefix(p.Stderr.String(), "service: listen on PORT: ") {
		t.Errorf("got %s", p.Stderr.String())
	}
}

func TestSlowBoot(t *testing.T) {
	t.Parallel()
	// Nothing may listen in between, so the test has to know the port beforehand.
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()

	before := time.Now()
	p := clitest.Launch(t, fmt.Sprintf("PORT=%d", port), "STARTUP_DELAY=5", "DRAIN_DELAY=0")
	clitest.Eventually(t, "booting", func() bool { return p.Stdout.String() == "> booting\n" })
	clitest.Eventually(t, "something to listen", func() bool {
		if !refuses(addr) {
			return true
		}
		if out := p.Stdout.String(); out != "> booting\n" && out != "> booting\n> booted\n" {
			t.Fatalf("stdout has %q", out)
		}
		return false
	})
	if took := time.Since(before); took < 5*time.Second {
		t.Errorf("it listened after %v", took)
	}
	clitest.Eventually(t, "booted", func() bool { return p.Stdout.String() == "> booting\n> booted\n" })
	if answer, _, err := get("http://" + addr + "/readyz"); err != nil || answer.StatusCode != 200 {
		t.Errorf("after the boot: %v, %v", answer, err)
	}
	p.Signal(t, syscall.SIGTERM)
	if code := p.ExitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSIGTERMWhileBooting(t *testing.T) {
	t.Parallel()
	p := clitest.Launch(t, "STARTUP_DELAY=15")
	clitest.Eventually(t, "booting", func() bool { return p.Stdout.String() == "> booting\n" })
	before := time.Now()
	p.Signal(t, syscall.SIGTERM)
	if code := p.ExitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(before); took > 10*time.Second {
		t.Errorf("it took %v to give up booting", took)
	}
}
