package podnet

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// network starts a network namespace and returns it as that of a pod.
func network(t *testing.T) Network {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("TOWPATH_REQUIRE_TOOLS") != "" {
			t.Fatal("namespaces need root")
		}
		t.Skip("namespaces need root: run it with sudo")
	}
	holder := exec.Command("cat")
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	input, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = input.Close()
		_ = holder.Wait()
	})
	n := Of(holder.Process.Pid)
	run(t, n, "ip", "link", "set", "lo", "up")
	return n
}

func run(t *testing.T, n Network, program string, args ...string) {
	t.Helper()
	var output []byte
	if err := n.Do(func() (err error) {
		output, err = exec.Command(program, args...).CombinedOutput()
		return err
	}); err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, output)
	}
}

func TestReach(t *testing.T) {
	n := network(t)
	var listener net.Listener
	if err := n.Do(func() (err error) {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	open := netip.MustParseAddrPort(listener.Addr().String())
	run(t, n, "iptables", "-A", "INPUT", "-p", "tcp", "--dport", "81", "-j", "DROP")
	got, err := n.Reach([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:81"), open, netip.MustParseAddrPort("127.0.0.1:80")}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if want := [3]Outcome{Silent, Connected, Refused}; [3]Outcome(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDialIsOfTheNetwork(t *testing.T) {
	n := network(t)
	outside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	if connection, err := n.Dial(context.Background(), "tcp", outside.Addr().String()); err == nil {
		_ = connection.Close()
		t.Error("it reached a listener of another network")
	}
	// The threads that were elsewhere are gone.
	for range 100 {
		connection, err := net.Dial("tcp", outside.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = connection.Close()
	}
}
