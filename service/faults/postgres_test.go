package faults

import (
	"context"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/cli/clitest"
	"gitlab.com/towpath/towpath/service/database/databasetest"
)

// The database goes away under load, politely and not, and comes back. The service stays.
func TestPostgresGoesAndComesBack(t *testing.T) {
	t.Parallel()
	server := databasetest.Server(t)
	name, err := server.Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	env := "DATABASE_URL=" + server.URL(name)
	migrate(t, env)
	addUser(t, "ANN", env)
	p := clitest.Launch(t, env)
	p.Listening(t)
	base := "http://" + p.Addr
	l := begin(t, base, "ANN")
	l.progress(100)

	for _, away := range []struct {
		how  string
		stop func() error
	}{{"stopped", server.Stop}, {"killed", server.Kill}, {"killed again", server.Kill}} {
		if err := away.stop(); err != nil {
			t.Fatal(err)
		}
		expect(t, base, "/readyz", 503)
		alive(t, base)
		l.refusals(20)
		others := l.others.Load()
		clitest.Eventually(t, "the other workloads", func() bool { return l.others.Load() > others+10 || t.Failed() })
		if err := server.Restart(); err != nil {
			t.Fatal(err)
		}
		expect(t, base, "/readyz", 200)
		l.progress(100)
		t.Logf("%s: %d changes, %d refusals so far", away.how, l.wrote.Load(), l.failed.Load())
	}
	l.stop()
	l.people.kept(t, "people", l.register())
	l.notes.kept(t, "notes", l.notesOf("ANN"))
}

// The network swallows what goes to the database, and later drops the connections: the worst
// case, because nothing says that anything is wrong.
func TestPostgresDoesNotAnswer(t *testing.T) {
	t.Parallel()
	server := databasetest.Server(t)
	name, err := server.Create(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	direct := "DATABASE_URL=" + server.URL(name)
	migrate(t, direct)
	addUser(t, "ANN", direct)
	wire := newNetwork(t, "unix", filepath.Join(server.Socket(), ".s.PGSQL.5432"))
	through := url.URL{Scheme: "postgres", User: url.User("postgres"), Host: wire.addr, Path: "/" + name, RawQuery: "sslmode=disable"}
	p := clitest.Launch(t, "DATABASE_URL="+through.String())
	p.Listening(t)
	base := "http://" + p.Addr
	l := begin(t, base, "ANN")
	l.progress(50)

	wire.cut()
	expect(t, base, "/readyz", 503)
	alive(t, base)
	within(t, 15*time.Second, "/readyz", func() { get(t, base+"/readyz") })
	l.refusals(6) // each after its full wait
	wire.mend()
	expect(t, base, "/readyz", 200)
	l.progress(50)
	l.stop()
	l.people.kept(t, "people", l.register())
	l.notes.kept(t, "notes", l.notesOf("ANN"))
}

// network is a way to a server that can be cut like a cable.
type network struct {
	addr    string
	mu      sync.Mutex
	isCut   bool
	mended  chan struct{}
	through map[net.Conn]bool
}

func newNetwork(t testing.TB, kind, to string) *network {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &network{addr: l.Addr().String(), mended: make(chan struct{}), through: map[net.Conn]bool{}}
	t.Cleanup(func() {
		l.Close()
		n.mend()
		n.drop()
	})
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial(kind, to)
			if err != nil {
				near.Close()
				continue
			}
			n.mu.Lock()
			n.through[near], n.through[far] = true, true
			n.mu.Unlock()
			go n.carry(near, far)
			go n.carry(far, near)
		}
	}()
	return n
}

// carry copies from one end to the other. What arrives while the cable is cut is lost, and with
// it the connection, but neither end learns of that before the cable is mended.
func (n *network) carry(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		size, err := from.Read(buffer)
		n.mu.Lock()
		isCut, mended := n.isCut, n.mended
		n.mu.Unlock()
		if isCut {
			go func() { _, _ = io.Copy(io.Discard, from) }()
			<-mended
			return
		}
		if _, failed := to.Write(buffer[:size]); err != nil || failed != nil {
			return
		}
	}
}

func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.isCut = true
}

func (n *network) mend() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.isCut {
		n.isCut = false
		close(n.mended)
		n.mended = make(chan struct{})
	}
}

func (n *network) drop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.through {
		c.Close()
	}
}
