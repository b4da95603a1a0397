package cli

import (
	"log/slog"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/fibonacci"
	"gitlab.com/towpath/towpath/service/home"
	"gitlab.com/towpath/towpath/service/people"
	"gitlab.com/towpath/towpath/service/redis"
	"gitlab.com/towpath/towpath/service/shout"
	"gitlab.com/towpath/towpath/service/workload"
)

// workloads lists what this process carries: a line here and a switch in config's table are all
// that a new workload needs outside its own folder, and a word in needsDatabase if it keeps data.
func workloads(cfg config.Config, db *database.DB, log *slog.Logger) []workload.Workload {
	var cache *redis.Client // shared by all that can use it
	if !cfg.RedisURL.IsZero() {
		cache = redis.New(cfg.RedisURL)
	}
	web := newPortal(cfg, db, cache, log)
	var page fiber.Handler // of /, negotiated by home
	if cfg.PortalEnabled {
		page = web.Home
	}
	var on []workload.Workload
	for _, w := range []struct {
		enabled bool
		make    func() workload.Workload
	}{
		{cfg.HomeEnabled, func() workload.Workload { return home.New(page) }},
		{cfg.FibonacciEnabled, fibonacci.New},
		{cfg.PeopleEnabled, func() workload.Workload {
			return people.New(people.NewStore(db), people.Options{Docs: cfg.APIDocs, StallTimeout: cfg.WriteTimeout, Log: log})
		}},
		{cfg.ShoutEnabled, func() workload.Workload { return shout.New(shout.Options{URL: cfg.ShoutURL, Redis: cache}) }},
		{cfg.PortalEnabled, func() workload.Workload {
			w := web.Workload()
			if cache != nil {
				w.Metrics = cache.Metrics()
			}
			return w
		}},
	} {
		if w.enabled {
			on = append(on, w.make())
		}
	}
	return on
}
