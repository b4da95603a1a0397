package fibonacci_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/fibonacci"
	"gitlab.com/towpath/towpath/service/problem"
	"gitlab.com/towpath/towpath/service/workload/workloadtest"
)

// newApp mounts the workload as strictly as the server does.
func newApp() *fiber.App {
	app := fiber.New(fiber.Config{
		DisableStartupMessage: true, Immutable: true, StrictRouting: true, CaseSensitive: true, ReadBufferSize: 16 << 10,
		ErrorHandler: func(c *fiber.Ctx, err error) error {
			p := problem.New(fiber.StatusNotFound, "")
			errors.As(err, &p)
			p.Write(c.Response())
			return nil
		},
	})
	for _, r := range fibonacci.New().Routes {
		app.Add(r.Method, r.Path, r.Handler)
		app.Head(r.Path, r.Handler)
	}
	return app
}

func get(t testing.TB, app *fiber.App, method, path, accept string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	return workloadtest.Send(t, app, r)
}

// reference gives the first n numbers by another road than the code under test.
func reference(n int) []string {
	numbers := make([]string, n)
	a, b := big.NewInt(1), big.NewInt(1)
	for i := range n {
		numbers[i] = a.String()
		a.Add(a, b)
		a, b = b, a
	}
	return numbers
}

func TestList(t *testing.T) {
	tests := []struct{ path, accept, want string }{
		{"0", "", "[]"},
		{"1", "", "[1]"},
		{"2", "", "[1, 1]"},
		{"8", "", "[1, 1, 2, 3, 5, 8, 13, 21]"},
		{"8", "*/*", "[1, 1, 2, 3, 5, 8, 13, 21]"},
		{"8", "image/png", "[1, 1, 2, 3, 5, 8, 13, 21]"},
		{"8", "application/json;q=0.5, text/plain", "[1, 1, 2, 3, 5, 8, 13, 21]"},
		{"008", "", "[1, 1, 2, 3, 5, 8, 13, 21]"},
		{"%38", "", "[1, 1, 2, 3, 5, 8, 13, 21]"},
		{"-0", "", "[]"},
		{strings.Repeat("0", 5000) + "1", "", "[1]"},
		{"8", "application/json", `{"fibonacci(8)":[1,1,2,3,5,8,13,21]}`},
		{"08", "application/json", `{"fibonacci(8)":[1,1,2,3,5,8,13,21]}`},
		{"0", "application/json", `{"fibonacci(0)":[]}`},
	}
	app := newApp()
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%.10s %s", tt.path, tt.accept), func(t *testing.T) {
			answer, body := get(t, app, "GET", "/api/fibonacci/"+tt.path, tt.accept)
			if answer.StatusCode != 200 || body != tt.want {
				t.Errorf("got %d %s, want %s", answer.StatusCode, body, tt.want)
			}
			want := "text/plain; charset=utf-8"
			if strings.HasPrefix(tt.want, "{") {
				want = "application/json"
			}
			if got := answer.Header.Get("Content-Type"); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if answer.Header.Get("Vary") != "Accept" {
				t.Error("caches are not told that the answer depends on Accept")
			}
		})
	}
}

func TestBigNumbers(t *testing.T) {
	app := newApp()
	_, body := get(t, app, "GET", "/api/fibonacci/94", "")
	if !strings.HasSuffix(body, ", 19740274219868223167]") {
		t.Errorf("94 ends in %s", body[len(body)-30:])
	}
	all := reference(fibonacci.Limit)
	// Around the lengths where a number takes another limb, and the largest.
	for _, n := range []int{86, 87, 88, 89, 172, 173, 174, 175, 1000, fibonacci.Limit - 1, fibonacci.Limit} {
		want := "[" + strings.Join(all[:n], ", ") + "]"
		answer, body := get(t, app, "GET", fmt.Sprintf("/api/fibonacci/%d", n), "")
		if body != want {
			t.Errorf("%d: wrong text of %d bytes, want %d", n, len(body), len(want))
		}
		if answer.ContentLength != int64(len(want)) {
			t.Errorf("%d: announced %d bytes of %d", n, answer.ContentLength, len(want))
		}
		head, _ := get(t, app, "HEAD", fmt.Sprintf("/api/fibonacci/%d", n), "")
		if head.ContentLength != int64(len(want)) {
			t.Errorf("%d: HEAD announced %d bytes of %d", n, head.ContentLength, len(want))
		}
		_, body = get(t, app, "GET", fmt.Sprintf("/api/fibonacci/%d", n), "application/json")
		var list map[string][]json.Number
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			t.Fatalf("%d: %v", n, err)
		}
		numbers := list[fmt.Sprintf("fibonacci(%d)", n)]
		if len(numbers) != n || numbers[n-1].String() != all[n-1] {
			t.Errorf("%d: JSON has %d numbers", n, len(numbers))
		}
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		n      string
		status int
		field  string // detail about n, empty for none
	}{
		{"x", 404, "is not a whole number"},
		{"1.0", 404, "is not a whole number"},
		{"1e3", 404, "is not a whole number"},
		{"+8", 404, "is not a whole number"},
		{"-", 404, "is not a whole number"},
		{"--1", 404, "is not a whole number"},
		{"0x10", 404, "is not a whole number"},
		{"%20", 404, "is not a whole number"},
		{"%D9%A8", 404, "is not a whole number"}, // an Arabic eight
		{"%2F", 404, "is not a whole number"},
		{"", 404, ""},
		{"8/", 404, ""},
		{"8/9", 404, ""},
		{"-1", 400, "must not be negative"},
		{"-99999999999999999999", 400, "must not be negative"},
		{"10001", 400, "must be at most 10000"},
		{"99999", 400, "must be at most 10000"},
		{"18446744073709551616", 400, "must be at most 10000"}, // 2^64
		{strings.Repeat("9", 15000), 400, "must be at most 10000"},
	}
	app := newApp()
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%.30s", tt.n), func(t *testing.T) {
			answer, body := get(t, app, "GET", "/api/fibonacci/"+tt.n, "")
			var p problem.Problem
			if err := json.Unmarshal([]byte(body), &p); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if answer.StatusCode != tt.status || p.Status != tt.status {
				t.Errorf("got %d %s, want %d", answer.StatusCode, body, tt.status)
			}
			got := ""
			if len(p.Errors) == 1 && p.Errors[0].Field == "n" {
				got = p.Errors[0].Detail
			}
			if got != tt.field {
				t.Errorf("got %+v, want %q", p.Errors, tt.field)
			}
		})
	}
}

func TestPing(t *testing.T) {
	answer, body := get(t, newApp(), "GET", "/api/ping", "")
	if answer.StatusCode != 200 || body != "\nPong\n" || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("got %d %q %s", answer.StatusCode, body, answer.Header.Get("Content-Type"))
	}
}

func BenchmarkLimit(b *testing.B) {
	app := newApp()
	for b.Loop() {
		get(b, app, "GET", "/api/fibonacci/10000", "")
	}
}
