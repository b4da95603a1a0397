package server_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"gitlab.com/towpath/towpath/service/server"
	"gitlab.com/towpath/towpath/service/workload"
)

// A reason that a workload leaves is in the log, beside the request it explains, and nowhere else.
func TestExplain(t *testing.T) {
	s, log := newServer(t, nil, workload.Workload{Name: "w", Routes: []workload.Route{
		{Method: "GET", Path: "/", Handler: func(c *fiber.Ctx) error {
			workload.Explain(c, errors.New("dial tcp 10.1.2.3: refused"))
			return c.Status(500).SendString("sorry")
		}},
		{Method: "GET", Path: "/fine", Handler: func(*fiber.Ctx) error { return nil }},
	}})
	if _, body := send(t, s, "GET", "/"); body != "sorry" {
		t.Errorf("got %s", body)
	}
	if got := log.last(t, "request"); got["error"] != "dial tcp 10.1.2.3: refused" || got["level"] != "ERROR" {
		t.Errorf("got %v", got)
	}
	send(t, s, "GET", "/fine")
	if got, there := log.last(t, "request")["error"]; there {
		t.Errorf("got %v", got)
	}
}

// Two workloads may share a part, and with it its metrics; two parts may not share a name.
func TestSharedMetrics(t *testing.T) {
	metric := func() prometheus.Collector {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "shared_total", Help: "For a test."})
	}
	one, two := metric(), metric()
	bearing := func(name string, m prometheus.Collector) workload.Workload {
		return workload.Workload{Name: name, Metrics: []prometheus.Collector{m}}
	}
	discard := slog.New(slog.DiscardHandler)
	if _, err := server.New(testConfig(t, nil), discard, testBuild, bearing("a", one), bearing("b", one)); err != nil {
		t.Error(err)
	}
	_, err := server.New(testConfig(t, nil), discard, testBuild, bearing("a", one), bearing("b", two))
	if err == nil || !strings.Contains(err.Error(), "metrics of b: ") {
		t.Errorf("got %v", err)
	}
}
