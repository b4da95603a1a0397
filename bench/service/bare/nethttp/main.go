// Nethttp answers the two routes of the service's workload home with nothing but net/http: no
// request id, log, metric, time limit or recovery. What it reaches is what any program on
// net/http can reach at most.
package main

import (
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
)

func main() {
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"link":"/dynamic"}`)) // the client is gone
	})
	http.HandleFunc("GET /dynamic", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body := append(make([]byte, 0, 64), `{"dynamic":"`...)
		body = strconv.AppendFloat(body, rand.Float64(), 'f', 18, 64)
		_, _ = w.Write(append(body, `"}`...)) // the client is gone
	})
	log.Fatal(http.ListenAndServe(os.Args[1], nil)) // #nosec G114 -- bare on purpose
}
