package cli

import (
	"log/slog"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/fibonacci"
	"gitlab.com/towpath/towpath/service/home"
	"gitlab.com/towpath/towpath/service/page"
	"gitlab.com/towpath/towpath/service/people"
	"gitlab.com/towpath/towpath/service/portal"
	"gitlab.com/towpath/towpath/service/redis"
	"gitlab.com/towpath/towpath/service/shout"
	"gitlab.com/towpath/towpath/service/workload"
)

// workloads lists what this process carries: a line here and a switch in config's table are all
// that a new workload needs outside its own folder, and a word in needsDatabase if it keeps data.
// The links of those that have pages make up the navigation of all pages, in this order.
func workloads(cfg config.Config, db *database.DB, log *slog.Logger) []workload.Workload {
	var cache *redis.Client // shared by all that can use it
	if !cfg.RedisURL.IsZero() {
		cache = redis.New(cfg.RedisURL)
	}
	site := new(page.Site)
	web := newPortal(cfg, db, cache, site, log)
	register := people.Options{Docs: cfg.APIDocs, StallTimeout: cfg.WriteTimeout, Site: site, Log: log}
	var root fiber.Handler // the page of /, negotiated by home
	if cfg.PortalEnabled {
		root, site.Visitor = web.Home, web.Visitor
	}
	var on []workload.Workload
	for _, w := range []struct {
		enabled bool
		make    func() workload.Workload
		links   []page.Link
	}{
		{cfg.HomeEnabled, func() workload.Workload { return home.New(root) }, nil},
		{cfg.FibonacciEnabled, fibonacci.New, nil},
		{cfg.PortalEnabled, func() workload.Workload {
			w := web.Workload()
			if cache != nil {
				w.Metrics = cache.Metrics()
			}
			return w
		}, portal.Links()},
		{cfg.PeopleEnabled, func() workload.Workload { return people.New(people.NewStore(db), register) }, people.Links(register)},
		{cfg.ShoutEnabled, func() workload.Workload { return shout.New(shout.Options{URL: cfg.ShoutURL, Redis: cache}) }, nil},
	} {
		if w.enabled {
			on = append(on, w.make())
			site.Links = append(site.Links, w.links...)
		}
	}
	return on
}
