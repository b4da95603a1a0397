package main

import (
	"strings"
	"testing"
	"time"
)

const calm = `Running 3s test @ http://127.0.0.1:8080/
  2 threads and 400 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     5.33ms    5.13ms  60.03ms   86.23%
    Req/Sec    50.16k     5.03k   60.00k    68.33%
  Latency Distribution
     50%  850.00us
     75%    7.20ms
     90%   12.00ms
     99%    1.21s
  299623 requests in 3.02s, 50.00MB read
Requests/sec:  99103.27
Transfer/sec:     16.00MB
`

func TestParseWrk(t *testing.T) {
	want := load{Requests: 299623, PerSecond: 99103.27, P50: 850 * time.Microsecond, P99: 1210 * time.Millisecond}
	if got, err := parseWrk(calm); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	troubled := strings.Replace(calm, "Requests/sec:",
		"  Socket errors: connect 1, read 20, write 300, timeout 4000\n  Non-2xx or 3xx responses: 50000\nRequests/sec:", 1)
	want.Errors, want.Timeouts = 50321, 4000
	if got, err := parseWrk(troubled); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

// What cannot be read must not pass for a measurement of zero.
func TestParseWrkRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":        "",
		"usage":          "Usage: wrk <options> <url>\n",
		"no percentiles": "Requests/sec: 12.5\n",
		"no answers":     strings.ReplaceAll(calm, "1.21s", "-nanus"),
		"no requests":    strings.Replace(calm, "requests in", "in", 1),
		"no number":      strings.Replace(calm, "99103.27", "many", 1),
		"no time":        strings.Replace(calm, "850.00us", "850.00", 1),
		"no count":       calm + "  Socket errors: connect 1, read x\n",
		"no answers bad": calm + "  Non-2xx or 3xx responses: -\n",
	} {
		if got, err := parseWrk(text); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestParseStatus(t *testing.T) {
	const status = "Name:\tservice\nVmPeak:\t 1234 kB\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\nThreads:\t7\n"
	if got, want := parseStatus([]byte(status)), (memory{Resident: 10 << 20, Peak: 20 << 20}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// A process that has ended but was not waited for has no memory.
	if got := parseStatus([]byte("Name:\tservice\nState:\tZ (zombie)\n")); got != (memory{}) {
		t.Errorf("got %+v", got)
	}
}

func TestParseStat(t *testing.T) {
	const stat = "4711 (a) b (c) S 1 4711 4711 0 -1 4194560 2000 0 12 0 150 30 0 0 20 0 9 0 12345 1000 500\n"
	if got, want := parseStat(stat), 1800*time.Millisecond; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := parseStat("4711 (x) S 1"); got != 0 {
		t.Errorf("got %s of half a line", got)
	}
}

func TestRowCounter(t *testing.T) {
	var c rowCounter
	for _, part := range []string{`{"a":1},{"a`, `":2}`, "]\n", "\n"} {
		if n, err := c.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if c.rows != 2 || c.last != ']' {
		t.Errorf("%d rows, last %q", c.rows, c.last)
	}
}

func TestStolen(t *testing.T) {
	before := parseTimes("cpu  100 0 50 800 0 0 10 40 0 0\ncpu0 1 2 3\n")
	after := parseTimes("cpu  150 0 70 880 0 0 10 90 30 0\ncpu0 1 2 3\n")
	if before.all != 1000 || before.stolen != 40 {
		t.Errorf("parseTimes gives %+v", before)
	}
	if got := after.stolenSince(before); got != 0.25 {
		t.Errorf("stolen %v of the time, not 0.25", got)
	}
	if got := before.stolenSince(before); got != 0 {
		t.Errorf("stolen %v of no time", got)
	}
}
