package people_test

import (
	"testing"

	"github.com/valyala/fasthttp"

	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/database/databasetest"
	"gitlab.com/towpath/towpath/service/people"
)

// BenchmarkRegister measures a call without the network: the handlers, the store, its database.
func BenchmarkRegister(b *testing.B) {
	for _, kind := range []struct {
		name string
		open func(testing.TB) *database.DB
	}{{"sqlite", databasetest.SQLite}, {"postgres", databasetest.Postgres}} {
		b.Run(kind.name, func(b *testing.B) {
			store := people.NewStore(kind.open(b))
			fill(b, store, 887)
			c := newClient(b, store, people.Options{})
			var first []struct{ UUID string }
			c.want(200, "GET", "/people?limit=1", "", &first)
			for _, call := range []struct{ name, method, path, body string }{
				{"list", "GET", "/people", ""},
				{"get", "GET", "/people/" + first[0].UUID, ""},
				{"create", "POST", "/people", ada}, // the last: its people are in nobody's list
			} {
				b.Run(call.name, func(b *testing.B) {
					var ctx fasthttp.RequestCtx
					ctx.Init(&fasthttp.Request{}, nil, nil)
					ctx.Request.Header.SetMethod(call.method)
					ctx.Request.Header.SetContentType("application/json")
					ctx.Request.SetRequestURI(call.path)
					ctx.Request.SetBodyString(call.body)
					b.ReportAllocs()
					for b.Loop() {
						ctx.Response.Reset()
						c.server.App().Server().Handler(&ctx)
						_ = ctx.Response.Body()
						if ctx.Response.StatusCode() != 200 {
							b.Fatal(ctx.Response.StatusCode())
						}
					}
				})
			}
		})
	}
}
