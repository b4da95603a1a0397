package sandbox_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/e2e/sandbox"
)

// startMachineArgument makes the executable of the tests a program of the sandbox that starts a machine.
const startMachineArgument = "start-machine"

// startMachine says what a machine is like, and fails where it is not apart from the sandbox.
func startMachine() error {
	machine, err := sandbox.StartMachine(sandbox.MachineConfig{Name: "second", Address: "10.98.0.2", Network: "10.97.1.0/24"})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", sandbox.NodeAddress+":8000")
	if err != nil {
		return err
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(connection, "the sandbox answers %s\n", connection.RemoteAddr().(*net.TCPAddr).IP)
			_ = connection.Close()
		}
	}()
	command := machine.Command("bash", "-c", `
		hostname
		cat < /dev/tcp/10.98.0.1/8000
		touch /run/of-second /var/lib/of-both
		ip address add 10.97.1.7/32 dev lo
		ip -o link | wc -l
	`)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		return err
	}
	if _, err := os.Stat(machine.Path("/run/of-second")); err != nil {
		return err
	}
	if _, err := os.Stat("/run/of-second"); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("/run is not the machine's own: %w", err)
	}
	if _, err := os.Stat("/var/lib/of-both"); err != nil {
		return fmt.Errorf("the disk is not shared: %w", err)
	}
	found, err := filepath.Glob("/sys/fs/cgroup/*" + machine.CgroupRoot())
	if here, again := filepath.Glob("/sys/fs/cgroup" + machine.CgroupRoot()); len(found)+len(here) == 0 {
		return fmt.Errorf("the machine has no cgroup: %w", errors.Join(err, again))
	}
	return reach("10.97.1.7")
}

// reach connects to an address of the network behind the machine.
func reach(address string) error {
	// That nothing listens is said by the machine itself, if the way there and back is right.
	connection, err := net.Dial("tcp", address+":9")
	if err == nil {
		return connection.Close()
	}
	if !strings.Contains(err.Error(), "refused") {
		return fmt.Errorf("the network behind the machine: %w", err)
	}
	_, err = io.WriteString(os.Stdout, "the network behind it answers\n")
	return err
}

func TestMachine(t *testing.T) {
	dir, pid := start(t, "bin/e2e "+startMachineArgument)
	// Two interfaces: its own, and that which leads to the sandbox.
	if said, want := wait(t, dir, pid), "second\nthe sandbox answers 10.98.0.2\n2\nthe network behind it answers\n"; said != want {
		t.Errorf("the machine says\n%s and not\n%s", said, want)
	}
	if left, _ := filepath.Glob("/sys/fs/cgroup/*/" + filepath.Base(dir)); len(left) > 0 {
		t.Errorf("cgroups are left: %q", left)
	}
}
