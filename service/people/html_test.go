package people_test

import (
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/service/database/databasetest"
	"gitlab.com/towpath/towpath/service/people"
)

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// hostile names, if they were not escaped, would do something.
var hostile = []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'&amp;'`, `{{.}}`, "javascript:alert(1)", "</title><b>"}

func TestPagesForBrowsers(t *testing.T) {
	c := newClient(t, people.NewStore(databasetest.SQLite(t)), people.Options{})
	answer, page := c.send("GET", "/people", "", "Accept", browser)
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(page, "The register is empty") {
		t.Errorf("got %d %s", answer.StatusCode, page)
	}
	for _, name := range hostile {
		text, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		var p struct{ UUID string }
		c.want(200, "POST", "/people", strings.Replace(ada, `"Miss. Ada Ashdown"`, string(text), 1), &p)
		for _, path := range []string{"/people", "/people/" + p.UUID} {
			answer, page := c.send("GET", path, "", "Accept", browser)
			if answer.StatusCode != 200 || answer.Header.Get("Vary") != "Accept" || answer.Header.Get("Content-Security-Policy") == "" {
				t.Errorf("%s: got %d %v", path, answer.StatusCode, answer.Header)
			}
			if strings.Contains(name, "<") && strings.Contains(page, name) {
				t.Errorf("%s: %s is not escaped", path, name)
			}
			if !strings.Contains(html.UnescapeString(page), name) {
				t.Errorf("%s: %s is not there", path, name)
			}
			for _, inline := range []string{"<style", " style=", "<script>", "javascript:alert(1)\""} {
				if strings.Contains(page, inline) {
					t.Errorf("%s has %s", path, inline)
				}
			}
		}
	}
	// The newer place is for programs alone.
	if answer, _ := c.send("GET", "/api/v1/people", "", "Accept", browser); answer.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %s", answer.Header.Get("Content-Type"))
	}
	for accept, want := range map[string]string{"": "application/json", "*/*": "application/json", "application/json, text/html;q=0.9": "application/json"} {
		if answer, _ := c.send("GET", "/people", "", "Accept", accept); answer.Header.Get("Content-Type") != want {
			t.Errorf("%q: got %s", accept, answer.Header.Get("Content-Type"))
		}
	}
	for path, want := range map[string]int{"/people/x": 404, "/people?sex=x": 400} {
		if answer, _ := c.send("GET", path, "", "Accept", browser); answer.StatusCode != want || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: got %d %s", path, answer.StatusCode, answer.Header.Get("Content-Type"))
		}
	}
}

var nextLink = regexp.MustCompile(`<a href="([^"]+)" rel="next">`)

// A person can page to the end, and the form keeps what was chosen.
func TestPagingInABrowser(t *testing.T) {
	store := people.NewStore(databasetest.SQLite(t))
	fill(t, store, 120)
	c := newClient(t, store, people.Options{})
	path, pages, rows := "/people?sex=male&survived=&passengerClass=", 0, 0
	for path != "" {
		_, page := c.send("GET", path, "", "Accept", browser)
		pages++
		rows += strings.Count(page, `<th scope="row">`)
		if !strings.Contains(page, `<option value="male" selected>`) {
			t.Errorf("%s: the form has forgotten the choice", path)
		}
		if first := strings.Contains(page, "First page"); first != (pages > 1) {
			t.Errorf("%s: a link to the first page: %t", path, first)
		}
		path = ""
		if m := nextLink.FindStringSubmatch(page); m != nil {
			path = html.UnescapeString(m[1])
		}
	}
	if pages != 2 || rows != 60 {
		t.Errorf("%d rows on %d pages", rows, pages)
	}
	for query, want := range map[string]string{
		"passengerClass=9":        "Nobody matches",
		"cursor=7fffffffffffffff": "That was everyone",
		"passengerClass=-7":       fmt.Sprintf(`<option value="%d" selected>`, -7),
	} {
		if _, page := c.send("GET", "/people?"+query, "", "Accept", browser); !strings.Contains(page, want) {
			t.Errorf("%s lacks %s:\n%s", query, want, page)
		}
	}
}
