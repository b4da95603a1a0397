package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Machine is a second machine within the sandbox. Network, host name, /run and /var/log are its own. Processes, the
// disk and the kernel are those of all, so it ends with the sandbox at the latest.
type Machine struct {
	name   string
	holder *exec.Cmd
}

// MachineConfig says what a machine is called and where it is.
type MachineConfig struct {
	// Name is its host name, and that of the sandbox's interface which leads to it.
	Name string
	// Address is one of the sandbox's network, [NodeAddress]/24.
	Address string
	// Network is a further network that is behind the machine, such as that of its pods: 10.97.1.0/24.
	Network string
}

// StartMachine starts a machine from inside the sandbox, and connects it: each reaches the other by its address. It
// ends with the calling process.
func StartMachine(c MachineConfig) (*Machine, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := makeCgroups(c.Name); err != nil {
		return nil, fmt.Errorf("cgroups of %s: %w", c.Name, err)
	}
	// The namespaces live as long as a process is in them: this one, which waits for the end of its input, which is
	// ours.
	holder := exec.Command(executable, machineArgument, c.Name, c.Address)
	holder.Dir = "/"
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS}
	holder.Stderr = os.Stderr
	if _, err := holder.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := holder.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := holder.Start(); err != nil {
		return nil, fmt.Errorf("namespaces of %s: %w", c.Name, err)
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); err != nil || line != machineReady {
		return nil, errors.Join(fmt.Errorf("machine %s said %q: %w", c.Name, line, err), holder.Process.Kill(), holder.Wait())
	}
	m := &Machine{name: c.Name, holder: holder}
	return m, runEach("ip",
		"link set "+c.Name+" up",
		"route add "+c.Address+" dev "+c.Name+" src "+NodeAddress,
		"route add "+c.Network+" via "+c.Address+" dev "+c.Name+" src "+NodeAddress,
	)
}

// Command is a program that will run on the machine.
func (m *Machine) Command(program string, args ...string) *exec.Cmd {
	enter := []string{"--target", strconv.Itoa(m.holder.Process.Pid), "--mount", "--net", "--uts", "--wd=/", "--", program}
	return exec.Command("nsenter", append(enter, args...)...)
}

// Path is where the sandbox sees a file of the machine.
func (m *Machine) Path(file string) string {
	return fmt.Sprintf("/proc/%d/root%s", m.holder.Process.Pid, file)
}

// CgroupRoot is the cgroup, in all hierarchies, below which the machine's containers belong.
func (m *Machine) CgroupRoot() string { return "/" + m.name }

// machineArgument makes an executable the process that holds a machine's namespaces, machineReady is what it says
// once it has set them up.
const (
	machineArgument = "sandbox-machine"
	machineReady    = "ready\n"
)

func machineMain(name string, args []string) (int, error) {
	if len(args) != 1 {
		return 0, fmt.Errorf("%d arguments instead of the address", len(args))
	}
	// What the sandbox mounts from now on stays there, and what is mounted here stays here.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return 0, fmt.Errorf("mounts of its own: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return 0, fmt.Errorf("shared mounts: %w", err)
	}
	for _, folder := range []string{"/run", "/var/log"} {
		if err := mount("machine", folder, "tmpfs", 0, "mode=755"); err != nil {
			return 0, err
		}
	}
	if err := syscall.Sethostname([]byte(name)); err != nil {
		return 0, err
	}
	if err := runEach("ip",
		"link set lo up",
		// The other end belongs to the network of the process that started this one.
		fmt.Sprintf("link add node0 type veth peer name %s netns %d", name, os.Getppid()),
		"address add "+args[0]+"/24 dev node0",
		"link set node0 up",
		"route add default via "+NodeAddress,
	); err != nil {
		return 0, err
	}
	if err := forwardPackets(); err != nil {
		return 0, err
	}
	fmt.Print(machineReady)
	_, err := io.Copy(io.Discard, os.Stdin)
	return 0, err
}

// runEach runs a program once for each line of arguments.
func runEach(program string, lines ...string) error {
	for _, line := range lines {
		if output, err := exec.Command(program, strings.Fields(line)...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w: %s", program, line, err, output)
		}
	}
	return nil
}
