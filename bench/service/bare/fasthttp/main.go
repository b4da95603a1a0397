// Fasthttp answers the two routes of the service's workload home with nothing but fasthttp,
// the library below Fiber. What it reaches is the limit of the service.
package main

import (
	"log"
	"math/rand/v2"
	"os"
	"strconv"

	"github.com/valyala/fasthttp"
)

func main() {
	log.Fatal(fasthttp.ListenAndServe(os.Args[1], func(ctx *fasthttp.RequestCtx) {
		switch string(ctx.Path()) {
		case "/":
			ctx.SetContentType("application/json")
			ctx.SetBodyString(`{"link":"/dynamic"}`)
		case "/dynamic":
			ctx.SetContentType("application/json")
			var buffer [64]byte
			body := append(buffer[:0], `{"dynamic":"`...)
			body = strconv.AppendFloat(body, rand.Float64(), 'f', 18, 64)
			ctx.SetBody(append(body, `"}`...))
		default:
			ctx.SetStatusCode(fasthttp.StatusNotFound)
		}
	}))
}
