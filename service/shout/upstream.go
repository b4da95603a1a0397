package shout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"

	"gitlab.com/towpath/towpath/service/tracing"
)

const (
	tries      = 4
	tryTimeout = time.Second
	budget     = 2 * time.Second // for all tries and the pauses between them
	firstPause = 100 * time.Millisecond

	// failuresToOpen is how many tries in a row fail before the breaker opens.
	failuresToOpen = 10
	// restTime is how long it then stays open before one try is let through as a trial.
	restTime = 2 * time.Second
)

// The results of a try, as the metrics have them.
const (
	resultOK          = "ok"
	resultTimeout     = "timeout"
	resultUnreachable = "unreachable"
	resultStatus      = "status"
	resultAnswer      = "bad_answer"
	resultSkipped     = "skipped" // the breaker was open
)

// upstream is an upper-caser behind HTTP:
//
//	POST {"INPUT": "test"}  ->  {"INPUT": "test", "OUTPUT": "TEST"}
//
// Upper-casing changes nothing, so a try may be repeated even when it is not known what became of it.
type upstream struct {
	url       string
	client    *http.Client
	breaker   *gobreaker.CircuitBreaker[string]
	requests  *prometheus.CounterVec
	durations prometheus.Histogram
	state     prometheus.GaugeFunc
}

// failure is a try that gave no text.
type failure struct {
	result string
	reason error
	retry  bool // another try may do better; and the fault is upstream's, not the text's
}

func (f *failure) Error() string { return f.reason.Error() }
func (f *failure) Unwrap() error { return f.reason }

func newUpstream(address string, transport http.RoundTripper) *upstream {
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConnsPerHost = own.MaxIdleConns // there is only one host
		transport = own
	}
	u := &upstream{
		url: address,
		client: &http.Client{
			Transport: tracing.Transport(transport),
			// A redirect would carry the texts to where nobody decided they may go.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		breaker: gobreaker.NewCircuitBreaker[string](gobreaker.Settings{
			Timeout:     restTime,
			ReadyToTrip: func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= failuresToOpen },
			// An upstream that answers is well enough to be asked. Otherwise one client with texts that
			// it refuses would shut everyone out.
			IsSuccessful: func(err error) bool {
				var f *failure
				return err == nil || errors.As(err, &f) && !f.retry
			},
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "shout_upstream_requests_total",
			Help: "Tries to have a text upper-cased by SHOUT_URL, by result: ok, timeout, unreachable, status (not a 2xx), bad_answer (no OUTPUT), or skipped while it is taken to be down.",
		}, []string{"result"}),
		durations: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "shout_upstream_request_duration_seconds",
			Help:    "Time that tries at SHOUT_URL took, failed ones included and skipped ones not.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1},
		}),
	}
	u.state = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "shout_upstream_breaker_state",
		Help: "Whether SHOUT_URL is asked: 0 yes, 1 on trial, 2 no, because it is taken to be down.",
	}, func() float64 { return float64(u.breaker.State()) })
	for _, result := range []string{resultOK, resultTimeout, resultUnreachable, resultStatus, resultAnswer, resultSkipped} {
		u.requests.WithLabelValues(result) // from the start, so that the first failure is an increase
	}
	return u
}

func (u *upstream) metrics() []prometheus.Collector {
	return []prometheus.Collector{u.requests, u.durations, u.state}
}

// Upper tries until the text is upper-cased, trying again cannot help, or the budget is spent.
func (u *upstream) Upper(ctx context.Context, text string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	pause := firstPause
	for n := 1; ; n++ {
		output, err := u.breaker.Execute(func() (string, error) { return u.try(ctx, text) })
		if err == nil {
			return output, nil
		}
		var f *failure
		if !errors.As(err, &f) { // the breaker's own word
			u.requests.WithLabelValues(resultSkipped).Inc()
			f = &failure{result: resultSkipped, reason: err}
		}
		if f.result == resultAnswer {
			return "", fmt.Errorf("%w: %w", errAnswer, f)
		}
		// Half of the pause is chance, lest those that failed together come back together.
		wait := pause/2 + rand.N(pause)
		if deadline, _ := ctx.Deadline(); !f.retry || n == tries || time.Until(deadline) <= wait {
			return "", fmt.Errorf("%w: try %d: %w", errContact, n, f)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return "", fmt.Errorf("%w: try %d: %w", errContact, n, f)
		}
		pause *= 2
	}
}

// try asks once and accounts for it. The error is a *failure.
func (u *upstream) try(ctx context.Context, text string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	start := time.Now()
	output, f := u.ask(ctx, text)
	u.durations.Observe(time.Since(start).Seconds())
	if f != nil {
		u.requests.WithLabelValues(f.result).Inc()
		return "", f
	}
	u.requests.WithLabelValues(resultOK).Inc()
	return output, nil
}

func (u *upstream) ask(ctx context.Context, text string) (string, *failure) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url, bytes.NewReader(encode("INPUT", text)))
	if err != nil {
		return "", &failure{result: resultUnreachable, reason: withoutURL(err)}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	answer, err := u.client.Do(request)
	if err != nil {
		return "", broken(err)
	}
	defer answer.Body.Close()

	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return "", &failure{
			result: resultStatus,
			reason: fmt.Errorf("status %d", answer.StatusCode),
			retry:  answer.StatusCode >= 500 || answer.StatusCode == http.StatusTooManyRequests,
		}
	}
	// A letter becomes three at most, and JSON writes a byte in six at most: both texts of an honest
	// answer fit in this.
	limit := int64(64<<10 + 24*len(text))
	body, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err != nil {
		return "", broken(err)
	}
	if int64(len(body)) > limit {
		return "", &failure{result: resultAnswer, reason: fmt.Errorf("more than %d bytes", limit)}
	}
	output, ok := jsonString(body, "OUTPUT")
	if !ok {
		return "", &failure{result: resultAnswer, reason: fmt.Errorf("%d bytes without an OUTPUT", len(body))}
	}
	return output, nil
}

// broken is the failure of a connection.
func broken(err error) *failure {
	var network net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout() {
		return &failure{result: resultTimeout, reason: errors.New("timeout"), retry: true}
	}
	return &failure{result: resultUnreachable, reason: withoutURL(err), retry: true}
}

// withoutURL takes the URL out of an error that is for the log: a URL may hold a key.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
