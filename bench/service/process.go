package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"
)

const (
	// readyTime is how long a server may take to answer for the first time.
	readyTime = 30 * time.Second
	// stopTime is how long a server may take to end by itself.
	stopTime = 10 * time.Second
)

// process is a running child. Whoever starts one stops it.
type process struct {
	cmd     *exec.Cmd
	base    string        // address, as http://127.0.0.1:PORT
	done    chan struct{} // closed when it has ended
	err     error         // how, after done
	logFile string        // empty if nobody keeps its output
}

// launch starts a program. Its output goes to a file in dir, or nowhere if dir is empty.
func launch(cmd *exec.Cmd, base, dir string) (*process, error) {
	p := &process{cmd: cmd, base: base, done: make(chan struct{})}
	out, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if dir != "" {
		out, err = os.CreateTemp(dir, "log")
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }() // the child has its own
	if dir != "" {
		p.logFile = out.Name()
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop ends the process: politely at first.
func (p *process) stop() {
	// An interrupt and not SIGTERM: the service drains for 5 seconds after that one.
	_ = p.cmd.Process.Signal(os.Interrupt) // it has ended
	select {
	case <-p.done:
	case <-time.After(stopTime):
		_ = p.cmd.Process.Kill() // it has ended
		<-p.done
	}
}

// awaitReady asks for a path until the answer is 200, and returns when that was.
func (p *process) awaitReady(ctx context.Context, path string) (time.Time, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, readyTime, fmt.Errorf("no answer within %s", readyTime))
	defer cancel()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := fetch(ctx, &client, p.base+path); err == nil {
			return time.Now(), nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return time.Time{}, fmt.Errorf("%s ended: %w\n%s", p.cmd.Path, p.err, p.log())
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("%s: %w\n%s", p.cmd.Path, context.Cause(ctx), p.log())
		}
	}
}

func (p *process) log() string {
	if p.logFile == "" {
		return "(its output was not kept)"
	}
	text, err := os.ReadFile(p.logFile)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// fetch returns the body of a 200.
func fetch(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // only read
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %.200s", url, response.Status, body)
	}
	return body, err
}

// freeAddress finds a port that nobody uses. Nothing keeps it until the child has it, but the
// kernel goes through all others before it gives one out again.
func freeAddress() (host, port string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return "", "", err
	}
	return net.SplitHostPort(address)
}

// environment is all that children get to see of ours: a DATABASE_URL, say, would change what
// the service does.
func environment(settings ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, settings...)
}

// startService starts the service as it is by default but for its addresses and its data.
// Its log is on, and goes to the null device.
func startService(binary string, settings ...string) (*process, error) {
	host, port, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary)
	cmd.Env = environment(append(settings, "HOST="+host, "PORT="+port, "METRICS_PORT=0")...)
	return launch(cmd, "http://"+net.JoinHostPort(host, port), "")
}

// underLoad runs wrk against a process until the machine was left alone meanwhile, or too often
// was not.
func (p *process) underLoad(ctx context.Context, path string, connections, seconds int, script string) (load, error) {
	for repeats := 0; ; repeats++ {
		before := processors()
		l, err := p.loadOnce(ctx, path, connections, seconds, script)
		l.Stolen = processors().stolenSince(before)
		l.Repeats = repeats
		if err != nil || l.Stolen <= mostStolen || repeats == mostRepeats {
			return l, err
		}
	}
}

// loadOnce runs wrk against a process and watches its memory meanwhile.
func (p *process) loadOnce(ctx context.Context, path string, connections, seconds int, script string) (load, error) {
	watched := make(chan memory)
	enough := make(chan struct{})
	go func() { watched <- watch(p.cmd.Process.Pid, enough) }()
	before := cpuOf(p.cmd.Process.Pid)
	l, err := attack(ctx, p.base+path, connections, seconds, script)
	l.CPU = cpuOf(p.cmd.Process.Pid) - before
	close(enough)
	l.Memory = <-watched
	select {
	case <-p.done:
		err = errors.Join(err, fmt.Errorf("%s ended under load: %w\n%s", p.cmd.Path, p.err, p.log()))
	default:
	}
	return l, err
}
