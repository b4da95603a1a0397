package portal

import (
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// foreign tells whether a page of another origin made the browser send this request. Browsers
// say so themselves, and no script can keep them from it: in Sec-Fetch-Site, and older ones in
// Origin. A request without either is not from a browser, hence carries no cookie but its own,
// and needs no token.
//
// "same-site" is foreign too: a neighbour under the same domain is not us.
func foreign(c *fiber.Ctx) bool {
	switch site := c.Get("Sec-Fetch-Site"); site {
	case "same-origin", "none": // "none": typed, bookmarked, or opened from outside the browser
		return false
	case "":
	default:
		return true
	}
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	// Only the host can be compared: a proxy may have ended TLS. "null" has none.
	return err != nil || u.Host == "" || !strings.EqualFold(u.Host, string(c.Request().Host()))
}
