// Package workloadtest is for tests that ask a workload, without a listener.
package workloadtest

import (
	"io"
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"
)

// Send has app answer a request, and reads the answer's body.
func Send(t testing.TB, app *fiber.App, r *http.Request) (answer *http.Response, body string) {
	t.Helper()
	answer, err := app.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // only read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}
