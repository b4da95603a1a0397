package sandbox

import "os"

// What the sandbox is called inside, and its address there. Pods reach it by that address.
const (
	NodeName    = "node"
	NodeAddress = "10.98.0.1"
)

// setUpNetwork gives the new network namespace an interface and a default route. Its other end is in the same
// namespace, so nothing leaves through it.
func setUpNetwork() error {
	if err := runEach("ip",
		"link set lo up",
		"link add node0 type veth peer name outside0",
		"address add "+NodeAddress+"/24 dev node0",
		"link set node0 up",
		"link set outside0 up",
		"route add default dev node0",
	); err != nil {
		return err
	}
	return forwardPackets()
}

// forwardPackets lets the network namespace route between its interfaces.
func forwardPackets() error {
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}
