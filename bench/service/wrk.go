package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// load is what wrk saw of a server in one run, and what the kernel says of its memory.
type load struct {
	Requests  int64         `json:"requests"`
	PerSecond float64       `json:"requestsPerSecond"`
	P50       time.Duration `json:"p50Nanoseconds"`
	P99       time.Duration `json:"p99Nanoseconds"`
	// Errors are connections that failed and answers other than 2xx and 3xx.
	Errors int64 `json:"errors"`
	// Timeouts are answers that took more than 2 seconds, wrk's own bound.
	Timeouts int64 `json:"timeouts"`
	// CPU is what the server used meanwhile, user and system; 0 where it is not known.
	CPU time.Duration `json:"cpuNanoseconds"`
	// Stolen is the share of the processors that a virtual machine's host gave to others
	// meanwhile, Repeats how many loads before this one were thrown away for it.
	Stolen  float64 `json:"stolen"`
	Repeats int     `json:"repeats"`

	Memory memory `json:"memory"`
}

// perRequest is the server's processor time for one request in nanoseconds, 0 if it is not known.
func (l load) perRequest() int64 {
	if l.Requests == 0 {
		return 0
	}
	return int64(l.CPU) / l.Requests
}

// attack runs wrk against a URL. A script, if not empty, says what to send.
func attack(ctx context.Context, url string, connections, seconds int, script string) (load, error) {
	args := []string{"-t", "2", "-c", strconv.Itoa(connections), "-d", strconv.Itoa(seconds), "--latency"}
	if script != "" {
		args = append(args, "-s", script)
	}
	out, err := exec.CommandContext(ctx, "wrk", append(args, url)...).CombinedOutput()
	if ctx.Err() != nil {
		return load{}, context.Cause(ctx)
	}
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	return parseWrk(string(out))
}

// parseWrk reads the output of wrk --latency. A line that wrk prints only if there is something
// to say, such as that of errors, may be missing; any other may not.
func parseWrk(text string) (load, error) {
	var l load
	var seen struct{ count, rate, p50, p99 bool }
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		var err error
		switch {
		case words[0] == "50%" && len(words) == 2:
			l.P50, err = parseTime(words[1])
			seen.p50 = true
		case words[0] == "99%" && len(words) == 2:
			l.P99, err = parseTime(words[1])
			seen.p99 = true
		case len(words) > 3 && words[1] == "requests" && words[2] == "in":
			l.Requests, err = strconv.ParseInt(words[0], 10, 64)
			seen.count = true
		case words[0] == "Requests/sec:" && len(words) == 2:
			l.PerSecond, err = strconv.ParseFloat(words[1], 64)
			seen.rate = true
		case strings.HasPrefix(line, "Socket errors: "):
			err = l.addSocketErrors(strings.TrimPrefix(line, "Socket errors: "))
		case strings.HasPrefix(line, "Non-2xx or 3xx responses: "):
			var n int64
			n, err = strconv.ParseInt(words[len(words)-1], 10, 64)
			l.Errors += n
		}
		if err != nil {
			return load{}, fmt.Errorf("reading wrk's line %q: %w", line, err)
		}
	}
	if !seen.count || !seen.rate || !seen.p50 || !seen.p99 {
		return load{}, fmt.Errorf("this is not the output of wrk --latency:\n%s", text)
	}
	return l, nil
}

// addSocketErrors reads "connect 0, read 1, write 0, timeout 2".
func (l *load) addSocketErrors(text string) error {
	for part := range strings.SplitSeq(text, ", ") {
		kind, count, _ := strings.Cut(part, " ")
		n, err := strconv.ParseInt(count, 10, 64)
		if err != nil {
			return err
		}
		if kind == "timeout" {
			l.Timeouts += n
		} else {
			l.Errors += n
		}
	}
	return nil
}

// parseTime reads a time as wrk writes it. Its units are Go's, but for the spelling of "us" and
// a number that may be "-nan" when nothing was answered at all.
func parseTime(text string) (time.Duration, error) {
	if strings.Contains(text, "nan") {
		return 0, errors.New("no request was answered")
	}
	return time.ParseDuration(text)
}
