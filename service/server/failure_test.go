package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/jackc/pgx/v5/pgconn"

	"gitlab.com/towpath/towpath/service/workload"
)

// A database that is away is nobody's mistake: clients learn that they may come again.
func TestDatabaseFailures(t *testing.T) {
	fails := func(path string, err error) workload.Route {
		return workload.Route{Method: "GET", Path: path, Handler: func(*fiber.Ctx) error { return fmt.Errorf("SELECT secret: %w", err) }}
	}
	s, log := newServer(t, nil, workload.Workload{Name: "broken", Routes: []workload.Route{
		fails("/starting", &pgconn.PgError{Code: "57P03"}),
		fails("/slow", context.DeadlineExceeded),
		fails("/full", &pgconn.PgError{Code: "53100"}),
		fails("/bug", &pgconn.PgError{Code: "42601"}),
	}})
	for _, tt := range []struct {
		path, says, page string
		status           int
		retry            bool
	}{
		{"/starting", "try again later", "Not right now", 503, true},
		{"/slow", "try again later", "Not right now", 503, true},
		{"/full", "no room left", "The store is full", 507, false},
		{"/bug", "id finds the reason", "Something went wrong", 500, false},
	} {
		answer, body := send(t, s, "GET", tt.path)
		if answer.StatusCode != tt.status || answer.Header.Get("Content-Type") != "application/problem+json" ||
			(answer.Header.Get("Retry-After") != "") != tt.retry || !strings.Contains(body, tt.says) || strings.Contains(body, "SELECT") {
			t.Errorf("%s: %d %v %s", tt.path, answer.StatusCode, answer.Header, body)
		}
		if got := log.last(t, "request failed"); !strings.Contains(fmt.Sprint(got["error"]), "SELECT secret") {
			t.Errorf("%s: the reason is not in the log: %v", tt.path, got)
		}
		answer, body = send(t, s, "GET", tt.path, "Accept", "text/html")
		if answer.StatusCode != tt.status || (answer.Header.Get("Retry-After") != "") != tt.retry || !strings.Contains(body, tt.page) {
			t.Errorf("%s as a page: %d %v %s", tt.path, answer.StatusCode, answer.Header, body)
		}
	}
}

// However many checks there are, readiness answers before a kubelet gives up.
func TestReadinessChecksShareTheirTime(t *testing.T) {
	var deadlines []time.Time
	check := func(ctx context.Context) error {
		deadline, _ := ctx.Deadline()
		deadlines = append(deadlines, deadline)
		return nil
	}
	w := fixture()
	w.Checks = []workload.Check{{Name: "one", Run: check}, {Name: "two", Run: check}}
	s, _ := newServer(t, nil, w)
	if answer, body := send(t, s, "GET", "/readyz"); answer.StatusCode != 200 {
		t.Errorf("got %d %s", answer.StatusCode, body)
	}
	if len(deadlines) != 2 || deadlines[0].IsZero() || !deadlines[0].Equal(deadlines[1]) {
		t.Errorf("got %v", deadlines)
	}
}
