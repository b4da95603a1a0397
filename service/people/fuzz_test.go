package people_test

import (
	"net/http/httptest"
	"net/url"
	"testing"

	"gitlab.com/towpath/towpath/service/database/databasetest"
	"gitlab.com/towpath/towpath/service/people"
)

// Whatever the body, the answer is one that the contract knows, and what was accepted can be
// read again.
func FuzzBody(f *testing.F) {
	c := newClient(f, people.NewStore(databasetest.SQLite(f)), people.Options{})
	var first struct{ UUID string }
	c.want(200, "POST", "/people", ada, &first)
	for _, body := range []string{
		ada, "{}", "[]", "null", `{"age":1e999}`, `{"name":"\u0000"}`, `{"name":"\ud800"}`, "{\"name\":\"\xff\"}", `{"uuid":"x"}`,
		`{"age":1,"age":2}`, `{"passengerClass":3.0}`, `{"survived":"true"}`, `{"fare":-0}`, `{"`, "\x00",
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c.t = t
		answer, text := c.send("PUT", "/people/"+first.UUID, body, "Content-Type", "application/json")
		if answer.StatusCode != 200 && answer.StatusCode != 400 {
			t.Errorf("PUT: %d %s", answer.StatusCode, text)
		}
		answer, text = c.send("POST", "/api/v1/people", body, "Content-Type", "application/json")
		switch answer.StatusCode {
		case 201:
			got, again := c.send("GET", answer.Header.Get("Location"), "")
			if got.StatusCode != 200 || again != text {
				t.Errorf("stored %s, read %d %s", text, got.StatusCode, again)
			}
			c.send("DELETE", answer.Header.Get("Location"), "")
		case 400, 409:
		default:
			t.Errorf("POST: %d %s", answer.StatusCode, text)
		}
	})
}

func FuzzPath(f *testing.F) {
	c := newClient(f, people.NewStore(databasetest.SQLite(f)), people.Options{})
	for _, id := range []string{"", "x", "\x00", "../..", "%", "5f3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e77", "{5f3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e77}", "' OR 1=1", "\xff"} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		for _, path := range []string{"/people/" + url.PathEscape(id), "/api/v1/people/" + url.PathEscape(id)} {
			r := httptest.NewRequest("GET", "/", nil)
			r.URL.Opaque = path
			answer, err := c.server.App().Test(r, -1)
			if err != nil || answer.StatusCode != 404 {
				t.Errorf("%s: %v, %v", path, answer, err)
			}
		}
	})
}
