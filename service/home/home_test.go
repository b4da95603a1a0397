package home_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/home"
	"gitlab.com/towpath/towpath/service/workload/workloadtest"
)

func app(page fiber.Handler) *fiber.App {
	app := fiber.New(fiber.Config{DisableStartupMessage: true, Immutable: true})
	for _, r := range home.New(page).Routes {
		app.Add(r.Method, r.Path, r.Handler)
	}
	return app
}

func get(t *testing.T, app *fiber.App, path, accept string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	return workloadtest.Send(t, app, r)
}

func TestRoot(t *testing.T) {
	const link = `{"link":"/dynamic"}`
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	page := func(c *fiber.Ctx) error { return c.Type("html").SendString("<h1>Welcome</h1>") }
	tests := []struct {
		name, accept string
		page         fiber.Handler
		want, vary   string
	}{
		{"no page", "", nil, link, ""},
		{"no page, browser", browser, nil, link, ""},
		{"anything", "", page, link, "Accept"},
		{"curl", "*/*", page, link, "Accept"},
		{"json", "application/json", page, link, "Accept"},
		{"image", "image/png", page, link, "Accept"},
		{"json rather than html", "text/html;q=0.5, application/json", page, link, "Accept"},
		{"browser", browser, page, "<h1>Welcome</h1>", "Accept"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer, body := get(t, app(tt.page), "/", tt.accept)
			if answer.StatusCode != 200 || body != tt.want {
				t.Errorf("got %d %s, want %s", answer.StatusCode, body, tt.want)
			}
			if got := answer.Header.Get("Vary"); got != tt.vary {
				t.Errorf("got Vary %q, want %q", got, tt.vary)
			}
			if body == link && answer.Header.Get("Content-Type") != "application/json" {
				t.Errorf("got %s", answer.Header.Get("Content-Type"))
			}
		})
	}
}

func TestDynamic(t *testing.T) {
	app := app(nil)
	form := regexp.MustCompile(`^(0\.\d+|1\.0+)$`)
	seen := map[string]bool{}
	for range 1000 {
		answer, body := get(t, app, "/dynamic", "")
		if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "application/json" {
			t.Fatalf("got %d %s", answer.StatusCode, answer.Header.Get("Content-Type"))
		}
		if answer.Header.Get("Cache-Control") != "no-store" {
			t.Fatal("a cache may repeat it")
		}
		var got map[string]string // a number instead of a string would not fit
		if err := json.Unmarshal([]byte(body), &got); err != nil || len(got) != 1 {
			t.Fatalf("got %s: %v", body, err)
		}
		value := got["dynamic"]
		if !form.MatchString(value) || seen[value] {
			t.Fatalf("got %s; seen before: %t", value, seen[value])
		}
		seen[value] = true
	}
}
