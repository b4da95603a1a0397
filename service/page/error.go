package page

import (
	"html/template"
	"io/fs"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"gitlab.com/towpath/towpath/service/problem"
)

var errorPage = Parse(own, "error.html")

// Failure is what the page of an error says.
type Failure struct {
	Status    int
	Title     string
	Text      string
	Fields    []problem.Field
	RequestID string // for a report to whoever runs the service; empty leaves it out
	Start     string // where to go on from here
	Beside    any    // for the template "beside" of [ParseError]; nil leaves it out
}

// friendly says what went wrong to a person; the details of a problem are written for programs.
var friendly = map[int]Failure{
	fiber.StatusUnauthorized:          {Title: "Please sign in", Text: "This page is only for those who are signed in and may see it."},
	fiber.StatusForbidden:             {Title: "That is not allowed", Text: "The service understood what you asked for and does not do it."},
	fiber.StatusNotFound:              {Title: "There is nothing here", Text: "The address may be mistyped, or what was here is gone."},
	fiber.StatusMethodNotAllowed:      {Title: "Not like this", Text: "This address exists, but not for what was tried. Going back and starting over usually helps."},
	fiber.StatusRequestTimeout:        {Title: "That took too long", Text: "The request did not arrive in time. Please try again."},
	fiber.StatusRequestEntityTooLarge: {Title: "That is too large", Text: "The service does not take that much at once."},
	fiber.StatusTooManyRequests:       {Title: "Too many attempts", Text: "Please wait a little before you try again."},
	fiber.StatusInternalServerError:   {Title: "Something went wrong", Text: "It is not your fault. The request id below finds the reason in the log."},
	fiber.StatusServiceUnavailable:    {Title: "Not right now", Text: "The service cannot do this at the moment. Please try again shortly."},
	fiber.StatusInsufficientStorage:   {Title: "The store is full", Text: "There is no room left for this. Nothing was kept."},
}

func describe(p *problem.Problem, requestID string) Failure {
	f := Failure{Status: p.Status, Title: p.Title, Text: p.Detail, Fields: p.Errors, Start: rootPath}
	general := problem.New(p.Status, "").Detail
	if known, ok := friendly[p.Status]; ok {
		f.Title = known.Title
		if p.Detail == general {
			f.Text = known.Text
		}
	}
	if p.Status >= fiber.StatusInternalServerError {
		f.RequestID = requestID
	}
	return f
}

// ParseError reads files that define "beside", which the page of an error shows next to its
// text for a [Failure] that has something there.
func ParseError(files fs.FS, names ...string) *Template {
	t := Parse(own, "error.html")
	return &Template{template.Must(t.parsed.ParseFS(files, names...))}
}

// Error makes the page of a problem the answer. It is for requests that no workload answers;
// one that has pages uses [Site.Explain].
func Error(response *fasthttp.Response, p *problem.Problem, requestID string) {
	f := describe(p, requestID)
	view := View{Title: f.Title, Content: f}
	if err := errorPage.write(response, f.Status, frame{View: view, Start: f.Start}); err != nil {
		p.Write(response)
	}
}
