package problem_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/valyala/fasthttp"

	"gitlab.com/towpath/towpath/service/problem"
)

func TestWrite(t *testing.T) {
	tests := []struct {
		name string
		p    *problem.Problem
		want string
	}{
		{"own detail and fields",
			problem.New(400, "The request has invalid fields.", problem.Field{Field: "age", Detail: "must be a number"}, problem.Field{Field: "sex", Detail: "is missing"}),
			`{"type":"about:blank","title":"Bad Request","status":400,"detail":"The request has invalid fields.","errors":[{"field":"age","detail":"must be a number"},{"field":"sex","detail":"is missing"}]}`},
		{"the status's detail",
			problem.New(404, ""),
			`{"type":"about:blank","title":"Not Found","status":404,"detail":"There is nothing at this path."}`},
		{"no detail",
			problem.New(418, ""),
			`{"type":"about:blank","title":"I'm a teapot","status":418}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r fasthttp.Response
			r.Header.Set("Allow", "GET")
			tt.p.Write(&r)
			if got := string(r.Body()); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if r.StatusCode() != tt.p.Status || string(r.Header.ContentType()) != problem.ContentType {
				t.Errorf("got %d %s", r.StatusCode(), r.Header.ContentType())
			}
			if string(r.Header.Peek("Allow")) != "GET" {
				t.Error("a header that was set before is gone")
			}
		})
	}
}

func TestIsAnError(t *testing.T) {
	err := fmt.Errorf("create: %w", problem.New(409, "The uuid is taken."))
	var p *problem.Problem
	if !errors.As(err, &p) || p.Status != 409 {
		t.Fatalf("got %v", p)
	}
	if got := err.Error(); got != "create: Conflict: The uuid is taken." {
		t.Errorf("got %q", got)
	}
}
