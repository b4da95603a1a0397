package sandbox_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/e2e/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	if len(os.Args) == 2 && os.Args[1] == startMachineArgument {
		if err := startMachine(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// start runs a script in a sandbox and returns its folder and keeper.
func start(t *testing.T, script string, files ...*os.File) (string, int) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("TOWPATH_REQUIRE_TOOLS") != "" {
			t.Fatal("namespaces need root")
		}
		t.Skip("namespaces need root: run it with sudo")
	}
	dir, err := os.MkdirTemp("", "towpath-sandbox-test-")
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	process, err := sandbox.Start(sandbox.Config{Dir: dir, Program: []string{"/bin/sh", "-c", script}, Files: files, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := sandbox.Stop(ctx, dir, process.Pid); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob("/sys/fs/cgroup/*/" + filepath.Base(dir)); len(left) > 0 {
			t.Errorf("cgroups are left: %q", left)
		}
	})
	return dir, process.Pid
}

// wait waits until the sandbox has ended, and returns what it printed.
func wait(t *testing.T, dir string, pid int) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); sandbox.Alive(dir, pid); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the sandbox does not end")
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestNothingReachesTheMachine(t *testing.T) {
	name := fmt.Sprintf("towpath-sandbox-test-%d", os.Getpid())
	dir, pid := start(t, `
		hostname
		ip -o link | wc -l
		ip -o -4 address show node0
		head -c 20 /proc/1/cmdline | tr '\0' ' '; echo
		cat /proc/sys/kernel/panic
		mkdir /var/lib/`+name+` /run/`+name+` && mount -t tmpfs none /mnt && touch /mnt/`+name+`
		ls -d /var/lib/`+name+`
	`)
	said := wait(t, dir, pid)
	for _, want := range []string{"node\n3\n", "10.98.0.1/24", "\n10\n", "/var/lib/" + name} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in:\n%s", want, said)
		}
	}
	for _, folder := range []string{"/var/lib/", "/run/", "/mnt/"} {
		if _, err := os.Stat(folder + name); err == nil {
			t.Errorf("%s%s is on the machine", folder, name)
		}
	}
}

func TestStopEndsWhatRuns(t *testing.T) {
	// The second process is nobody's child once the shell between has ended, and would outlive a process group.
	dir, pid := start(t, `(setsid sleep 1000 &) ; sleep 1000`)
	time.Sleep(500 * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := sandbox.Stop(ctx, dir, pid); err != nil {
		t.Fatal(err)
	}
	// Stop removes the cgroups, which fails while a process is in them.
	if left, _ := filepath.Glob("/sys/fs/cgroup/*/" + filepath.Base(dir)); len(left) > 0 {
		t.Errorf("cgroups are left: %q", left)
	}
}

func TestListenerLeadsIn(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	dir, pid := start(t, `ls -l /proc/self/fd/3`, file)
	if said := wait(t, dir, pid); !strings.Contains(said, "socket:") {
		t.Errorf("descriptor 3 is no socket:\n%s", said)
	}
}
