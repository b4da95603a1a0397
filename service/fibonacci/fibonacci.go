// Package fibonacci is the workload that lists Fibonacci numbers, of any size.
//
// The list of the first 10,000 is ten megabytes long. It is generated while it is being
// written (see sequence.go), so a request costs a few kilobytes of memory whatever it asks for.
package fibonacci

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/accept"
	"gitlab.com/towpath/towpath/service/problem"
	"gitlab.com/towpath/towpath/service/workload"
)

// Limit is the largest count of numbers that a request may ask for.
const Limit = 10_000

// New makes the workload.
func New() workload.Workload {
	return workload.Workload{
		Name: "fibonacci",
		Routes: []workload.Route{
			{Method: fiber.MethodGet, Path: "/api/fibonacci/:n", Handler: list},
			{Method: fiber.MethodGet, Path: "/api/ping", Handler: ping},
		},
	}
}

func list(c *fiber.Ctx) error {
	n, err := parseCount(c.Params("n"))
	if err != nil {
		return err
	}
	form := plain
	if accept.Negotiate(c, fiber.MIMETextPlain, fiber.MIMEApplicationJSON) == fiber.MIMEApplicationJSON {
		form = jsonForm(n)
	}
	c.Response().Header.SetContentType(form.contentType)
	return c.SendStream(newReader(n, form), form.size(n))
}

func ping(c *fiber.Ctx) error {
	c.Response().Header.SetContentType(fiber.MIMETextPlainCharsetUTF8)
	return c.SendString("\nPong\n")
}

// parseCount reads the path parameter. What is not a whole number names no resource: 404.
// A whole number that is out of bounds is a resource we refuse to give: 400.
func parseCount(param string) (int, error) {
	text, err := url.PathUnescape(param)
	if err != nil {
		return 0, problem.New(fiber.StatusNotFound, "")
	}
	digits, minus := strings.CutPrefix(text, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, problem.New(fiber.StatusNotFound, "", problem.Field{Field: "n", Detail: "is not a whole number"})
	}
	digits = strings.TrimLeft(digits, "0")
	switch {
	case digits == "":
		return 0, nil
	case minus:
		return 0, refuse("must not be negative")
	case len(digits) > len(strconv.Itoa(Limit)): // Atoi would read all digits of a very long number
		return 0, refuse(fmt.Sprintf("must be at most %d", Limit))
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n > Limit {
		return 0, refuse(fmt.Sprintf("must be at most %d", Limit))
	}
	return n, nil
}

func refuse(reason string) error {
	return problem.New(fiber.StatusBadRequest, "n "+reason+".", problem.Field{Field: "n", Detail: reason})
}
