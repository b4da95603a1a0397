// Package load sends a constant load to a service and accounts for each request: while pods come and go, a user may
// not notice. The load is bounded in rate and in requests at a time, and ends when it is told to.
//
// Three kinds of client matter, because each fails at another moment. One that connects anew for each request fails
// where connections are still sent to a pod that is gone. One that keeps its connection fails where a pod closes it while
// the next request is under way. One that is slow fails where a pod does not wait for what it has begun.
package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what is asked for, and how often.
type Config struct {
	// URL is asked for with GET, which is to be answered with 200.
	URL string
	// Dial connects to the service.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Fresh is the number of requests a second with connections of their own.
	Fresh int
	// Kept is the number of clients that keep a connection. Each sends ten requests a second.
	Kept int
	// Slow is the number of clients that take SlowTime over each request, one after the other.
	Slow     int
	SlowTime time.Duration
}

// Of each client.
const (
	keptInterval = 100 * time.Millisecond
	timeout      = 15 * time.Second
	// maxFresh is how many requests with connections of their own are under way at most.
	maxFresh = 100
)

// Failure is a request that was not answered with 200.
type Failure struct {
	// At is when it was sent, and After how long it took to fail.
	At    time.Time
	After time.Duration
	// Client is fresh, kept or slow.
	Client string
	// Refused tells that there was no connection to send it over, so that anybody may send it again.
	Refused bool
	Err     error
}

func (f Failure) String() string {
	return fmt.Sprintf("%s %s, after %s: %v", f.At.Format("15:04:05.000"), f.Client, f.After.Round(time.Millisecond), f.Err)
}

// errRefused is the failure to connect.
var errRefused = errors.New("no connection")

// Result is what became of the requests.
type Result struct {
	Requests int
	Failures []Failure
	// HeldBack is how many more would have been sent if not so many had been waiting for an answer.
	HeldBack int
	// Slowest is the longest time that an answer took, but for slow clients, whose own time it is.
	Slowest time.Duration
	// Lasted is the time from start to stop.
	Lasted time.Duration
}

func (r Result) String() string {
	text := fmt.Sprintf("%d requests in %.0f s, %d failed, the slowest answer after %.2f s", r.Requests, r.Lasted.Seconds(), len(r.Failures), r.Slowest.Seconds())
	if r.HeldBack > 0 {
		text += fmt.Sprintf(" (%d more were held back then)", r.HeldBack)
	}
	return text
}

// Load is one that is under way.
type Load struct {
	config   Config
	start    time.Time
	stop     chan struct{}
	stopOnce sync.Once
	clients  sync.WaitGroup
	inFlight atomic.Int64

	mu     sync.Mutex
	result Result
}

// Start starts a load.
func Start(c Config) *Load {
	l := &Load{config: c, start: time.Now(), stop: make(chan struct{})}
	if c.Fresh > 0 {
		l.clients.Go(l.fresh)
	}
	for range c.Kept {
		l.clients.Go(l.kept)
	}
	for range c.Slow {
		l.clients.Go(l.slow)
	}
	return l
}

// Stop ends the load, waits for the requests under way, and returns what became of all. A second call says the same.
func (l *Load) Stop() Result {
	l.stopOnce.Do(func() { close(l.stop) })
	l.clients.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.result.Lasted == 0 {
		l.result.Lasted = time.Since(l.start)
	}
	return l.result
}

// InFlight is the number of requests under way.
func (l *Load) InFlight() int { return int(l.inFlight.Load()) }

// SoFar is what became of the requests until now.
func (l *Load) SoFar() Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	result := l.result
	result.Failures = append([]Failure(nil), l.result.Failures...)
	result.Lasted = time.Since(l.start)
	return result
}

// fresh sends requests at a constant rate, however long the answers take, up to maxFresh at a time.
func (l *Load) fresh() {
	transport := &http.Transport{DialContext: l.config.Dial, DisableKeepAlives: true}
	ticker := time.NewTicker(time.Second / time.Duration(l.config.Fresh))
	defer ticker.Stop()
	var underWay sync.WaitGroup
	defer underWay.Wait()
	room := make(chan struct{}, maxFresh)
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
		}
		select {
		case room <- struct{}{}:
		default:
			l.mu.Lock()
			l.result.HeldBack++
			l.mu.Unlock()
			continue
		}
		underWay.Go(func() {
			l.account("fresh", func(ctx context.Context) error { return get(ctx, transport, l.config.URL) })
			<-room
		})
	}
}

// kept sends a request at a time over a connection that it keeps for as long as the service does.
func (l *Load) kept() {
	transport := &http.Transport{DialContext: l.config.Dial, MaxIdleConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	ticker := time.NewTicker(keptInterval)
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
			l.account("kept", func(ctx context.Context) error { return get(ctx, transport, l.config.URL) })
		}
	}
}

// slow sends requests whose bodies take their time.
func (l *Load) slow() {
	transport := &http.Transport{DialContext: l.config.Dial, DisableKeepAlives: true}
	for {
		select {
		case <-l.stop:
			return
		default:
			l.account("slow", func(ctx context.Context) error {
				body, half := io.Pipe()
				go func() {
					_, _ = half.Write([]byte("half")) // The reader says what went wrong.
					pause(ctx, l.config.SlowTime)
					_, _ = half.Write([]byte("half"))
					_ = half.Close()
				}()
				return send(ctx, transport, l.config.URL, body)
			})
		}
	}
}

// account sends one request and keeps what became of it.
func (l *Load) account(client string, send func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	at := time.Now()
	l.inFlight.Add(1)
	err := send(ctx)
	l.inFlight.Add(-1)
	l.done(client, at, err)
}

func (l *Load) done(client string, at time.Time, err error) {
	after := time.Since(at)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.result.Requests++
	if client != "slow" {
		l.result.Slowest = max(l.result.Slowest, after)
	}
	if err != nil {
		l.result.Failures = append(l.result.Failures, Failure{At: at, After: after, Client: client, Refused: errors.Is(err, errRefused), Err: err})
	}
}

func get(ctx context.Context, transport *http.Transport, url string) error {
	return send(ctx, transport, url, nil)
}

// errSentAgain is a failure that Go's client hides: it repeats a GET, as it may. It may not repeat a POST.
var errSentAgain = errors.New("the connection broke under the request, which Go's client then sent again")

func send(ctx context.Context, transport *http.Transport, url string, body io.Reader) error {
	var connected atomic.Bool
	var sent atomic.Int64
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(httptrace.GotConnInfo) { connected.Store(true) },
		WroteHeaders: func() { sent.Add(1) },
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, body)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	switch {
	case err != nil && !connected.Load():
		return fmt.Errorf("%w: %w", errRefused, err)
	case err != nil:
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("half an answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	if sent.Load() > 1 {
		return errSentAgain
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
