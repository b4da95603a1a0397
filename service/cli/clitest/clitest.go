// Package clitest runs the service as real processes, for tests.
//
//	func TestMain(m *testing.M) { clitest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		p := clitest.Launch(t, "DRAIN_DELAY=0")
//		p.Listening(t)
//		… http.Get("http://" + p.Addr) …
//	}
//
// The test binary itself plays the service: a copy of it is first on PATH as "service". So there
// is no build of its own, and with -race the service is watched too: a data race there fails
// the test.
package clitest

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gitlab.com/towpath/towpath/service/cli"
)

// Patience is how long a test waits for what must happen.
const Patience = 30 * time.Second

// Main runs the tests.
func Main(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"service": func() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// Process is a running service.
type Process struct {
	*exec.Cmd
	Addr, MetricsAddr string // after Listening
	Stdout, Stderr    Output
	Ended             chan struct{} // closed when Wait has returned
}

// Output collects what a process writes.
type Output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Launch starts the service on free ports of the loopback with further variables.
func Launch(t testing.TB, env ...string) *Process {
	t.Helper()
	cmd := exec.Command("service")
	cmd.Env = append([]string{"HOST=127.0.0.1", "PORT=0", "METRICS_PORT=0", "DATA_DIR=" + t.TempDir()}, env...)
	return Start(t, cmd)
}

// Start starts a command that is or becomes the service. It is killed when the test ends.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{Cmd: cmd, Ended: make(chan struct{})}
	p.Cmd.Stdout, p.Cmd.Stderr = &p.Stdout, &p.Stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait() // its state tells how
		close(p.Ended)
	}()
	t.Cleanup(func() {
		p.Kill()
		if strings.Contains(p.Stderr.String(), "DATA RACE") {
			t.Error("the service has a data race")
		}
		if t.Failed() {
			t.Logf("stdout: %s\nstderr: %s", p.Stdout.String(), tail(p.Stderr.String()))
		}
	})
	return p
}

// tail is the end of a log, which is long when the service was under load.
func tail(text string) string {
	const most = 20_000
	if len(text) > most {
		return "…" + text[len(text)-most:]
	}
	return text
}

// Listening waits for the line that says where the service listens.
func (p *Process) Listening(t testing.TB) {
	t.Helper()
	Eventually(t, "the service to listen", func() bool {
		for line := range strings.Lines(p.Stderr.String()) {
			var l struct {
				Msg, Address   string
				MetricsAddress string `json:"metrics_address"`
			}
			if json.Unmarshal([]byte(line), &l) == nil && l.Msg == "listening" {
				p.Addr, p.MetricsAddr = l.Address, l.MetricsAddress
				return true
			}
		}
		return false
	})
}

// Signal sends a signal.
func (p *Process) Signal(t testing.TB, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// Kill ends the process at once, and returns when it has ended.
func (p *Process) Kill() {
	_ = p.Process.Kill() // it may have ended
	<-p.Ended
}

// ExitCode waits for the end.
func (p *Process) ExitCode(t testing.TB) int {
	t.Helper()
	select {
	case <-p.Ended:
		return p.ProcessState.ExitCode()
	case <-time.After(Patience):
		t.Fatal("the process does not end")
		return 0
	}
}

// Run executes a command of the service to its end.
func Run(t testing.TB, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs Output
	cmd := exec.Command("service", args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// Eventually polls until the condition holds.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ; !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}
