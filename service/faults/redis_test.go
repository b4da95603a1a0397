package faults

import (
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/service/cli/clitest"
	"gitlab.com/towpath/towpath/service/redis/redistest"
)

// Redis is killed under load, twice. The text API goes on without its cache. Of the web app only
// what needs a session is refused, and a Redis that comes back empty has signed everybody out.
func TestRedisGoesAndComesBack(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "")
	data := "DATA_DIR=" + t.TempDir()
	addUser(t, "ANN", data)
	p := clitest.Launch(t, data, "REDIS_URL="+server.URL())
	p.Listening(t)
	base := "http://" + p.Addr
	l := &load{t: t, forgets: true}
	l.start(base, "ANN")
	l.progress(50)
	ann := &writer{client: newClient(l), load: l, name: "ANN"}
	ann.signIn()
	session := ann.cookie

	for range 2 {
		server.Stop()
		metric(t, p, "redis_breaker_state 2")
		l.refusals(5)
		for path, want := range map[string]int{"/readyz": 200, "/livez": 200, "/public/": 200, "/private/": 503} {
			if a := ann.send("GET", path, "", "", "Cookie", session); a.status != want {
				t.Errorf("without Redis %s is %d %s", path, a.status, a.body)
			}
		}
		if a := ann.post("/login", "id", "ANN", "pw", password); a.status != 503 || sessionOf(a) != "" {
			t.Errorf("signing in without Redis: %d %v", a.status, a.header)
		}
		others := l.others.Load()
		clitest.Eventually(t, "the text API", func() bool { return l.others.Load() > others+20 || t.Failed() })

		server.Restart()
		metric(t, p, "redis_breaker_state 0")
		l.progress(50)
		if a := ann.send("GET", "/private/", "", "", "Cookie", session); a.status != 401 {
			t.Errorf("a session that Redis has forgotten: %d", a.status)
		}
		ann.signIn()
		session = ann.cookie
	}
	l.stop()
	if _, text := get(t, "http://"+p.MetricsAddr+"/metrics"); strings.Contains(text, `shout_cache_lookups_total{result="error",store="redis"} 0`) {
		t.Error("the metrics do not show the lookups that failed")
	}
	l.people.kept(t, "people", l.register())
	l.notes.kept(t, "notes", l.notesOf("ANN"))
}
