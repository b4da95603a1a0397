package podnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("TOWPATH_REQUIRE_TOOLS") != "" {
			t.Fatal("namespaces need root")
		}
		t.Skip("namespaces need root: run it with sudo")
	}
}

// network starts a network namespace and returns it as that of a pod.
func network(t *testing.T) Network {
	t.Helper()
	needsRoot(t)
	n, err := Hold()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	run(t, n.Network, "ip", "link", "set", "lo", "up")
	return n.Network
}

func run(t *testing.T, n Network, program string, args ...string) {
	t.Helper()
	if err := n.Run(program, args...); err != nil {
		t.Fatal(err)
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

func TestHeldNetworkEnds(t *testing.T) {
	needsRoot(t)
	n, err := Hold()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Run("ip", "link", "set", "nosuch", "up"); err == nil || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("the error does not have what ip said: %v", err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if !n.IsGone() {
		t.Error("the network is still there")
	}
}

// TestFindsTheOldestProcess has a probe run in a pod, under a number before and after that of the pod's first process.
func TestFindsTheOldestProcess(t *testing.T) {
	const pod = "0a0a0a0a-0000-4000-8000-000000000001"
	proc := t.TempDir()
	for number, start := range map[string]int{"17": 900, "200": 300, "3544": 901} {
		for name, text := range map[string]string{
			"cgroup": "0::/kubepods/pod" + pod + "/container\n",
			"stat":   fmt.Sprintf("%s (a b) c) S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 %d 1 1\n", number, start),
		} {
			file := filepath.Join(proc, number, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	found, err := findIn(proc)
	if want := filepath.Join(proc, "200", "ns", "net"); err != nil || len(found) != 1 || found[pod].file != want {
		t.Errorf("found %v, %v, want %s", found, err, want)
	}
}
