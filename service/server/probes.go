package server

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/build"
	"gitlab.com/towpath/towpath/service/problem"
	"gitlab.com/towpath/towpath/service/workload"
)

// checkTimeout bounds the readiness checks together; the kubelet gives up after a second by
// default, and an answer that comes later helps nobody.
const checkTimeout = time.Second

// isProbe tells requests that come every few seconds, and whose traces nobody would look at.
func isProbe(path []byte) bool { return string(path) == "/livez" || string(path) == "/readyz" }

var alive = []byte("ok\n")

// probes is the server's own workload: what Kubernetes and operators ask.
func probes(draining *atomic.Bool, log *slog.Logger, info build.Info, workloads []workload.Workload) workload.Workload {
	var checks []workload.Check
	for _, w := range workloads {
		checks = append(checks, w.Checks...)
	}
	return workload.Workload{
		Name: "probes",
		Routes: []workload.Route{
			{Method: fiber.MethodGet, Path: "/livez", Handler: livez},
			{Method: fiber.MethodGet, Path: "/readyz", Handler: readyz(draining, log, checks)},
			{Method: fiber.MethodGet, Path: "/version", Handler: func(c *fiber.Ctx) error { return c.JSON(info) }},
		},
	}
}

// livez says that the process answers, and nothing else: a restart cures nothing that lies
// outside it.
func livez(c *fiber.Ctx) error {
	c.Response().Header.SetContentType(fiber.MIMETextPlainCharsetUTF8)
	c.Response().SetBodyRaw(alive)
	return nil
}

// readyz says whether new requests should come here.
func readyz(draining *atomic.Bool, log *slog.Logger, checks []workload.Check) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if draining.Load() {
			return problem.New(http.StatusServiceUnavailable, "The service is draining.")
		}
		ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
		defer cancel()
		var failed []problem.Field
		for _, check := range checks {
			if err := check.Run(ctx); err != nil {
				log.Warn("not ready", "check", check.Name, "error", err)
				failed = append(failed, problem.Field{Field: check.Name, Detail: "does not hold"})
			}
		}
		if len(failed) > 0 {
			return problem.New(http.StatusServiceUnavailable, "The service is not ready.", failed...)
		}
		return livez(c)
	}
}
