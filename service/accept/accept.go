// Package accept chooses between representations of a resource by the Accept header, as
// RFC 9110 section 12.5.1 has it: for each type on offer the most specific range that covers
// it gives its quality, the highest quality wins, and the server's order breaks a tie.
//
// Fiber's own c.Accepts differs where it matters: it takes "text/html;q=0, */*" as a request
// for HTML.
package accept

import (
	"bytes"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// Negotiate returns the offer that the client of c likes best, and tells caches that the answer
// depends on Accept. A client that likes none of them gets the first: that is more use to it
// than 406.
func Negotiate(c *fiber.Ctx, offers ...string) string {
	c.Response().Header.Add(fiber.HeaderVary, fiber.HeaderAccept)
	lines := c.Request().Header.PeekAll(fiber.HeaderAccept)
	if len(lines) == 0 {
		return offers[0]
	}
	if best := Best(string(bytes.Join(lines, []byte(","))), offers...); best != "" {
		return best
	}
	return offers[0]
}

// Best returns the offer that header likes best, or "" when it accepts none. Offers are plain
// media types such as "text/html". An empty header accepts everything. Parameters other than
// q do not tell ranges apart.
func Best(header string, offers ...string) string {
	if strings.TrimSpace(header) == "" {
		return offers[0]
	}
	best, most := "", 0
	for _, offer := range offers {
		if q := quality(header, offer); q > most {
			best, most = offer, q
		}
	}
	return best
}

// quality gives the weight of an offer in thousandths.
func quality(header, offer string) int {
	weight, closest := 0, 0
	for header != "" {
		var item string
		item, header = cut(header, ',')
		name, params := cut(item, ';')
		near := nearness(strings.TrimSpace(name), offer)
		if near == 0 || near < closest {
			continue
		}
		q, ok := weightOf(params)
		if !ok {
			continue
		}
		if near > closest || q > weight {
			weight, closest = q, near
		}
	}
	return weight
}

// nearness says how closely a range describes an offer, from 0 for not at all to 3 for exactly.
func nearness(name, offer string) int {
	if name == "*/*" {
		return 1
	}
	if kind, ok := strings.CutSuffix(name, "/*"); ok {
		if offered, _, _ := strings.Cut(offer, "/"); strings.EqualFold(kind, offered) {
			return 2
		}
		return 0
	}
	if strings.EqualFold(name, offer) {
		return 3
	}
	return 0
}

// weightOf reads q from the parameters of a range, in thousandths; false if it is malformed.
func weightOf(params string) (int, bool) {
	for params != "" {
		var param string
		param, params = cut(params, ';')
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			return thousandths(strings.TrimSpace(value))
		}
	}
	return 1000, true
}

// thousandths reads 0, 1 or a decimal between them of at most three places.
func thousandths(text string) (int, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if whole != "0" && whole != "1" || len(fraction) > 3 {
		return 0, false
	}
	n := int(whole[0] - '0')
	for i := range 3 {
		digit := byte('0')
		if i < len(fraction) {
			digit = fraction[i]
		}
		if digit < '0' || digit > '9' {
			return 0, false
		}
		n = n*10 + int(digit-'0')
	}
	return n, n <= 1000
}

// cut splits at the first separator that is not inside a quoted string.
func cut(s string, separator byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == separator && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}
