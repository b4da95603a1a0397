package server

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"gitlab.com/towpath/towpath/service/build"
)

// metrics is everything that /metrics shows. Labels are a closed set: the routes as they were
// declared, the methods of HTTP and the statuses we answer with. No client can add a series.
type metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec
	durations   *prometheus.HistogramVec
	inFlight    prometheus.Gauge
	connections prometheus.Gauge
	refused     prometheus.Counter
}

func newMetrics(info build.Info) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total",
			Help: "Requests answered, by method, route template and status.",
		}, []string{"method", "route", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "http_request_duration_seconds",
			Help:    "Time from a request being read to its answer being ready to write, by method and route template.",
			Buckets: []float64{.0001, .0005, .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "http_requests_in_flight",
			Help: "Requests being handled now.",
		}),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "http_connections_open",
			Help: "Client connections open now, idle ones included.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "http_connections_refused_total",
			Help: "Client connections answered 503 because MAX_CONNECTIONS were open.",
		}),
	}
	buildInfo := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "service_build_info",
		Help: "Always 1; the labels name the build.",
		ConstLabels: prometheus.Labels{
			"version": info.Version, "commit": info.Commit, "go": info.Go,
		},
	})
	buildInfo.Set(1)
	m.registry.MustRegister(
		m.requests, m.durations, m.inFlight, m.connections, m.refused, buildInfo,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// server is the HTTP server of METRICS_PORT. It repeats /livez, because there no crowd of
// clients can keep the kubelet out: a busy service must not be taken for a dead one.
func (m *metrics) server() *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(alive)
	})
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
	}
}
