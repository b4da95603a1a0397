// Package problem is the error answer of the JSON APIs: RFC 9457, application/problem+json.
//
// A handler returns a [*Problem] as its error, and exactly that reaches the client. Every other
// error stays inside: it is logged, and the client learns only that something went wrong.
//
//	return problem.New(400, "The request has invalid fields.",
//		problem.Field{Field: "age", Detail: "must be a number"})
package problem

import (
	"encoding/json"
	"net/http"

	"github.com/valyala/fasthttp"
)

// ContentType is the media type of a written Problem.
const ContentType = "application/problem+json"

// Problem is an error that is meant for the client.
type Problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Errors []Field `json:"errors,omitempty"`
}

// Field says what is wrong with one part of the request.
type Field struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// New makes a problem whose type is about:blank, that is: the status says it all, and detail
// and fields explain this one occurrence. An empty detail is replaced by what is generally
// true of the status.
func New(status int, detail string, fields ...Field) *Problem {
	if detail == "" {
		detail = details[status]
	}
	return &Problem{
		Type:   "about:blank",
		Title:  http.StatusText(status),
		Status: status,
		Detail: detail,
		Errors: fields,
	}
}

var details = map[int]string{
	http.StatusBadRequest:                  "The request could not be understood.",
	http.StatusNotFound:                    "There is nothing at this path.",
	http.StatusMethodNotAllowed:            "This path does not take this method; Allow lists those it takes.",
	http.StatusRequestTimeout:              "The request did not arrive in time.",
	http.StatusRequestEntityTooLarge:       "The request body is too large.",
	http.StatusRequestHeaderFieldsTooLarge: "The request line and headers are too large.",
	http.StatusInternalServerError:         "The request failed; its id finds the reason in the log.",
	http.StatusServiceUnavailable:          "The service cannot do this at the moment; try again later.",
	http.StatusInsufficientStorage:         "There is no room left to store this; nothing was kept.",
}

func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// Body is the problem as JSON.
func (p *Problem) Body() []byte {
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and an int: there is nothing in a Problem that cannot be encoded
	}
	return body
}

// Write makes the problem the answer. Headers that are already set, such as Allow, stay.
func (p *Problem) Write(response *fasthttp.Response) {
	response.SetStatusCode(p.Status)
	response.Header.SetContentType(ContentType)
	response.SetBodyRaw(p.Body())
}
