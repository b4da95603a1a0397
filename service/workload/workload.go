// Package workload is what a workload and the server know of each other.
//
// The service carries several workloads in one process, on one port and under one root. A
// workload is a value: the routes it answers, the conditions it needs and the metrics it keeps.
// The server mounts it, and whatever holds for every request (ids, logs, metrics, limits, error
// answers) is the server's business alone, so a workload consists of its own subject and nothing
// else.
package workload

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// Workload is one part of the service.
type Workload struct {
	Name   string
	Routes []Route
	Checks []Check
	// Metrics join those of the server on /metrics.
	Metrics []prometheus.Collector
}

// Route is one method on one path. A path consists of constant segments, ":name" segments that
// match any one segment, and possibly a final "*" that matches the rest. GET brings HEAD with it.
type Route struct {
	Method  string
	Path    string
	Handler fiber.Handler
	// BodyLimit is for a route that takes more than the service's BODY_LIMIT, in bytes; its path has no
	// parameters. The body is then a stream: the handler reads Context().RequestBodyStream(),
	// nil for an empty body, within that limit.
	BodyLimit int
}

// Check is a condition of readiness, such as a reachable database. Run returns the reason when
// it does not hold; the reason is logged and never shown to a client.
type Check struct {
	Name string
	Run  func(context.Context) error
}

// Validate reports routes that the server could not mount as meant: malformed ones, and any two
// that some request would match both of, because then the order of mounting would decide. Within one
// workload a constant path may shadow a pattern ("/people/new" before "/people/:id"); there,
// only the same pattern twice is a mistake.
func Validate(workloads ...Workload) error {
	var problems []string
	for i, w := range workloads {
		for j, r := range w.Routes {
			if reason := r.malformed(); reason != "" {
				problems = append(problems, fmt.Sprintf("%s: %s %s: %s", w.Name, r.Method, r.Path, reason))
			}
			for _, other := range w.Routes[:j] {
				if r.sameMethod(other) && pattern(r.Path) == pattern(other.Path) {
					problems = append(problems, fmt.Sprintf("%s: %s %s is there twice", w.Name, r.Method, r.Path))
				}
			}
			for _, before := range workloads[:i] {
				for _, other := range before.Routes {
					if r.sameMethod(other) && overlap(r.Path, other.Path) {
						problems = append(problems, fmt.Sprintf("%s: %s %s is taken by %s: %s %s",
							w.Name, r.Method, r.Path, before.Name, other.Method, other.Path))
					}
				}
			}
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("routes that cannot be mounted:\n  %s", strings.Join(problems, "\n  "))
	}
	return nil
}

func (r Route) malformed() string {
	segments := strings.Split(r.Path, "/")
	switch {
	case !slices.Contains(fiber.DefaultMethods, r.Method):
		return "not a method"
	case r.Handler == nil:
		return "no handler"
	case r.BodyLimit != 0 && strings.ContainsAny(r.Path, ":*"):
		return "a body limit of its own is for a constant path"
	case segments[0] != "" || len(segments) < 2:
		return "a path starts with /"
	}
	for i, s := range segments {
		name, isParam := strings.CutPrefix(s, ":")
		switch {
		case s == "*" && i == len(segments)-1:
		case isParam && name == "":
			return "a parameter has a name"
		case strings.ContainsAny(name, `:*+?<>()\-.`) && isParam, strings.ContainsAny(s, `:*+?<>()\`) && !isParam:
			// Fiber gives these characters meanings that overlap knows nothing of.
			return fmt.Sprintf("segment %q is neither constant nor a parameter", s)
		}
	}
	return ""
}

func (r Route) sameMethod(other Route) bool {
	return r.Method == other.Method ||
		r.Method == fiber.MethodGet && other.Method == fiber.MethodHead ||
		r.Method == fiber.MethodHead && other.Method == fiber.MethodGet
}

// pattern is the path without the names of its parameters, which play no part in matching.
func pattern(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if strings.HasPrefix(s, ":") {
			segments[i] = ":"
		}
	}
	return strings.Join(segments, "/")
}

// overlap tells whether some path matches both a and b.
func overlap(a, b string) bool {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	for i := range max(len(as), len(bs)) {
		if i < len(as) && as[i] == "*" || i < len(bs) && bs[i] == "*" {
			return true
		}
		if i >= len(as) || i >= len(bs) {
			return false
		}
		if as[i] == bs[i] {
			continue
		}
		// A parameter matches any segment but an empty one.
		aParam, bParam := strings.HasPrefix(as[i], ":"), strings.HasPrefix(bs[i], ":")
		if !(aParam && bParam || aParam && bs[i] != "" || bParam && as[i] != "") {
			return false
		}
	}
	return true
}
