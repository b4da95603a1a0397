package server_test

import (
	"io"
	"testing"

	"github.com/valyala/fasthttp"

	"gitlab.com/towpath/towpath/service/build"
	"gitlab.com/towpath/towpath/service/home"
	"gitlab.com/towpath/towpath/service/logging"
	"gitlab.com/towpath/towpath/service/server"
)

// BenchmarkHandler measures what one request costs besides the network.
func BenchmarkHandler(b *testing.B) {
	for _, level := range []string{"info", "warn"} {
		b.Run(level, func(b *testing.B) {
			cfg := testConfig(b, map[string]string{"LOG_LEVEL": level})
			log := logging.New(io.Discard, cfg.LogFormat, cfg.LogLevel)
			s, err := server.New(cfg, log, build.Current(), home.New(nil))
			if err != nil {
				b.Fatal(err)
			}
			var ctx fasthttp.RequestCtx
			ctx.Init(&fasthttp.Request{}, nil, nil)
			ctx.Request.SetRequestURI("/dynamic")
			b.ReportAllocs()
			for b.Loop() {
				ctx.Response.Reset()
				ctx.Request.Header.Del("X-Request-Id")
				s.App().Server().Handler(&ctx)
			}
		})
	}
}
