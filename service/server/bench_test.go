package server_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/valyala/fasthttp"

	"gitlab.com/towpath/towpath/service/build"
	"gitlab.com/towpath/towpath/service/home"
	"gitlab.com/towpath/towpath/service/logging"
	"gitlab.com/towpath/towpath/service/server"
)

// BenchmarkDynamic compares GET /dynamic through everything that surrounds a workload, access
// log included, with the same answer from fasthttp alone, over real connections:
//
//	go test -run '^$' -bench Dynamic -cpu 2 ./service/server
func BenchmarkDynamic(b *testing.B) {
	b.Run("bare", func(b *testing.B) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		s := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
			ctx.SetContentType("application/json")
			ctx.SetBodyString(`{"dynamic":"0.411012345678901234"}`)
		}}
		go s.Serve(l)
		b.Cleanup(func() { s.Shutdown() })
		load(b, l.Addr().String())
	})
	b.Run("service", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "log"))
		if err != nil {
			b.Fatal(err)
		}
		logs := logging.NewBuffer(f)
		cfg := testConfig(b, nil)
		s, err := server.New(cfg, logging.New(logs, cfg.LogFormat, cfg.LogLevel), build.Current(), home.New(nil))
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			s.Stop(0)
			logs.Close()
			f.Close()
		})
		load(b, s.Addr())
	})
}

func load(b *testing.B, addr string) {
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		request := fmt.Appendf(nil, "GET /dynamic HTTP/1.1\r\nHost: %s\r\n\r\n", addr)
		answer := make([]byte, 4096) // one read takes an answer; a client that parsed it would be half of what is measured
		for pb.Next() {
			if _, err := c.Write(request); err != nil {
				b.Error(err)
				return
			}
			n, err := c.Read(answer)
			if err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 200 ")) || !bytes.HasSuffix(answer[:n], []byte("}")) {
				b.Errorf("got %q, %v", answer[:n], err)
				return
			}
		}
	})
}
