package server

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// route accounts for one method on one path template. Looking up a labelled metric and encoding
// a fixed part of a log line cost more than using them, so what nearly every request needs is
// made once, here.
type route struct {
	method, path string
	isProbe      bool
	log          slog.Handler // has method and route in it
	requests     *prometheus.CounterVec
	ok           prometheus.Counter // status 200
	duration     prometheus.Observer
}

// newRoute also serves for requests that matched no route; their path is "unmatched",
// or "unreadable" when there was no request to match.
func newRoute(m *metrics, log *slog.Logger, method, path string) *route {
	return &route{
		method: method, path: path,
		log:      log.Handler().WithAttrs([]slog.Attr{slog.String("method", method), slog.String("route", path)}),
		requests: m.requests,
		duration: m.durations.WithLabelValues(method, path),
	}
}

func (r *route) observe(status int, elapsed time.Duration) {
	if status == http.StatusOK && r.ok != nil {
		r.ok.Inc()
	} else {
		r.requests.WithLabelValues(r.method, r.path, strconv.Itoa(status)).Inc()
	}
	r.duration.Observe(elapsed.Seconds())
}
