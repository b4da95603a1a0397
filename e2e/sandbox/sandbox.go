// Package sandbox runs a program in namespaces of its own: network, mounts, processes, cgroups, host name. What
// the program starts, mounts and configures is seen by nobody else, and all of it is gone when the sandbox ends,
// however it ends: its first process is the init of the process namespace, and the kernel kills the rest with it.
//
// It takes three processes of the same executable. The keeper stays outside, holds the cgroups and removes them
// at the end. The init sets up mounts and network, and then does nothing but collect orphans, which a program that
// waits for its own children can't do beside that. The third is the program.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// The arguments that make an executable one of the two processes around the program.
const (
	keeperArgument = "sandbox-keeper"
	initArgument   = "sandbox-init"
)

// Config says what to run and where.
type Config struct {
	// Dir is a folder for the sandbox alone, in which mounts keep what they hold.
	Dir string
	// Program and its arguments run inside.
	Program []string
	// Files are handed to the program as descriptors 3 and on. A listener of the outer network, accepted from
	// inside, is the way in.
	Files []*os.File
	// Log takes what the processes of the sandbox print.
	Log *os.File
}

// Main has to be called first in main of any executable that calls [Start] or [StartMachine]. In the processes that
// they start for themselves it never returns.
func Main() {
	if len(os.Args) < 3 {
		return
	}
	var run func(first string, rest []string) (int, error)
	switch os.Args[1] {
	case keeperArgument:
		run = keeper
	case initArgument:
		run = initMain
	case machineArgument:
		run = machineMain
	default:
		return
	}
	code, err := run(os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		code = 1
	}
	os.Exit(code)
}

// Start starts the sandbox in a session of its own, so that it outlives the caller, and returns its keeper.
func Start(c Config) (*os.Process, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("namespaces, mounts and cgroups need root: run it with sudo")
	}
	// go run deletes its executable, so the sandbox keeps a copy.
	executable := filepath.Join(c.Dir, "bin", "e2e")
	if err := copySelf(executable); err != nil {
		return nil, err
	}
	cmd := exec.Command(executable, append([]string{keeperArgument, c.Dir}, c.Program...)...)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = c.Log, c.Log
	cmd.ExtraFiles = c.Files
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Env = append(os.Environ(), filesVariable+"="+strconv.Itoa(len(c.Files)))
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the sandbox: %w", err)
	}
	// Not waited for: Stop finds out by itself whether it lives.
	go func() { _ = cmd.Wait() }()
	return cmd.Process, nil
}

// filesVariable says how many descriptors are handed on.
const filesVariable = "TOWPATH_SANDBOX_FILES"

func copySelf(to string) error {
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}

// Alive tells whether a process is the keeper of the sandbox in dir. A number that another process has by now is not.
func Alive(dir string, pid int) bool {
	executable, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && executable == filepath.Join(dir, "bin", "e2e")
}

// Stop ends the sandbox in dir and waits until its keeper has removed the cgroups.
func Stop(ctx context.Context, dir string, pid int) error {
	if !Alive(dir, pid) {
		return removeCgroups(dir)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping the sandbox: %w", err)
	}
	for Alive(dir, pid) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("the sandbox, process %d, does not end: %w", pid, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

func keeper(dir string, program []string) (int, error) {
	runtime.LockOSThread() // The kernel takes the end of the thread that started the init for the end of the keeper.
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM, syscall.SIGINT)
	if err := enterCgroups(dir); err != nil {
		return 0, fmt.Errorf("cgroups: %w", err)
	}
	cmd := exec.Command(os.Args[0], append([]string{initArgument, dir}, program...)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = inherited()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		// The cgroup namespace takes the cgroups of now for its roots.
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS |
			syscall.CLONE_NEWIPC | syscall.CLONE_NEWCGROUP,
		Pdeathsig: syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		return 0, errors.Join(fmt.Errorf("namespaces: %w", err), leaveCgroups(), removeCgroups(dir))
	}
	// The keeper leaves, lest the cgroups be busy when it removes them.
	if err := leaveCgroups(); err != nil {
		return 0, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	go func() {
		<-terminate
		_ = cmd.Process.Kill()
	}()
	err := cmd.Wait()
	if err := removeCgroups(dir); err != nil {
		return 0, err
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	return 0, err
}

func initMain(dir string, program []string) (int, error) {
	if err := mountAll(dir); err != nil {
		return 0, err
	}
	if err := setUpNetwork(); err != nil {
		return 0, err
	}
	if err := syscall.Sethostname([]byte(NodeName)); err != nil {
		return 0, err
	}
	files := []*os.File{nil, os.Stdout, os.Stderr}
	files = append(files, inherited()...)
	// Not os/exec, whose Wait would take the child from the loop below.
	child, err := syscall.ForkExec(program[0], program, &syscall.ProcAttr{Dir: dir, Env: os.Environ(), Files: descriptors(files)})
	if err != nil {
		return 0, fmt.Errorf("starting %s: %w", program[0], err)
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, err
		case pid == child:
			return status.ExitStatus(), nil
		}
	}
}

func inherited() []*os.File {
	number, _ := strconv.Atoi(os.Getenv(filesVariable))
	var files []*os.File
	for i := range number {
		files = append(files, os.NewFile(uintptr(3+i), "inherited"))
	}
	return files
}

func descriptors(files []*os.File) []uintptr {
	var numbers []uintptr
	for _, file := range files {
		if file == nil {
			null, err := os.Open(os.DevNull)
			if err != nil {
				panic(err) // There is no machine without it.
			}
			file = null
		}
		numbers = append(numbers, file.Fd())
	}
	return numbers
}
