package page_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gitlab.com/towpath/towpath/service/page"
	"gitlab.com/towpath/towpath/service/problem"
)

func parse(content string) *page.Template {
	return page.Parse(fstest.MapFS{"x.html": {Data: []byte(content)}}, "x.html")
}

func get(t *testing.T, app *fiber.App, path string) (*http.Response, string) {
	t.Helper()
	answer, err := app.Test(httptest.NewRequest("GET", path, nil), -1)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func TestWrite(t *testing.T) {
	hello := parse(`{{define "content"}}<h1>Hello {{.}}</h1>{{end}}`)
	app := fiber.New()
	site := &page.Site{Links: []page.Link{{Text: "Here", Href: "/"}, {Text: "There", Href: "javascript:alert(1)"}}}
	app.Get("/", func(c *fiber.Ctx) error {
		return site.Write(c, hello, 201, page.View{
			Title: "A & B", Content: "<script>", Visitor: &page.Visitor{Name: "ANN"},
			Notices: []page.Notice{{Text: "Oh <no>", Error: true, Field: "name"}},
		})
	})
	answer, body := get(t, app, "/")
	if answer.StatusCode != 201 || answer.Header.Get("Content-Type") != "text/html; charset=utf-8" || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %v", answer.StatusCode, answer.Header)
	}
	for _, want := range []string{
		"<title>Error: A &amp; B · Towpath</title>", "<h1>Hello &lt;script&gt;</h1>", `<a href="/" aria-current="page">Here</a>`, `href="#ZgotmplZ"`,
		`role="alert"`, `<a href="#name">Oh &lt;no&gt;</a>`, `<strong>ANN</strong>`, `<html lang="en">`, `href="#main"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not in\n%s", want, body)
		}
	}
	if answer.Header.Get("Strict-Transport-Security") != "" {
		t.Error("a promise of TLS, without TLS")
	}
}

// A template that fails half-way leaves no half page.
func TestWriteFails(t *testing.T) {
	broken := parse(`{{define "content"}}half {{.Missing}}{{end}}`)
	app := fiber.New(fiber.Config{ErrorHandler: func(c *fiber.Ctx, _ error) error {
		if len(c.Response().Body()) > 0 {
			t.Error("half a page is sent")
		}
		return c.SendStatus(500)
	}})
	app.Get("/", func(c *fiber.Ctx) error { return new(page.Site).Write(c, broken, 200, page.View{Content: struct{}{}}) })
	if answer, _ := get(t, app, "/"); answer.StatusCode != 500 {
		t.Errorf("got %d", answer.StatusCode)
	}
}

func TestParsePanicsWithoutContent(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a page without content is taken")
		}
	}()
	parse(`{{define "other"}}{{end}}`)
}

func TestAssets(t *testing.T) {
	app := fiber.New()
	for _, r := range page.Assets().Routes {
		app.Add(r.Method, r.Path, r.Handler)
	}
	for name, contentType := range map[string]string{
		"style.css": "text/css; charset=utf-8", "enhance.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		path, err := page.Asset(name)
		if err != nil {
			t.Fatal(err)
		}
		answer, body := get(t, app, path)
		if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != contentType || !strings.Contains(answer.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: got %d %v", path, answer.StatusCode, answer.Header)
		}
		// Nothing is fetched from elsewhere.
		if text := strings.ReplaceAll(body, "http://www.w3.org/2000/svg", ""); strings.Contains(text, "//") && strings.Contains(text, "http") {
			t.Errorf("%s names another host", name)
		}
		if answer, _ := get(t, app, "/assets/"+name); answer.StatusCode == 200 {
			t.Errorf("%s is served without its hash, and kept for good", name)
		}
	}
	if _, err := page.Asset("nowhere.css"); err == nil {
		t.Error("there is an asset nowhere.css")
	}
}

func TestError(t *testing.T) {
	for _, tt := range []struct {
		p           *problem.Problem
		has, hasNot string
	}{
		{problem.New(404, ""), "There is nothing here", "id-7"},
		{problem.New(405, ""), "Not like this", "id-7"},
		{problem.New(413, "At most 16 MiB."), "At most 16 MiB.", "id-7"},
		{problem.New(500, ""), "id-7", ""},
		{problem.New(409, "The name <b> is taken.", problem.Field{Field: "name", Detail: "is taken"}), "The name &lt;b&gt; is taken.", "id-7"},
		{problem.New(409, "", problem.Field{Field: "name", Detail: "is taken"}), "<code>name</code> is taken", "id-7"},
	} {
		var response fasthttp.Response
		page.Error(&response, tt.p, "id-7")
		body := string(response.Body())
		if response.StatusCode() != tt.p.Status || !strings.Contains(body, tt.has) || tt.hasNot != "" && strings.Contains(body, tt.hasNot) {
			t.Errorf("%v: %d\n%s", tt.p, response.StatusCode(), body)
		}
	}
}
