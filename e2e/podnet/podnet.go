// Package podnet opens connections from within a pod's network, as the pod's own containers would, so that whatever
// stands between the pod and the rest of the cluster stands between: routes, kube-proxy, network policies. Nothing has to
// be in the pod for that, not even a shell: a thread enters the pod's network namespace, opens the sockets, and ends.
//
// It needs root, and to see the processes of the pods: that is, to run on their machine.
package podnet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Network is the network of one pod. It is gone when the pod is.
type Network struct {
	file string // The namespace, as a process of the pod has it.
}

// podCgroup is how the kubelet calls the cgroup of a pod, with cgroupfs for its driver.
var podCgroup = regexp.MustCompile(`/pod([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/`)

// Find returns the networks of all pods that run on this machine, by the uids of the pods.
func Find() (map[string]Network, error) { return findIn("/proc") }

func findIn(proc string) (map[string]Network, error) {
	files, err := filepath.Glob(filepath.Join(proc, "[0-9]*/cgroup"))
	if err != nil {
		return nil, err
	}
	networks, since := map[string]Network{}, map[string]uint64{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // The process has ended meanwhile.
		}
		found := podCgroup.FindSubmatch(text)
		if found == nil {
			continue
		}
		process, pod := filepath.Dir(file), string(found[1])
		start, err := startOf(process)
		if err != nil {
			continue
		}
		// The oldest lives as long as the pod. A probe that runs in it now is gone in a moment.
		if before, known := since[pod]; !known || start < before {
			networks[pod], since[pod] = Network{filepath.Join(process, "ns", "net")}, start
		}
	}
	return networks, nil
}

// startOf is when a process has started, in ticks since the machine has; see proc_pid_stat(5).
func startOf(process string) (uint64, error) {
	text, err := os.ReadFile(filepath.Join(process, "stat"))
	if err != nil {
		return 0, err
	}
	// The name of the program is in parentheses and may contain anything. The start is the 22nd field, the third follows it.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 {
		return 0, fmt.Errorf("%s/stat has %d fields: %q", process, len(fields), text)
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// Of returns the network of a process.
func Of(pid int) Network { return Network{fmt.Sprintf("/proc/%d/ns/net", pid)} }

// IsGone tells whether the pod's process by which the network was found has ended.
func (n Network) IsGone() bool {
	_, err := os.Stat(n.file)
	return errors.Is(err, fs.ErrNotExist)
}

// Dial connects to an address, which must not be a name: names are the business of the machine's network.
func (n Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var connection net.Conn
	err := n.Do(func() (err error) {
		// An address needs no second goroutine, so its socket is made by this thread.
		connection, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	return connection, err
}

// Do runs a function by a thread in the network. Sockets that the thread opens, and programs that it starts, are of that
// network; those of goroutines that the function starts are not.
func (n Network) Do(run func() error) error {
	done := make(chan error, 1)
	go func() {
		// Never unlocked: a thread that has been elsewhere ends with its goroutine.
		runtime.LockOSThread()
		if err := n.enter(); err != nil {
			done <- err
			return
		}
		done <- run()
	}()
	return <-done
}

func (n Network) enter() error {
	file, err := os.Open(n.file)
	if err != nil {
		return fmt.Errorf("the pod's network: %w", err)
	}
	defer file.Close()
	if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering the pod's network: %w", err)
	}
	return nil
}
