package cli_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// process is a running service.
type process struct {
	*exec.Cmd
	addr, metricsAddr string
	stdout, stderr    output
	ended             chan struct{} // closed when Wait has returned
}

// output collects what a process writes.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// launch starts the service on free ports of the loopback with further variables.
func launch(t *testing.T, env ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command("service"), ended: make(chan struct{})}
	p.Env = append([]string{"HOST=127.0.0.1", "PORT=0", "METRICS_PORT=0", "DATA_DIR=" + t.TempDir()}, env...)
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("stdout: %s\nstderr: %s", p.stdout.String(), p.stderr.String())
		}
	})
	return p
}

// listening waits for the line that says where the service listens.
func (p *process) listening(t *testing.T) {
	t.Helper()
	eventually(t, "the service to listen", func() bool {
		for line := range strings.Lines(p.stderr.String()) {
			var l struct {
				Msg, Address   string
				MetricsAddress string `json:"metrics_address"`
			}
			if json.Unmarshal([]byte(line), &l) == nil && l.Msg == "listening" {
				p.addr, p.metricsAddr = l.Address, l.MetricsAddress
				return true
			}
		}
		return false
	})
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// exitCode waits for the end.
func (p *process) exitCode(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatal("the process does not end")
		return 0
	}
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(5 * time.Millisecond); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

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
	p := launch(t, "DRAIN_DELAY=0")
	p.listening(t)
	for path, want := range map[string]string{
		"/":                `{"link":"/dynamic"}`,
		"/api/fibonacci/8": "[1, 1, 2, 3, 5, 8, 13, 21]",
		"/readyz":          "ok\n",
	} {
		if _, body, err := get("http://" + p.addr + path); err != nil || body != want {
			t.Errorf("%s: got %q, %v", path, body, err)
		}
	}
	if _, body, err := get("http://" + p.metricsAddr + "/metrics"); err != nil || !strings.Contains(body, `route="/api/fibonacci/:n",status="200"} 1`) {
		t.Errorf("metrics on their own port: %v\n%s", err, body)
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.exitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if p.stdout.String() != "" {
		t.Errorf("without a startup delay stdout has %q", p.stdout.String())
	}
}

func TestWorkloadSwitch(t *testing.T) {
	t.Parallel()
	p := launch(t, "HOME_ENABLED=false", "PORTAL_ENABLED=false", "SHOUT_ENABLED=false")
	p.listening(t)
	for path, want := range map[string]int{"/": 404, "/dynamic": 404, "/api/ping": 200} {
		if answer, _, err := get("http://" + p.addr + path); err != nil || answer.StatusCode != want {
			t.Errorf("%s: got %v, %v", path, answer, err)
		}
	}
}

// An answer of ten megabytes that its client has not read yet is in flight beyond doubt.
func TestSIGTERMWithRequestInFlight(t *testing.T) {
	t.Parallel()
	p := launch(t, "DRAIN_DELAY=300ms")
	p.listening(t)
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(c, "GET /api/fibonacci/10000 HTTP/1.1\r\nHost: x\r\n\r\n")
	r := bufio.NewReaderSize(c, 16)
	if _, err := r.Peek(1); err != nil {
		t.Fatal(err)
	}

	p.signal(t, syscall.SIGTERM)
	eventually(t, "readiness to fail while the service still answers", func() bool {
		answer, _, err := get("http://" + p.addr + "/readyz")
		if err != nil {
			t.Fatalf("the listener closed before readiness failed: %v", err)
		}
		return answer.StatusCode == 503
	})
	if answer, _, err := get("http://" + p.addr + "/dynamic"); err != nil || answer.StatusCode != 200 || !answer.Close {
		t.Errorf("while draining: %v, %v", answer, err)
	}
	eventually(t, "the listener to close", func() bool { return refuses(p.addr) })

	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, answer.Body)
	if err != nil || n != 10471934 {
		t.Errorf("the answer in flight was cut off: %d bytes, %v", n, err)
	}
	if code := p.exitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if log := p.stderr.String(); !strings.Contains(log, `"msg":"stopped"`) {
		t.Errorf("the end of the log is missing: %s", log)
	}
}

// Clients that keep their connections hammer the service while it goes. Every request must be
// answered, until an answer tells its client to leave, as a load balancer would be told.
func TestNoRequestIsLost(t *testing.T) {
	t.Parallel()
	p := launch(t, "DRAIN_DELAY=1s")
	p.listening(t)
	var answered atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			client := http.Client{Transport: &http.Transport{}, Timeout: patience}
			defer client.CloseIdleConnections()
			for told := false; !told; answered.Add(1) {
				// POST: net/http would quietly repeat a GET whose connection broke.
				answer, err := client.Post("http://"+p.addr+"/dynamic", "text/plain", strings.NewReader("x"))
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
	eventually(t, "some load", func() bool { return answered.Load() > 100 })
	p.signal(t, syscall.SIGTERM)
	clients.Wait()
	if code := p.exitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSIGINTSkipsTheDelay(t *testing.T) {
	t.Parallel()
	p := launch(t, "DRAIN_DELAY=5m")
	p.listening(t)
	p.signal(t, os.Interrupt)
	if code := p.exitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	for second, want := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130} {
		p := launch(t, "DRAIN_DELAY=5m")
		p.listening(t)
		p.signal(t, syscall.SIGTERM)
		eventually(t, "the drain to begin", func() bool { return strings.Contains(p.stderr.String(), `"msg":"draining"`) })
		p.signal(t, second)
		if code := p.exitCode(t); code != want {
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
	p := launch(t, fmt.Sprintf("PORT=%d", l.Addr().(*net.TCPAddr).Port))
	if code := p.exitCode(t); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if !strings.HasPrefix(p.stderr.String(), "service: listen on PORT: ") {
		t.Errorf("got %s", p.stderr.String())
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
	p := launch(t, fmt.Sprintf("PORT=%d", port), "STARTUP_DELAY=5", "DRAIN_DELAY=0")
	eventually(t, "booting", func() bool { return p.stdout.String() == "> booting\n" })
	eventually(t, "something to listen", func() bool {
		if !refuses(addr) {
			return true
		}
		if out := p.stdout.String(); out != "> booting\n" && out != "> booting\n> booted\n" {
			t.Fatalf("stdout has %q", out)
		}
		return false
	})
	if took := time.Since(before); took < 5*time.Second {
		t.Errorf("it listened after %v", took)
	}
	eventually(t, "booted", func() bool { return p.stdout.String() == "> booting\n> booted\n" })
	if answer, _, err := get("http://" + addr + "/readyz"); err != nil || answer.StatusCode != 200 {
		t.Errorf("after the boot: %v, %v", answer, err)
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.exitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestSIGTERMWhileBooting(t *testing.T) {
	t.Parallel()
	p := launch(t, "STARTUP_DELAY=15")
	eventually(t, "booting", func() bool { return p.stdout.String() == "> booting\n" })
	before := time.Now()
	p.signal(t, syscall.SIGTERM)
	if code := p.exitCode(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(before); took > 10*time.Second {
		t.Errorf("it took %v to give up booting", took)
	}
}
