package people_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/service/build"
	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/database/databasetest"
	"gitlab.com/towpath/towpath/service/people"
	"gitlab.com/towpath/towpath/service/problem"
	"gitlab.com/towpath/towpath/service/server"
)

const ada = `{"name":"Miss. Ada Ashdown","sex":"female","age":0.42,"passengerClass":1,"siblingsOrSpousesAboard":0,"parentsOrChildrenAboard":2,"fare":7}`

// client sends requests through the whole service.
type client struct {
	t      testing.TB
	server *server.Server
}

func newClient(t testing.TB, store people.Store, o people.Options) client {
	t.Helper()
	cfg, err := config.Load(func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(cfg, slog.New(slog.DiscardHandler), build.Info{}, people.New(store, o))
	if err != nil {
		t.Fatal(err)
	}
	return client{t, s}
}

// each runs a test against a register of either kind.
func each(t *testing.T, run func(t *testing.T, c client)) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		run(t, newClient(t, people.NewStore(db), people.Options{}))
	})
}

func (c client) send(method, path, body string, headers ...string) (*http.Response, string) {
	c.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := c.server.App().Test(r, -1)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	if answer.StatusCode >= 500 {
		c.t.Errorf("%s %s %s: %d %s", method, path, body, answer.StatusCode, text)
	}
	return answer, string(text)
}

// want sends a request that is expected to succeed with a JSON body.
func (c client) want(status int, method, path, body string, to any) *http.Response {
	c.t.Helper()
	answer, text := c.send(method, path, body)
	if answer.StatusCode != status || answer.Header.Get("Content-Type") != "application/json" {
		c.t.Fatalf("%s %s: got %d %s %s", method, path, answer.StatusCode, answer.Header.Get("Content-Type"), text)
	}
	if err := json.Unmarshal([]byte(text), to); err != nil {
		c.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return answer
}

// refuses sends a request that is expected to fail, and returns the names of the fields at fault.
func (c client) refuses(status int, method, path, body string) (fields []string) {
	c.t.Helper()
	answer, text := c.send(method, path, body)
	var p problem.Problem
	if err := json.Unmarshal([]byte(text), &p); err != nil || answer.Header.Get("Content-Type") != problem.ContentType {
		c.t.Fatalf("%s %s %s: got %s, %v", method, path, body, text, err)
	}
	if answer.StatusCode != status || p.Status != status || p.Title == "" || p.Detail == "" {
		c.t.Errorf("%s %s %s: got %d %s, want %d", method, path, body, answer.StatusCode, text, status)
	}
	for _, f := range p.Errors {
		if f.Detail == "" {
			c.t.Errorf("%s: no reason", f.Field)
		}
		fields = append(fields, f.Field)
	}
	return fields
}

var v4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestLifeOfAPerson(t *testing.T) {
	each(t, func(t *testing.T, c client) {
		for _, place := range []struct {
			prefix           string
			created, deleted int
		}{{"/people", 200, 200}, {"/api/v1/people", 201, 204}} {
			var list []map[string]any
			if c.want(200, "GET", place.prefix, "", &list); list == nil || len(list) != 0 {
				t.Fatalf("an empty register is %v", list)
			}
			var p map[string]any
			answer := c.want(place.created, "POST", place.prefix, ada, &p)
			id, _ := p["uuid"].(string)
			if !v4.MatchString(id) || p["survived"] != false || p["age"] != .42 || p["fare"] != 7. || len(p) != 9 {
				t.Errorf("got %v", p)
			}
			if location := answer.Header.Get("Location"); place.created == 201 && location != place.prefix+"/"+id || place.created == 200 && location != "" {
				t.Errorf("Location %q", location)
			}
			one := place.prefix + "/" + id
			var same map[string]any
			if c.want(200, "GET", one, "", &same); same["name"] != p["name"] {
				t.Errorf("got %v", same)
			}
			c.want(200, "GET", place.prefix+"/"+strings.ToUpper(id), "", &same)

			// A merge: what is absent stays, what is unknown is ignored, and the uuid is not for changing.
			other := `"uuid":"00000000-0000-4000-8000-000000000000"`
			if c.want(200, "PUT", one, `{"survived":true,"age":1,"shoe":43,`+other+`}`, &same); same["survived"] != true ||
				same["age"] != 1. || same["name"] != p["name"] || same["uuid"] != id || same["shoe"] != nil {
				t.Errorf("got %v", same)
			}
			if c.want(200, "PUT", one, `{}`, &same); same["age"] != 1. {
				t.Errorf("got %v", same)
			}
			c.refuses(404, "GET", place.prefix+"/00000000-0000-4000-8000-000000000000", "")

			answer, text := c.send("DELETE", one, "")
			if answer.StatusCode != place.deleted || place.deleted == 200 && text != "{}" || place.deleted == 204 && text != "" {
				t.Errorf("got %d %q", answer.StatusCode, text)
			}
			for _, method := range []string{"GET", "DELETE"} {
				c.refuses(404, method, one, "")
			}
			c.refuses(404, "PUT", one, `{"age":1}`)
		}
	})
}

func TestClientsUUID(t *testing.T) {
	each(t, func(t *testing.T, c client) {
		const id = "5f3c1d52-7c8e-1a3b-9f0e-2d6b8a1c4e77" // not a version 4
		withID := `{"uuid":"` + id + `",` + ada[1:]
		var p map[string]any
		if c.want(200, "POST", "/people", withID, &p); p["uuid"] != id {
			t.Errorf("got %v", p)
		}
		if fields := c.refuses(409, "POST", "/api/v1/people", withID); len(fields) != 1 || fields[0] != "uuid" {
			t.Errorf("got %v", fields)
		}
		c.refuses(409, "POST", "/people", strings.Replace(withID, id, strings.ToUpper(id), 1))
		// The nil uuid is one that a client may choose, and not the lack of one.
		if c.want(200, "POST", "/people", strings.Replace(withID, id, "00000000-0000-0000-0000-000000000000", 1), &p); p["uuid"] != "00000000-0000-0000-0000-000000000000" {
			t.Errorf("got %v", p)
		}
	})
}

func TestMediaTypes(t *testing.T) {
	c := newClient(t, people.NewStore(databasetest.SQLite(t)), people.Options{})
	for contentType, status := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "APPLICATION/JSON": 200, `application/json;charset="utf-8"`: 200,
		"text/plain": 415, "": 415, "application/jsonp": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415, ";": 415,
	} {
		if answer, text := c.send("POST", "/people", ada, "Content-Type", contentType); answer.StatusCode != status {
			t.Errorf("%q: got %d %s", contentType, answer.StatusCode, text)
		}
	}
}

func TestRefusedBodies(t *testing.T) {
	c := newClient(t, people.NewStore(databasetest.SQLite(t)), people.Options{})
	var p struct{ UUID string }
	c.want(200, "POST", "/people", ada, &p)
	whole := []string{
		"[]", "null", `"a string"`, "3", "true", "", " ", "{", `{"age":`, `{"age":1}x`, `{"age":1}{}`, `{age:1}`, `{"age":01}`, `{"age":1,}`,
		"{\"name\":\"\xff\"}", "\ufeff{}", `{"a":` + strings.Repeat("[", 100_000), `{"age":NaN}`,
	}
	for _, body := range whole {
		// A body that is empty is sent as JSON all the same.
		for _, r := range [][2]string{{"POST", "/people"}, {"PUT", "/people/" + p.UUID}} {
			answer, text := c.send(r[0], r[1], body, "Content-Type", "application/json")
			if answer.StatusCode != 400 || !strings.Contains(text, `"detail":"The body `) {
				t.Errorf("%s %.40q: got %d %s", r[0], body, answer.StatusCode, text)
			}
		}
	}
	single := map[string][]string{
		"uuid":                    {"null", "1", `""`, `"x"`, `"{5f3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e77}"`, `"urn:uuid:5f3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e77"`, `"5f3c1d527c8e4a3b9f0e2d6b8a1c4e77"`},
		"survived":                {"null", "1", "0", `"true"`, "[]", "{}"},
		"passengerClass":          {"null", `"20"`, "true", "1.5", "1e-1", "2147483648", "1e99", "[1]"},
		"name":                    {"null", "1", "true", `"` + strings.Repeat("é", 101) + `"`, `"a\u0000b"`, `["x"]`},
		"sex":                     {"null", `""`, `"Male"`, `"male "`, "1"},
		"age":                     {"null", `"20"`, "true", "1e16", "1e999", "{}"},
		"siblingsOrSpousesAboard": {"null", `"0"`, "false", "0.5"},
		"parentsOrChildrenAboard": {"null", `"0"`, "false", "0.5"},
		"fare":                    {"null", `"7"`, "false", "-1e16"},
	}
	for name, values := range single {
		for _, value := range values {
			var person map[string]json.RawMessage
			if err := json.Unmarshal([]byte(ada), &person); err != nil {
				t.Fatal(err)
			}
			person[name] = json.RawMessage(value)
			body, err := json.Marshal(person)
			if err != nil {
				t.Fatal(err)
			}
			if fields := c.refuses(400, "POST", "/people", string(body)); len(fields) != 1 || fields[0] != name {
				t.Errorf("%s %s: got %v", name, value, fields)
			}
			if name == "uuid" {
				continue // there it is ignored like any field that cannot be changed
			}
			if fields := c.refuses(400, "PUT", "/people/"+p.UUID, `{"`+name+`":`+value+`}`); len(fields) != 1 || fields[0] != name {
				t.Errorf("%s %s: got %v", name, value, fields)
			}
		}
	}
	// All at once, in the order in which a person is written; names are exact.
	got := c.refuses(400, "POST", "/people", `{"fare":"x","AGE":3,"sex":3,"age":1,"age":2,"survived":null}`)
	if want := "survived passengerClass name sex age siblingsOrSpousesAboard parentsOrChildrenAboard fare"; strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
	var list []any
	if c.want(200, "GET", "/people", "", &list); len(list) != 1 {
		t.Errorf("something of it was stored: %v", list)
	}
}

func TestAcceptedBodies(t *testing.T) {
	each(t, func(t *testing.T, c client) {
		for name, values := range map[string][]string{
			"passengerClass": {"3.0", "30e-1", "-1", "0", "2147483647"},
			"name":           {`""`, `"` + strings.Repeat("𝒜", 100) + `"`, `"\ud800"`, `"<script>alert(1)</script>"`, `"Robert'); DROP TABLE people"`, `"\u0001\uffff"`},
			"age":            {"0.42", "20", "0", "-0", "1e-400"},
			"fare":           {"512.3292", "7", "1e15"},
			"survived":       {"true", "false"},
			"extra":          {"null", "{}"},
		} {
			for _, value := range values {
				var person map[string]json.RawMessage
				if err := json.Unmarshal([]byte(ada), &person); err != nil {
					t.Fatal(err)
				}
				person[name] = json.RawMessage(value)
				body, err := json.Marshal(person)
				if err != nil {
					t.Fatal(err)
				}
				var p struct{ UUID string }
				c.want(201, "POST", "/api/v1/people", string(body), &p)
				c.want(200, "PUT", "/people/"+p.UUID, `{"`+name+`":`+value+`}`, &p)
			}
		}
	})
}

func TestPathsThatNameNobody(t *testing.T) {
	c := newClient(t, people.NewStore(databasetest.SQLite(t)), people.Options{})
	for _, id := range []string{
		"x", "1", "%00", "%zz", "%2e%2e", "'%20OR%201=1", "5f3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e7", "5f3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e777",
		"5f3c1d52_7c8e_4a3b_9f0e_2d6b8a1c4e77", "gf3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e77", "5f3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e77",
	} {
		for _, method := range []string{"GET", "DELETE"} {
			r := httptest.NewRequest(method, "/", nil)
			r.RequestURI = "/people/" + id
			r.URL.Opaque = "/people/" + id
			answer, err := c.server.App().Test(r, -1)
			if err != nil || answer.StatusCode != 404 {
				t.Errorf("%s %s: got %v, %v", method, id, answer, err)
			}
		}
	}
	c.refuses(404, "PUT", "/people/x", `{}`)
	c.refuses(404, "GET", "/people/", "")
	if answer, _ := c.send("PATCH", "/people", "{}"); answer.StatusCode != 405 || answer.Header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("got %d, Allow %q", answer.StatusCode, answer.Header.Get("Allow"))
	}
}
