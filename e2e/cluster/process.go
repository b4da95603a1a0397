package cluster

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a server that the cluster keeps running. It can be stopped and started again, which is how faults
// are tried.
type process struct {
	name    string
	command func() *exec.Cmd
	// leads tells that it ends by itself when it can't renew its lease, and is then started again, as it would be by
	// a kubelet, once there is an API server: one that starts before asks for it in ever longer steps, and may be a
	// minute late. The end of any other is the end of the cluster.
	leads bool

	mu      sync.Mutex
	running *exec.Cmd
	ended   chan struct{}
	wanted  bool
}

// start starts a server as root and keeps what it prints in logs/NAME.log.
func (c *Cluster) start(name, program string, args ...string) error {
	return c.startAs(name, 0, program, args...)
}

func (c *Cluster) startAs(name string, user uint32, program string, args ...string) error {
	return c.startCommand(name, user, func() *exec.Cmd { return exec.Command(program, args...) })
}

func (c *Cluster) startCommand(name string, user uint32, command func() *exec.Cmd) error {
	return c.startProcess(&process{name: name, command: command}, user)
}

// lazily is what programs written in Go are told: to collect garbage a quarter as often. Of memory there is plenty, and
// two cores are few for two nodes.
const lazily = "GOGC=400"

// startLeader starts a server that has to hold a lease to work.
func (c *Cluster) startLeader(name, program string, args ...string) error {
	return c.startProcess(&process{name: name, leads: true, command: func() *exec.Cmd { return exec.Command(program, args...) }}, 0)
}

func (c *Cluster) startProcess(p *process, user uint32) error {
	command := p.command
	p.command = func() *exec.Cmd {
		cmd := command()
		cmd.Dir = "/"
		cmd.Env = append(os.Environ(), lazily)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: user, Gid: user}}
		return cmd
	}
	c.mu.Lock()
	c.processes[p.name] = p
	c.mu.Unlock()
	return c.resume(p)
}

// resume starts a process that is not running.
func (c *Cluster) resume(p *process) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = true
	return c.launch(p)
}

// launch starts a process, whose lock is held, if it is wanted and not running.
func (c *Cluster) launch(p *process) error {
	if p.running != nil || !p.wanted {
		return nil
	}
	log, err := os.OpenFile(c.path("logs/"+p.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := p.command()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	p.running, p.ended = cmd, make(chan struct{})
	go func() {
		_ = cmd.Wait() // How it ended is in its state.
		if err := c.ended(p, cmd.ProcessState); err != nil {
			c.fail(err)
		}
	}()
	return nil
}

// ended is called once a process has.
func (c *Cluster) ended(p *process, how *os.ProcessState) error {
	p.mu.Lock()
	p.running = nil
	close(p.ended)
	unexpected := p.wanted
	p.mu.Unlock()
	switch {
	case !unexpected:
		return nil
	case !p.leads:
		return fmt.Errorf("%s ended by itself: %s\n%s", p.name, how, c.lastLines(p.name))
	}
	for {
		time.Sleep(time.Second)
		if connection, err := net.DialTimeout("tcp", apiServerAddress, time.Second); err == nil {
			_ = connection.Close()
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return c.launch(p) // Unless it was stopped meanwhile.
}

// suspend kills a process, as a fault would, and waits until it is gone.
func (p *process) suspend() {
	p.mu.Lock()
	p.wanted = false
	running, ended := p.running, p.ended
	p.mu.Unlock()
	if running == nil {
		return
	}
	_ = running.Process.Kill()
	<-ended
}

// lastLines are the end of a server's log, which tends to say why.
func (c *Cluster) lastLines(name string) string {
	data, err := os.ReadFile(c.path("logs/" + name + ".log"))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// waitFor asks until the answer is nil, or the time is up.
func waitFor(ctx context.Context, what string, limit time.Duration, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after %s: %w", what, limit, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// answers asks for a page that a server has once it is ready.
func answers(client *http.Client, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", address, response.Status)
		}
		return nil
	}
}
