package accept_test

import (
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/accept"
)

func TestBest(t *testing.T) {
	const (
		plain  = "text/plain"
		json   = "application/json"
		chrome = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
	)
	tests := []struct {
		header string
		offers []string
		want   string
	}{
		{"", []string{plain, json}, plain},
		{"*/*", []string{plain, json}, plain},
		{"application/json", []string{plain, json}, json},
		{"APPLICATION/JSON", []string{plain, json}, json},
		{"application/*", []string{plain, json}, json},
		{"application/json; charset=utf-8", []string{plain, json}, json},
		{"image/png", []string{plain, json}, ""},
		{"text/plain;q=0.5, application/json;q=0.6", []string{plain, json}, json},
		{"application/json;q=0.5, text/plain;q=0.5", []string{plain, json}, plain},
		{"application/json, */*;q=0.1", []string{plain, json}, json},
		{"*/*;q=0.1, application/json", []string{plain, json}, json},
		// The most specific range decides, even against a heavier general one.
		{"text/plain;q=0.1, */*", []string{plain, json}, json},
		{"text/plain;q=0, */*", []string{plain, json}, json},
		{"text/*;q=0, */*", []string{plain, json}, json},
		{"text/plain;q=0", []string{plain, json}, ""},
		{"text/plain;q=0.000", []string{plain, json}, ""},
		{"text/plain ; Q=0.2 , application/json ; q=0.3", []string{plain, json}, json},
		{`text/plain;note="a,b;q=0";q=1, application/json;q=0.9`, []string{plain, json}, plain},
		// A malformed weight takes its range away and leaves the others.
		{"application/json;q=2, text/plain;q=0.1", []string{plain, json}, plain},
		{"application/json;q=high", []string{plain, json}, ""},
		{"application/json;q=1.001", []string{plain, json}, ""},
		{"text, application, /, ;, ,,", []string{plain, json}, ""},
		{chrome, []string{json, "text/html"}, "text/html"},
	}
	for _, tt := range tests {
		t.Run(tt.header, func(t *testing.T) {
			if got := accept.Best(tt.header, tt.offers...); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNegotiate(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  string
	}{
		{"no header", nil, "text/plain"},
		{"nothing suits", []string{"image/png"}, "text/plain"},
		{"one line", []string{"application/json"}, "application/json"},
		{"several lines are one list", []string{"text/plain;q=0.2", "application/json"}, "application/json"},
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/", func(c *fiber.Ctx) error {
		return c.SendString(accept.Negotiate(c, "text/plain", "application/json"))
	})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			for _, line := range tt.lines {
				r.Header.Add("Accept", line)
			}
			answer, err := app.Test(r, -1)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body := make([]byte, 64)
			n, _ := answer.Body.Read(body)
			if got := string(body[:n]); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if answer.Header.Get("Vary") != "Accept" {
				t.Errorf("got Vary %q", answer.Header.Get("Vary"))
			}
		})
	}
}

func FuzzBest(f *testing.F) {
	for _, header := range []string{"", "*/*", `a/b;c="\`, "text/html;q=0.5,*/*;q=0", ";q=", ",", "text/*;q=1.000"} {
		f.Add(header)
	}
	offers := []string{"text/html", "application/json"}
	f.Fuzz(func(t *testing.T, header string) {
		got := accept.Best(header, offers...)
		if got != "" && !slices.Contains(offers, got) {
			t.Errorf("got %q", got)
		}
		// A refusal in front makes nothing acceptable that was not.
		if got := accept.Best("text/html;q=0,"+header, "text/html"); got != "" && accept.Best(header, "text/html") == "" {
			t.Errorf("got %q", got)
		}
	})
}
