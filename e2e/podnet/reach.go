package podnet

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Outcome is what became of an attempt to connect by TCP.
type Outcome int

const (
	// Silent means that nothing came back in time: a policy dropped the packets, or nobody has the address.
	Silent Outcome = iota
	// Refused means that the packets arrived where nobody listens.
	Refused
	// Connected means that the packets arrived and were answered.
	Connected
)

// Arrived tells whether the packets came to the other end.
func (o Outcome) Arrived() bool { return o != Silent }

func (o Outcome) String() string {
	return [...]string{"silence", "refused", "connected"}[o]
}

// Reach tries to connect to all addresses at once, and gives them one time together. Connections are closed without a
// byte. The outcomes are in the order of the addresses.
func (n Network) Reach(addresses []netip.AddrPort, limit time.Duration) ([]Outcome, error) {
	outcomes := make([]Outcome, len(addresses))
	waiting := map[int32]int{} // The number of the address, by socket.
	defer func() {
		for socket := range waiting {
			_ = unix.Close(int(socket))
		}
	}()
	if err := n.Do(func() error {
		for number, address := range addresses {
			socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			waiting[int32(socket)] = number
			err = unix.Connect(socket, &unix.SockaddrInet4{Addr: address.Addr().As4(), Port: int(address.Port())})
			if errors.Is(err, unix.EINPROGRESS) {
				continue
			}
			// A pod's own address answers before the call returns.
			delete(waiting, int32(socket))
			_ = unix.Close(socket)
			switch {
			case err == nil:
				outcomes[number] = Connected
			case errors.Is(err, unix.ECONNREFUSED):
				outcomes[number] = Refused
			default:
				return fmt.Errorf("connecting to %s: %w", address, err)
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(limit); len(waiting) > 0; {
		left := time.Until(deadline)
		if left <= 0 {
			break
		}
		list := make([]unix.PollFd, 0, len(waiting))
		for socket := range waiting {
			list = append(list, unix.PollFd{Fd: socket, Events: unix.POLLOUT})
		}
		if _, err := unix.Poll(list, int(left.Milliseconds())+1); err != nil && !errors.Is(err, unix.EINTR) {
			return nil, err
		}
		for _, polled := range list {
			if polled.Revents == 0 {
				continue
			}
			number := waiting[polled.Fd]
			failure, err := unix.GetsockoptInt(int(polled.Fd), unix.SOL_SOCKET, unix.SO_ERROR)
			delete(waiting, polled.Fd)
			_ = unix.Close(int(polled.Fd))
			switch {
			case err != nil:
				return nil, err
			case failure == 0:
				outcomes[number] = Connected
			case syscall.Errno(failure) == unix.ECONNREFUSED:
				outcomes[number] = Refused
			case syscall.Errno(failure) != unix.ETIMEDOUT:
				return nil, fmt.Errorf("connecting to %s: %w", addresses[number], syscall.Errno(failure))
			}
		}
	}
	return outcomes, nil
}
