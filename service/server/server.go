// Package server assembles workloads into one HTTP service.
//
// A request passes through three layers, each with one duty:
//
//	listener   bounds the open connections (listener.go)
//	edge       does what holds for every answer, malformed requests included: request id,
//	           metrics, access log, trace, recovery from panics (edge.go)
//	Fiber      finds the route and runs the workload's handler
//
// The edge sits around Fiber and not inside it as middleware, because Fiber answers some
// requests before any middleware runs: those it cannot parse and those with an unknown method.
//
// [Server.Start] listens; [Server.Stop] drains. Between SIGTERM and the end, readiness fails
// first while requests are still served, so that load balancers look elsewhere; then the
// listener closes and the requests in flight finish.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"gitlab.com/towpath/towpath/service/build"
	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/page"
	"gitlab.com/towpath/towpath/service/problem"
	"gitlab.com/towpath/towpath/service/tracing"
	"gitlab.com/towpath/towpath/service/workload"
)

// headerLimit is the largest request line with headers, in bytes. Each open connection holds a
// buffer of this size, so it is no larger than cookies and long paths need.
const headerLimit = 16 << 10

// methodOther stands for every method that HTTP does not define. Routing them under one name
// gives 404 and 405 as for any method, and keeps clients from inventing metric labels.
const methodOther = "OTHER"

// Server is the assembled service.
type Server struct {
	cfg      config.Config
	log      *slog.Logger
	app      *fiber.App
	metrics  *metrics
	ops      *http.Server
	edge     *edge
	draining atomic.Bool

	listener    *listener
	opsListener net.Listener
	served      chan error // one value: why the service's listener ended
}

// New assembles the workloads. Nothing listens yet. The error lists routes that clash, or names
// a metric that two workloads claim.
func New(cfg config.Config, log *slog.Logger, info build.Info, workloads ...workload.Workload) (*Server, error) {
	s := &Server{cfg: cfg, log: log, metrics: newMetrics(info), served: make(chan error, 1)}
	all := append([]workload.Workload{probes(&s.draining, log, info, workloads), page.Assets()}, workloads...)
	if err := workload.Validate(all...); err != nil {
		return nil, err
	}
	for _, w := range workloads {
		for _, m := range w.Metrics {
			err := s.metrics.registry.Register(m)
			// Workloads may have a part in common, such as a client, and each brings its metrics.
			if known := (prometheus.AlreadyRegisteredError{}); errors.As(err, &known) && known.ExistingCollector == m {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("metrics of %s: %w", w.Name, err)
			}
		}
	}

	s.app = fiber.New(fiber.Config{
		Immutable:             true,
		StrictRouting:         true,
		CaseSensitive:         true,
		DisableStartupMessage: true,
		ErrorHandler:          s.answerError,
		RequestMethods:        append(append([]string{}, fiber.DefaultMethods...), methodOther),

		ReadTimeout:    cfg.ReadTimeout,
		WriteTimeout:   cfg.WriteTimeout,
		IdleTimeout:    cfg.IdleTimeout,
		ReadBufferSize: headerLimit,
		BodyLimit:      cfg.BodyLimit,
		// The listener enforces the limit, with an answer like any other. Fiber's own counts a
		// connection a little longer, hence the room.
		Concurrency: 2 * cfg.MaxConnections,
		// A form stays in memory, where BODY_LIMIT bounds it; parsing ahead of the handler would
		// put its files in the temporary folder, and the container has none.
		DisablePreParseMultipartForm: true,
		StreamRequestBody:            true, // body.go has the rest of it

		EnableTrustedProxyCheck: true,
		TrustedProxies:          prefixStrings(cfg.TrustedProxies),
		ProxyHeader:             fiber.HeaderXForwardedFor, // made trustworthy by the edge
	})
	for i, w := range all {
		for _, r := range w.Routes {
			s.mount(r, i == 0)
		}
	}

	s.edge = &edge{
		next:     s.app.Handler(),
		log:      log,
		metrics:  s.metrics,
		trusted:  cfg.TrustedProxies,
		draining: &s.draining,
		bodies:   newBodies(cfg.BodyLimit, cfg.ReadTimeout, workloads),
	}
	s.app.Server().Handler = s.edge.handle
	s.app.Server().HeaderReceived = s.edge.bodies.headerReceived
	s.app.Server().ErrorHandler = s.edge.reject
	s.ops = s.metrics.server()
	return s, nil
}

func (s *Server) mount(r workload.Route, isProbe bool) {
	methods := []string{r.Method}
	if r.Method == fiber.MethodGet {
		methods = append(methods, fiber.MethodHead)
	}
	for _, method := range methods {
		known := newRoute(s.metrics, s.log, method, r.Path)
		known.isProbe = isProbe
		known.ok = s.metrics.requests.WithLabelValues(method, r.Path, "200")
		s.app.Add(method, r.Path, func(c *fiber.Ctx) error {
			c.Context().SetUserValue(routeKey{}, known)
			if s.edge.tracer != nil {
				if span, ok := c.Context().UserValue(spanKey{}).(*tracing.Request); ok {
					c.SetUserContext(span.Context())
				}
			}
			return r.Handler(c)
		})
	}
}

// Trace makes a trace of every request but the probes. It is to be called before Start; nil is no traces.
func (s *Server) Trace(t *tracing.Tracer) { s.edge.tracer = t }

// App is the Fiber application with the edge around it, for tests that need no listener.
func (s *Server) App() *fiber.App { return s.app }

// Start binds both ports and serves them until Stop.
func (s *Server) Start() error {
	tcp, err := listenTCP(s.cfg.Host, s.cfg.Port)
	if err != nil {
		return fmt.Errorf("listen on PORT: %w", err)
	}
	s.opsListener, err = listenTCP(s.cfg.Host, s.cfg.MetricsPort)
	if err != nil {
		_ = tcp.Close()
		return fmt.Errorf("listen on METRICS_PORT: %w", err)
	}
	forgetStart()
	s.listener = newListener(tcp, s.cfg, s.metrics)
	go func() { s.served <- s.app.Listener(s.listener) }()
	go func() {
		if err := s.ops.Serve(s.opsListener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("metrics are no longer served", "error", err)
		}
	}()
	s.log.Info("listening", "address", s.Addr(), "metrics_address", s.MetricsAddr())
	return nil
}

// forgetStart frees what only the start needed. The collector lets the heap grow to twice of what it
// last found in use, and that was mostly the pool of 4 MiB buffers through which goose reads
// migrations. It takes two collections, because a pool outlives one.
func forgetStart() {
	runtime.GC()
	runtime.GC()
}

// Addr is the address of the service, after Start.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// MetricsAddr is the address of the metrics, after Start.
func (s *Server) MetricsAddr() string { return s.opsListener.Addr().String() }

// Failed delivers the reason if serving ends without Stop.
func (s *Server) Failed() <-chan error { return s.served }

// Stop ends the service: it fails readiness, serves on for the delay, then closes the listener
// and gives requests in flight the grace of SHUTDOWN_GRACE. The error says that requests were
// cut off after that.
func (s *Server) Stop(delay time.Duration) error {
	s.draining.Store(true)
	s.log.Info("draining", "delay", delay.String(), "grace", s.cfg.ShutdownGrace.String())
	time.Sleep(delay)

	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownGrace)
	defer cancel()
	err := s.app.ShutdownWithContext(ctx)
	// Shutdown overlooks a listener that Serve has not seen yet.
	_ = s.listener.Close()
	<-s.served //nolint:errcheck // The listener was closed: what Serve says of it is no news.
	// The metrics stay to the very end: the last scrape sees the last requests.
	_ = s.ops.Close()
	if err != nil {
		return fmt.Errorf("requests were still in flight after %s: %w", s.cfg.ShutdownGrace, err)
	}
	s.log.Info("stopped")
	return nil
}

// answerError turns what a handler returned into the answer.
func (s *Server) answerError(c *fiber.Ctx, err error) error {
	var p *problem.Problem
	var fiberError *fiber.Error
	switch {
	case errors.As(err, &p):
	case errors.As(err, &fiberError) && fiberError.Code < http.StatusInternalServerError:
		// Its text may quote the request or a library; the status is all that is certain to be harmless.
		p = problem.New(fiberError.Code, "")
	default:
		s.log.Error("request failed", "error", err, "request_id", c.Get(fiber.HeaderXRequestID))
		p = failure(c, err)
	}
	writeProblem(c.Context(), p, c.Get(fiber.HeaderXRequestID))
	return nil
}

func listenTCP(host string, port int) (*net.TCPListener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}
