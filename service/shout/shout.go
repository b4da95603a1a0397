// Package shout is the workload of the text API: it gives a text back reversed and in upper case.
//
//	POST /  {"data": "test"}  ->  {"data":"TSET"}
//
// Reversing is done here; upper-casing is another system's business, or a built-in one's when
// there is no such system. So a text takes this way, each step a decorator around the next:
//
//	handler    reads the request and reverses the text (request.go, text.go)
//	cache      remembers answers, and asks once for what many want at once (cache.go)
//	upstream   asks the other system, patiently but not for long (upstream.go)
//
// What can go wrong on that way has two names for the client: the other system could not be
// reached, or it answered something else than a text. The reason is for the log.
package shout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus"

	"gitlab.com/towpath/towpath/service/redis"
	"gitlab.com/towpath/towpath/service/workload"
)

// Options say where the workload's parts are. The zero Options need no network.
type Options struct {
	// URL of the upper-casing system, http or https; empty is the built-in one.
	URL string
	// Transport of the requests to URL; nil is one of the workload's own.
	Transport http.RoundTripper
	// Redis holds the cache for all pods; nil keeps one in this process.
	Redis *redis.Client
	// Now is the clock of the cache in this process; nil is the machine's.
	Now func() time.Time
}

// upper turns a text into upper case. Its errors are errContact and errAnswer, wrapped.
type upper interface {
	Upper(ctx context.Context, text string) (string, error)
}

var (
	errContact = errors.New("the upper-casing system cannot be reached")
	errAnswer  = errors.New("the upper-casing system gave a bad answer")
)

// These texts are fixed by existing clients.
var (
	answerParse   = []byte(`{"error":"Data was not able to be parsed from request. Please try again."}`)
	answerContact = []byte(`{"error":"Failed to contact shoutcloud api"}`)
	answerAnswer  = []byte(`{"error":"shoutcloud api gave back bad response"}`)
)

// New makes the workload.
func New(o Options) workload.Workload {
	var metrics []prometheus.Collector
	var origin upper = builtin{}
	if o.URL != "" {
		u := newUpstream(o.URL, o.Transport)
		origin, metrics = u, u.metrics()
	}
	var store store
	if o.Redis != nil {
		store, metrics = remote{o.Redis}, append(metrics, o.Redis.Metrics()...)
	} else {
		store = newMemory(o.Now)
	}
	c := newCache(store, o.URL, origin)

	s := &service{cached: c, origin: origin}
	return workload.Workload{
		Name: "shout",
		Routes: []workload.Route{
			{Method: fiber.MethodPost, Path: "/", Handler: s.shout},
			{Method: fiber.MethodPost, Path: "/v1", Handler: s.shout},
			{Method: fiber.MethodPost, Path: "/v1/", Handler: s.shout},
			{Method: fiber.MethodGet, Path: "/health", Handler: s.health},
		},
		Metrics: append(metrics, c.lookups),
	}
}

type service struct {
	cached, origin upper
}

func (s *service) shout(c *fiber.Ctx) error {
	text, err := parse(c.Get(fiber.HeaderContentType), c.Request().Body()) // c.Body would unpack an encoded one, to any size
	if err != nil {
		return reply(c, http.StatusBadRequest, answerParse)
	}
	shouted, err := s.cached.Upper(c.UserContext(), reverse(text))
	if err != nil {
		return fail(c, err)
	}
	return reply(c, http.StatusOK, encode("data", shouted))
}

// health tells old monitors whether a text can be shouted now. It asks past the cache, which
// would go on saying yes for minutes.
func (s *service) health(c *fiber.Ctx) error {
	c.Set(fiber.HeaderCacheControl, "no-store")
	shouted, err := s.origin.Upper(c.UserContext(), reverse("test"))
	if err == nil && shouted != "TSET" {
		err = fmt.Errorf("%w: %d bytes that are not TSET", errAnswer, len(shouted))
	}
	if err != nil {
		return fail(c, err)
	}
	c.Response().Header.SetContentType(fiber.MIMETextPlainCharsetUTF8)
	return c.SendString("success")
}

func fail(c *fiber.Ctx, reason error) error {
	workload.Explain(c, reason)
	if errors.Is(reason, errAnswer) {
		return reply(c, http.StatusInternalServerError, answerAnswer)
	}
	return reply(c, http.StatusInternalServerError, answerContact)
}

func reply(c *fiber.Ctx, status int, body []byte) error {
	c.Response().SetStatusCode(status)
	c.Response().Header.SetContentType(fiber.MIMEApplicationJSON)
	c.Response().SetBodyRaw(body)
	return nil
}
