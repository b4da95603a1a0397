// Package home is the workload at the root: the link that greets a client, and the page behind
// it that is different on each call.
package home

import (
	"math/rand/v2"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/accept"
	"gitlab.com/towpath/towpath/service/workload"
)

var (
	link         = []byte(`{"link":"/dynamic"}`)
	cacheControl = []byte(fiber.HeaderCacheControl)
	noStore      = []byte("no-store")
)

// New makes the workload. The page answers "GET /" for clients that prefer text/html; with nil
// they get the JSON link like everyone else.
func New(page fiber.Handler) workload.Workload {
	return workload.Workload{
		Name: "home",
		Routes: []workload.Route{
			{Method: fiber.MethodGet, Path: "/", Handler: root(page)},
			{Method: fiber.MethodGet, Path: "/dynamic", Handler: dynamic},
		},
	}
}

func root(page fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		// Without a page there is nothing to negotiate, and no reason to tell caches to vary.
		if page != nil && accept.Negotiate(c, fiber.MIMEApplicationJSON, fiber.MIMETextHTML) == fiber.MIMETextHTML {
			return page(c)
		}
		c.Response().Header.SetContentType(fiber.MIMEApplicationJSON)
		c.Response().SetBodyRaw(link)
		return nil
	}
}

func dynamic(c *fiber.Ctx) error {
	var buffer [64]byte
	body := append(buffer[:0], `{"dynamic":"`...)
	body = appendFraction(body)
	body = append(body, `"}`...)

	response := c.Response()
	response.Header.SetContentType(fiber.MIMEApplicationJSON)
	response.Header.SetCanonical(cacheControl, noStore)
	response.SetBody(body)
	return nil
}

// appendFraction appends a random number from 0 up to 1, exclusive, with 18 decimal places: so many that
// two calls agree once in a quintillion. Whole-number formatting keeps clear of the exponents
// and the bare "0" that a float would bring.
func appendFraction(dst []byte) []byte {
	const places = 1e18
	dst = append(dst, '0')
	point := len(dst)
	// The leading 1 keeps the zeros after the point; the point then takes its place.
	dst = strconv.AppendUint(dst, places+rand.Uint64N(places), 10)
	dst[point] = '.'
	return dst
}
