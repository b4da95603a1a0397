package workload_test

import (
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/workload"
)

func handler(*fiber.Ctx) error { return nil }

// named builds a workload from "METHOD /path" lines.
func named(name string, routes ...string) workload.Workload {
	w := workload.Workload{Name: name}
	for _, r := range routes {
		method, path, _ := strings.Cut(r, " ")
		w.Routes = append(w.Routes, workload.Route{Method: method, Path: path, Handler: handler})
	}
	return w
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name string
		a, b []string
		want string // part of the error; empty for none
	}{
		{"different paths", []string{"GET /a"}, []string{"GET /b"}, ""},
		{"different methods", []string{"GET /"}, []string{"POST /"}, ""},
		{"different lengths", []string{"GET /a"}, []string{"GET /a/:id"}, ""},
		{"slash form", []string{"GET /a"}, []string{"GET /a/"}, ""},
		{"a parameter is never empty", []string{"GET /a/"}, []string{"GET /a/:id"}, ""},
		{"star beside", []string{"GET /a/*"}, []string{"GET /b"}, ""},
		{"same", []string{"GET /a"}, []string{"GET /a"}, "b: GET /a is taken by a: GET /a"},
		{"parameter names do not matter", []string{"GET /a/:id"}, []string{"GET /a/:uuid"}, "b: GET /a/:uuid is taken by a: GET /a/:id"},
		{"constant under a parameter", []string{"GET /a/:id"}, []string{"GET /a/me"}, "b: GET /a/me is taken by a"},
		{"parameter over a constant", []string{"GET /a/me"}, []string{"GET /a/:id"}, "b: GET /a/:id is taken by a"},
		{"crossing parameters", []string{"GET /:x/b"}, []string{"GET /a/:y"}, "is taken by a"},
		{"star", []string{"GET /a/*"}, []string{"GET /a/b/c"}, "is taken by a: GET /a/*"},
		{"GET brings HEAD", []string{"GET /a"}, []string{"HEAD /a"}, "b: HEAD /a is taken by a: GET /a"},
		{"twice in one", []string{"GET /a/:x", "GET /a/:y"}, nil, "a: GET /a/:y is there twice"},
		{"shadowing in one", []string{"GET /a/me", "GET /a/:id"}, nil, ""},
		{"method", []string{"FETCH /a"}, nil, "a: FETCH /a: not a method"},
		{"path", []string{"GET a"}, nil, "a: GET a: a path starts with /"},
		{"nameless", []string{"GET /:"}, nil, "a parameter has a name"},
		{"optional", []string{"GET /:id?"}, nil, `segment ":id?" is neither`},
		{"two in one segment", []string{"GET /:from-:to"}, nil, `segment ":from-:to" is neither`},
		{"star inside", []string{"GET /*/a"}, nil, `segment "*" is neither`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := workload.Validate(named("a", tt.a...), named("b", tt.b...))
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestValidateReportsAll(t *testing.T) {
	w := named("a", "GET /x")
	w.Routes[0].Handler = nil
	err := workload.Validate(w, named("b", "GET /x", "OOPS /y"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"a: GET /x: no handler", "b: GET /x is taken by a", "b: OOPS /y: not a method"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}
