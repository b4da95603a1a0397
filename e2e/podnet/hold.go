package podnet

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
)

// Held is a network that belongs to no pod: a process that does nothing holds it until it is closed.
type Held struct {
	Network
	holder *exec.Cmd
	input  io.Closer
}

// Hold makes a network with nothing in it but a loopback that is down.
func Hold() (*Held, error) {
	holder := exec.Command("cat")
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	input, err := holder.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making a network: %w", err)
	}
	if err := holder.Start(); err != nil {
		return nil, fmt.Errorf("making a network: %w", err)
	}
	return &Held{Of(holder.Process.Pid), holder, input}, nil
}

// Process is the id of the process that holds the network, by which ip link names it.
func (h *Held) Process() int { return h.holder.Process.Pid }

// Close ends the network. Its interfaces go with it.
func (h *Held) Close() error { return errors.Join(h.input.Close(), h.holder.Wait()) }

// Run runs a program in the network. Its error has what the program said.
func (n Network) Run(program string, args ...string) error {
	var said []byte
	err := n.Do(func() (err error) {
		said, err = exec.Command(program, args...).CombinedOutput()
		return err
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, said)
	}
	return nil
}
