package server

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/problem"
)

// retryAfter is in seconds: about the time that a database needs to start again.
const retryAfter = "5"

// failure is the answer to a request whose handler failed, in a way that nobody expected or that
// is the same for all of them.
func failure(c *fiber.Ctx, err error) *problem.Problem {
	switch {
	case database.Full(err):
		return problem.New(http.StatusInsufficientStorage, "")
	case database.Unavailable(err):
		c.Set(fiber.HeaderRetryAfter, retryAfter)
		return problem.New(http.StatusServiceUnavailable, "")
	default:
		return problem.New(http.StatusInternalServerError, "")
	}
}
