package people_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"gitlab.com/towpath/towpath/service/build"
	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/database/databasetest"
	"gitlab.com/towpath/towpath/service/people"
	"gitlab.com/towpath/towpath/service/server"
)

// fill puts n persons into a store, named after their place.
func fill(t testing.TB, store people.Store, n int) {
	t.Helper()
	err := store.Import(t.Context(), func(add func([]people.Person) (int, error)) error {
		var batch []people.Person
		for i := range n {
			batch = append(batch, people.Person{
				UUID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, i)), Name: fmt.Sprint(i), Survived: i%2 == 0,
				PassengerClass: int32(i%3 + 1), Sex: []string{"male", "female"}[i%2],
			})
		}
		_, err := add(batch)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var link = regexp.MustCompile(`^<(/[^>]*)>; rel="next"$`)

func TestPages(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		store := people.NewStore(db)
		fill(t, store, 25)
		c := newClient(t, store, people.Options{})
		for _, tt := range []struct {
			path                string
			pages, total, first int
		}{
			{"/people?limit=10", 3, 25, 10},
			{"/api/v1/people?limit=5", 5, 25, 5},
			{"/people?limit=25", 1, 25, 25},
			{"/people?limit=1000&utm_source=x", 1, 25, 25},
			{"/people?sex=female&limit=5", 3, 12, 5},
			{"/people?survived=true&passengerClass=1&limit=2", 3, 5, 2},
			{"/people?passengerClass=9&limit=2", 1, 0, 0},
			{"/people", 1, 25, 25},
			{"/people?sex=male", 1, 13, 13},
		} {
			path, pages, seen := tt.path, 0, map[string]bool{}
			for path != "" {
				var page []struct{ UUID string }
				answer := c.want(200, "GET", path, "", &page)
				if pages == 0 && len(page) != tt.first {
					t.Errorf("%s: %d on the first page", path, len(page))
				}
				pages++
				for _, p := range page {
					if seen[p.UUID] {
						t.Errorf("%s: %s comes twice", path, p.UUID)
					}
					seen[p.UUID] = true
				}
				path = ""
				if next := answer.Header.Get("Link"); next != "" {
					m := link.FindStringSubmatch(next)
					if m == nil {
						t.Fatalf("Link: %s", next)
					}
					path = m[1]
				}
			}
			if pages != tt.pages || len(seen) != tt.total {
				t.Errorf("%s: %d persons on %d pages", tt.path, len(seen), pages)
			}
		}
	})
}

func TestRefusedQueries(t *testing.T) {
	store := people.NewStore(databasetest.SQLite(t))
	fill(t, store, 3)
	c := newClient(t, store, people.Options{})
	for name, values := range map[string][]string{
		"limit":          {"", "0", "-1", "1001", "x", "1.5", "99999999999999999999", "%00", "1%27"},
		"cursor":         {"", "x", "0", "000000000000000g", "8000000000000000", "00000000000000001", "000000000000000A", "-000000000000001"},
		"sex":            {"", "Male", "x", "%FF"},
		"survived":       {"", "1", "True", "yes"},
		"passengerClass": {"", "x", "1.5", "+1", "2147483648", "1;DROP"},
	} {
		for _, value := range append(values, "1&"+name+"=1") {
			for _, prefix := range []string{"/people", "/api/v1/people"} {
				if fields := c.refuses(400, "GET", prefix+"?"+name+"="+value, ""); len(fields) != 1 || fields[0] != name {
					t.Errorf("%s=%s: got %v", name, value, fields)
				}
			}
		}
	}
	if fields := c.refuses(400, "GET", "/people?sex=x&limit=x", ""); strings.Join(fields, " ") != "limit sex" {
		t.Errorf("got %v", fields)
	}
	var rest []any
	if c.want(200, "GET", "/people?cursor=0000000000000001", "", &rest); len(rest) != 2 {
		t.Errorf("a cursor without a limit: %v", rest)
	}
}

func FuzzQuery(f *testing.F) {
	store := people.NewStore(databasetest.SQLite(f))
	fill(f, store, 3)
	c := newClient(f, store, people.Options{})
	for _, s := range []string{"", "1", "0000000000000001", "7fffffffffffffff", "male", "true", "-1", "\x00", "%", "1e0"} {
		f.Add(s, s, s)
	}
	f.Fuzz(func(t *testing.T, limit, cursor, other string) {
		c.t = t
		values := url.Values{"limit": {limit}, "cursor": {cursor}, "passengerClass": {other}}
		if answer, text := c.send("GET", "/people?"+values.Encode(), ""); answer.StatusCode != 200 && answer.StatusCode != 400 {
			t.Errorf("%v: %d %s", values, answer.StatusCode, text)
		}
	})
}

// listen serves on a port of its own.
func listen(t testing.TB, store people.Store, o people.Options, env map[string]string) *server.Server {
	t.Helper()
	env["HOST"], env["PORT"], env["METRICS_PORT"] = "127.0.0.1", "0", "0"
	cfg, err := config.Load(func(name string) (string, bool) { return env[name], env[name] != "" })
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(cfg, slog.New(slog.DiscardHandler), build.Info{}, people.New(store, o))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(0); err != nil {
			t.Error(err)
		}
	})
	return s
}

// endless is a store with so many persons, made as they are asked for.
type endless struct {
	people.Store
	rows int64
	fail int64 // after so many; 0 is never
}

func (e endless) Page(_ context.Context, _ people.Filter, after int64, limit int, entries []people.Entry) ([]people.Entry, error) {
	for seq := after + 1; seq <= e.rows && len(entries) < limit; seq++ {
		if e.fail > 0 && seq > e.fail {
			return nil, errors.New("SELECT: the disk is gone")
		}
		entries = append(entries, people.Entry{Seq: seq, Person: people.Person{Name: "Mr. Number of a Great Many", Sex: "male"}})
	}
	return entries, nil
}

// The list is sent in pieces: a list a hundred times as long takes no more memory.
func TestStreamIsBounded(t *testing.T) {
	const rows = 200_000
	s := listen(t, endless{rows: rows}, people.Options{}, map[string]string{})
	answer, err := http.Get("http://" + s.Addr() + "/people")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var most uint64
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	before := memory.HeapAlloc
	chunk := make([]byte, 1<<20)
	total, objects := 0, 0
	for {
		n, err := io.ReadFull(answer.Body, chunk)
		total += n
		objects += bytes.Count(chunk[:n], []byte(`"uuid"`))
		runtime.ReadMemStats(&memory)
		if memory.HeapAlloc > before {
			most = max(most, memory.HeapAlloc-before)
		}
		if err != nil {
			break
		}
	}
	// A name of a field may be cut in two at the end of a piece.
	if objects < rows-total>>20-1 || objects > rows {
		t.Errorf("%d persons in %d bytes", objects, total)
	}
	if most > 16<<20 {
		t.Errorf("%d bytes of memory for a list of %d", most, total)
	}
}

// channel is a writer that passes on each line.
type channel chan string

func (c channel) Write(p []byte) (int, error) {
	c <- string(p)
	return len(p), nil
}

// A list that breaks off must not look like a short one.
func TestStreamBreaksOff(t *testing.T) {
	logged := make(chan string, 1)
	s := listen(t, endless{rows: 5000, fail: 3000}, people.Options{Log: slog.New(slog.NewTextHandler(channel(logged), nil))}, map[string]string{})
	answer, err := http.Get("http://" + s.Addr() + "/people")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil || bytes.HasSuffix(body, []byte("]")) {
		t.Errorf("got %d bytes and %v", len(body), err)
	}
	if line := <-logged; bytes.Contains(body, []byte("SELECT")) || !strings.Contains(line, "a list broke off") {
		t.Errorf("logged %s", line)
	}
}

// A store that is down from the start is a plain 500 that says nothing of it.
func TestStoreDown(t *testing.T) {
	db := databasetest.SQLite(t)
	store := people.NewStore(db)
	s := listen(t, store, people.Options{}, map[string]string{})
	if _, err := db.Writer().Exec("DROP TABLE people"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/people", "/people?limit=1", "/people/5f3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e77"} {
		answer, err := http.Get("http://" + s.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != 500 || bytes.Contains(body, []byte("people")) || bytes.Contains(body, []byte("SQL")) {
			t.Errorf("%s: %d %s, %v", path, answer.StatusCode, body, err)
		}
	}
}

// WRITE_TIMEOUT does not cut off a client that reads slowly but steadily; one that has stopped
// reading is let go.
func TestStreamGivesTime(t *testing.T) {
	s := listen(t, endless{rows: 1 << 40}, people.Options{StallTimeout: 500 * time.Millisecond}, map[string]string{"WRITE_TIMEOUT": "500ms"})
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.(*net.TCPConn).SetReadBuffer(64 << 10)
	fmt.Fprint(c, "GET /people HTTP/1.1\r\nHost: x\r\n\r\n")
	// Three times the timeout, and more than all buffers on the way hold.
	piece := make([]byte, 1<<20)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for range 30 {
		<-ticker.C
		if _, err := io.ReadFull(c, piece); err != nil {
			t.Fatalf("cut off: %v", err)
		}
	}
	// Now it stops, for longer than it may.
	for range 30 {
		<-ticker.C
	}
	for range 1000 {
		if _, err := io.ReadFull(c, piece); err != nil {
			return
		}
	}
	t.Error("still sending to a client that had stopped")
}

// Lists use the same buffers one after the other. An answer is written after its handler has
// returned, when the next list may have begun: it must keep what it says.
func TestListsOneAfterAnother(t *testing.T) {
	store := people.NewStore(databasetest.SQLite(t))
	fill(t, store, 25)
	c := newClient(t, store, people.Options{})
	get := func(path string) *fasthttp.Response {
		var ctx fasthttp.RequestCtx
		ctx.Init(&fasthttp.Request{}, nil, nil)
		ctx.Request.SetRequestURI(path)
		c.server.App().Server().Handler(&ctx)
		return &ctx.Response
	}
	for range 10 {
		first := get("/people")
		before := string(first.Body())
		get("/people?sex=female")
		if after := string(first.Body()); after != before {
			t.Fatalf("got %s, before %s", after, before)
		}
	}
}

// HEAD has the headers of GET and no body: the next answer on the connection follows at once.
func TestHead(t *testing.T) {
	s := listen(t, endless{rows: 5000}, people.Options{}, map[string]string{})
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "HEAD /people HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	all, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	first, second, _ := strings.Cut(string(all), "\r\n\r\n")
	if !strings.Contains(first, "Content-Type: application/json\r\n") || !strings.Contains(first, "Transfer-Encoding: chunked") {
		t.Errorf("got %s", first)
	}
	if !strings.HasPrefix(second, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(second, "\r\n\r\nok\n") {
		t.Errorf("then %q", second)
	}
}
