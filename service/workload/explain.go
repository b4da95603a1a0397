package workload

import (
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

type reasonKey struct{}

// Explain leaves the reason for an answer, usually a failure that the answer itself words for its
// clients. It is logged with the request, and never shown to the client.
func Explain(c *fiber.Ctx, reason error) {
	c.Context().SetUserValue(reasonKey{}, reason)
}

// Reason gives what Explain left, or nil.
func Reason(ctx *fasthttp.RequestCtx) error {
	reason, _ := ctx.UserValue(reasonKey{}).(error)
	return reason
}
