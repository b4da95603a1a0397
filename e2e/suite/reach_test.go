package suite

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/e2e/podnet"
	"gitlab.com/towpath/towpath/e2e/sandbox"
)

// TestReach has every pod try every other, every Service and what is outside, on every port that one of them names, and
// compares with the table of who is meant to.
func TestReach(t *testing.T) {
	needsOwnCluster(t, "connections have to come from within the pods, whose processes must be of this machine")
	envs := []string{"dev", "stage"}
	if _, err := readDeployment("prod"); err == nil {
		envs = append(envs, "prod")
	}
	for _, env := range envs {
		eventually(t, 5*time.Minute, settled(env))
	}
	invite(t, guests(t, envs))
	connectInternet(t)
	parties, err := readParties()
	if err != nil {
		t.Fatal(err)
	}
	services, err := servicePlaces(envs)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	tries, err := tryAll(parties, slices.Concat(podPlaces(parties), services, outsidePlaces()))
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	for _, env := range envs {
		t.Run("into "+env, func(t *testing.T) {
			compare(t, "who reaches the pods and Services of "+env, tries, took, func(try try) bool { return try.to.env == env })
		})
		t.Run("out of "+env, func(t *testing.T) {
			compare(t, "whom the pods of "+env+" reach outside of it", tries, took, func(try try) bool { return try.from.env == env && try.to.env != env })
		})
	}
	t.Run("into Argo CD", func(t *testing.T) {
		compare(t, "who reaches the pods of Argo CD", tries, took, func(try try) bool { return strings.HasPrefix(try.to.name, "argocd/") && try.from.env == "" })
	})
	t.Run("DNS", func(t *testing.T) { askDNS(t, parties) })
}

// try is an attempt of one pod to reach one place.
type try struct {
	from    *party
	to      place
	outcome podnet.Outcome
}

func (t try) isWanted() bool {
	return isWanted(t.from.env, t.from.role, t.to.env, t.to.role, t.to.port)
}

// asWanted tells whether what happened is what was meant.
func (t try) asWanted() bool {
	switch {
	case !t.isWanted():
		return !t.outcome.Arrived()
	case t.to.listens:
		return t.outcome == podnet.Connected
	default:
		return t.outcome.Arrived()
	}
}

// patience is how long an answer may take. Whoever is meant to be reached is tried again, as this machine may be slow;
// who is not has no second chance to stay silent.
const patience = 3 * time.Second

// tryAll has all parties try all places but themselves.
func tryAll(parties []*party, places []place) ([]try, error) {
	results := make([][]try, len(parties))
	failures := make([]error, len(parties))
	var group sync.WaitGroup
	turns := make(chan struct{}, 8) // More at a time, and a slow machine answers late.
	for number, from := range parties {
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			results[number], failures[number] = tryFrom(from, places)
		})
	}
	group.Wait()
	return slices.Concat(results...), errors.Join(failures...)
}

func tryFrom(from *party, places []place) ([]try, error) {
	tries := make([]try, 0, len(places))
	for _, to := range places {
		if to.party != from {
			tries = append(tries, try{from: from, to: to})
		}
	}
	open := make([]*try, len(tries))
	for number := range tries {
		open[number] = &tries[number]
	}
	for round := 0; round < 5 && len(open) > 0; round++ {
		addresses := make([]netip.AddrPort, len(open))
		for number, t := range open {
			addresses[number] = t.to.address
		}
		outcomes, err := from.network.Reach(addresses, patience*time.Duration(1+round))
		if err != nil {
			return nil, fmt.Errorf("from %s: %w", from.name, err)
		}
		for number, t := range open {
			t.outcome = outcomes[number]
		}
		open = slices.DeleteFunc(open, func(t *try) bool { return !t.isWanted() || t.asWanted() })
	}
	return tries, nil
}

// compare reports the tries that a filter picks: a failure for each that went otherwise than meant, and a table of those
// that arrived.
func compare(t *testing.T, what string, all []try, took time.Duration, picks func(try) bool) {
	happened := tried(t, what)
	arrived := map[string][]string{} // Who arrives, by where.
	var order []string
	pods, wrong, silent := map[string]bool{}, 0, 0
	tries := 0
	for _, try := range all {
		if !picks(try) {
			continue
		}
		tries++
		pods[try.from.name] = true
		if !try.asWanted() {
			wrong++
			if wrong <= 30 {
				t.Errorf("%s (%s, on %s) to %s (%s): %s, though it is meant to be %s", try.from.name, try.from.role, try.from.node, try.to, try.to.role,
					try.outcome, map[bool]string{true: "reached", false: "out of reach"}[try.isWanted()])
			}
		}
		if !try.outcome.Arrived() {
			silent++
			continue
		}
		if isForAll(try.to) && !slices.Contains(goesNowhere, try.from.role) {
			continue // Nothing to tell.
		}
		where := fmt.Sprintf("%s:%d", try.to.role, try.to.port)
		if !slices.Contains(order, where) {
			order = append(order, where)
		}
		who := string(try.from.role)
		if !slices.Contains(arrived[where], who) {
			arrived[where] = append(arrived[where], who)
		}
	}
	if wrong > 30 {
		t.Errorf("and %d more", wrong-30)
	}
	if tries == 0 {
		t.Fatal("nobody tried")
	}
	slices.Sort(order)
	for _, where := range order {
		slices.Sort(arrived[where])
		happened("%s ← %s", where, strings.Join(arrived[where], ", "))
	}
	happened("%d attempts from %d pods, %d of them in vain, in a run of %s", tries, len(pods), silent, seconds(took))
}

// isForAll tells whether everybody is meant to reach a place whose own pods' policies don't keep them.
func isForAll(to place) bool { return isWanted("", stranger, to.env, to.role, to.port) }

// askDNS has every pod ask the cluster's DNS for a name, over UDP and over TCP.
func askDNS(t *testing.T, parties []*party) {
	happened := tried(t, "who gets an answer from the cluster's DNS, over UDP and over TCP")
	type answer struct {
		from     *party
		protocol string
		err      error
	}
	var answers []answer
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, from := range parties {
		for _, protocol := range []string{"udp", "tcp"} {
			group.Go(func() {
				err := askName(from, protocol, patience)
				for round := 0; round < 5 && err != nil && asksDNS(from); round++ {
					err = askName(from, protocol, patience)
				}
				mu.Lock()
				defer mu.Unlock()
				answers = append(answers, answer{from, protocol, err})
			})
		}
	}
	group.Wait()
	var without []string
	for _, a := range answers {
		if (a.err == nil) != asksDNS(a.from) {
			t.Errorf("%s (%s, on %s) over %s: %v", a.from.name, a.from.role, a.from.node, a.protocol, a.err)
		}
		if who := strings.TrimSpace(a.from.env + " " + string(a.from.role)); a.err != nil && !slices.Contains(without, who) {
			without = append(without, who)
		}
	}
	slices.Sort(without)
	happened("%d questions; no answer for %s", len(answers), strings.Join(without, ", "))
}

func asksDNS(from *party) bool { return isWanted(from.env, from.role, "", dns, dnsPort) }

// askName asks for the address of a Service.
func askName(from *party, protocol string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return from.network.Dial(ctx, protocol, "10.96.0.10:53")
	}}
	_, err := resolver.LookupNetIP(ctx, "ip4", "kubernetes.default.svc.cluster.local.")
	return err
}

// connectInternet makes a host beyond the cluster, in a network of its own behind the first node, until the test ends.
// Nobody listens there, so whoever arrives is refused, and who is kept from it hears nothing.
func connectInternet(t *testing.T) {
	t.Helper()
	beyond, err := podnet.Hold()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = beyond.Close() }) // The interfaces go with it.
	ip := func(n podnet.Network, line string) {
		t.Helper()
		if err := n.Run("ip", strings.Fields(line)...); err != nil {
			t.Fatal(err)
		}
	}
	node := nodeNetwork(t)
	ip(node, "link add internet type veth peer name node netns "+strconv.Itoa(beyond.Process()))
	ip(node, "link set internet up")
	ip(beyond.Network, "link set node up")
	ip(beyond.Network, "address add "+internetAddress.String()+"/32 dev node")
	ip(beyond.Network, "route add "+sandbox.NodeAddress+" dev node")
	ip(beyond.Network, "route add default via "+sandbox.NodeAddress)
	ip(node, "route add "+internetAddress.String()+" dev internet src "+sandbox.NodeAddress)
}

// nodeNetwork is that of the first node: of the process that serves the cluster's control socket.
func nodeNetwork(t *testing.T) podnet.Network {
	t.Helper()
	connection, err := net.Dial("unix", *dir+"/control.sock")
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	raw, err := connection.(*net.UnixConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var peer *syscall.Ucred
	if failure := raw.Control(func(socket uintptr) {
		peer, err = syscall.GetsockoptUcred(int(socket), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); errors.Join(failure, err) != nil {
		t.Fatal(errors.Join(failure, err))
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/ns/net", peer.Pid)); err != nil {
		t.Fatalf("the cluster's process: %v", err)
	}
	return podnet.Of(int(peer.Pid))
}
