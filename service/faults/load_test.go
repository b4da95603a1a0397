package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/cli/clitest"
)

// requestLimit is how long any request may take: the longest that a handler waits for its stores,
// and room for a machine that is busy with other things.
const requestLimit = 25 * time.Second

// load is a number of clients that use the service until they are told to stop.
type load struct {
	t       testing.TB
	base    atomic.Value // the service's address, which may change
	stopped chan struct{}
	clients sync.WaitGroup

	accounts      int // that take notes
	people, notes *ledger
	wrote, failed atomic.Int64 // acknowledged changes, and answers that say 503
	others        atomic.Int64 // answers of the workloads that keep nothing
	full          atomic.Int64 // answers of a full disk
	uploaded      atomic.Int64 // images that were stored

	// breaks says that connections may break: the service is being killed.
	breaks atomic.Bool
	// forgets says that sessions may be lost: they are in a store that forgets.
	forgets bool
	// fullStatus is what a database answers whose disk is full; 0 if none is.
	fullStatus int
}

// begin starts the clients. The accounts are those that take notes.
func begin(t testing.TB, base string, accounts ...string) *load {
	t.Helper()
	l := &load{t: t}
	l.start(base, accounts...)
	return l
}

func (l *load) start(base string, accounts ...string) {
	l.stopped, l.people, l.notes = make(chan struct{}), newLedger(), newLedger()
	l.base.Store(base)
	l.accounts = len(accounts)
	for i := range 4 {
		l.clients.Go(func() { l.repeat(newRegistrar(l, i).step) })
	}
	for _, name := range accounts {
		l.clients.Go(func() { l.repeat((&writer{client: newClient(l), load: l, name: name}).step) })
	}
	l.clients.Go(func() { l.repeat((&passer{client: newClient(l), load: l}).step) })
	l.t.Cleanup(l.stop)
}

func (l *load) repeat(step func()) {
	for {
		select {
		case <-l.stopped:
			return
		default:
			step()
			time.Sleep(2 * time.Millisecond) // the service is to be busy, and not the machine alone
		}
	}
}

// stop waits for the clients' last answers.
func (l *load) stop() {
	select {
	case <-l.stopped:
	default:
		close(l.stopped)
	}
	l.clients.Wait()
}

// progress waits until n more changes have been acknowledged, and something of each kind: a sign-in
// takes long enough for the register to be far ahead.
func (l *load) progress(n int64) {
	l.t.Helper()
	enough := l.wrote.Load() + n
	clitest.Eventually(l.t, "clients that get on", func() bool {
		promised := l.people.promised() && (l.accounts == 0 || l.notes.promised())
		return promised && l.wrote.Load() >= enough || l.t.Failed()
	})
}

// refusals waits until n more answers have been 503.
func (l *load) refusals(n int64) {
	l.t.Helper()
	enough := l.failed.Load() + n
	clitest.Eventually(l.t, "clients that are refused", func() bool { return l.failed.Load() >= enough || l.t.Failed() })
}

// answer is what a client got. It is zero when the connection broke and was allowed to.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) failed() bool { return a.status == 0 || a.status >= 500 }

// client sends requests and judges what holds for every answer.
type client struct {
	*http.Client
	load *load
}

func newClient(l *load) client {
	c := *patient
	c.Transport = &http.Transport{}
	return client{&c, l}
}

func (c client) send(method, path, contentType, body string, header ...string) answer {
	l := c.load
	base := l.base.Load().(string)
	// Whether it was the service's end that broke this connection, which the test had announced.
	announced := func() bool { return l.breaks.Load() || l.base.Load() != base }
	r, err := http.NewRequest(method, base+path, strings.NewReader(body))
	if err != nil {
		l.t.Error(err)
		return answer{}
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	before := time.Now()
	got, err := c.Do(r)
	if err != nil {
		if !announced() {
			l.t.Errorf("%s %s: %v", method, path, err)
		}
		return answer{}
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		// Only a list is long enough to break off after its status, and then it must.
		if !announced() && path != "/people" {
			l.t.Errorf("%s %s: %v", method, path, err)
		}
		return answer{}
	}
	if took := time.Since(before); took > requestLimit {
		l.t.Errorf("%s %s took %v", method, path, took)
	}
	a := answer{got.StatusCode, got.Header, string(text)}
	l.judge(method+" "+path, a)
	return a
}

// judge checks that a failure says so, in the way that is documented, and tells nothing else.
func (l *load) judge(what string, a answer) {
	if a.header.Get("X-Request-Id") == "" {
		l.t.Errorf("%s: %d without a request id", what, a.status)
	}
	if a.status < 500 {
		return
	}
	switch {
	case l.fullStatus != 0 && (a.status == l.fullStatus || a.status == 507):
		l.full.Add(1)
	case a.status == 503 && a.header.Get("Retry-After") != "":
		l.failed.Add(1)
	default:
		l.t.Errorf("%s: %d, Retry-After %q: %.500s", what, a.status, a.header.Get("Retry-After"), a.body)
		return
	}
	for _, secret := range []string{"SELECT", "INSERT", "SQLSTATE", "dial", "/tmp", "postgres", "redis", "goroutine"} {
		if strings.Contains(a.body, secret) {
			l.t.Errorf("%s tells about %s: %s", what, secret, a.body)
		}
	}
	if kind := a.header.Get("Content-Type"); strings.HasPrefix(kind, "text/html") {
		return // a page of the web app
	}
	var problem struct{ Status int }
	if err := json.Unmarshal([]byte(a.body), &problem); err != nil || problem.Status != a.status ||
		a.header.Get("Content-Type") != "application/problem+json" {
		l.t.Errorf("%s: %s %s", what, a.header.Get("Content-Type"), a.body)
	}
}

// passer uses the workloads that keep nothing. They are well whatever happens to the stores.
type passer struct {
	client
	load *load
	n    int
}

func (p *passer) step() {
	p.n++
	text := fmt.Sprintf("text %d", p.n)
	p.same(p.send("POST", "/", "application/x-www-form-urlencoded", url.Values{"data": {text}}.Encode()), `{"data":"`+shouted(text)+`"}`)
	p.same(p.send("GET", "/", "", ""), `{"link":"/dynamic"}`)
	p.same(p.send("GET", "/api/fibonacci/8", "", ""), "[1, 1, 2, 3, 5, 8, 13, 21]")
}

func (p *passer) same(a answer, want string) {
	switch {
	case a.status == 200 && a.body == want:
		p.load.others.Add(1)
	case a.status != 0:
		p.load.t.Errorf("got %d %s, want %s", a.status, a.body, want)
	}
}

// shouted is what becomes of an ASCII text.
func shouted(text string) string {
	reversed := make([]byte, 0, len(text))
	for i := len(text) - 1; i >= 0; i-- {
		reversed = append(reversed, text[i])
	}
	return strings.ToUpper(string(reversed))
}
