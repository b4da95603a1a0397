package page

import (
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

// Describe turns a problem into what its page says.
func Describe(p *problem.Problem, requestID string) Failure {
	f := Failure{Status: p.Status, Title: p.Title, Text: p.Detail, Fields: p.Errors}
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

// Error makes the page of a problem the answer. It is for requests that no workload answers;
// a workload with pages shows its own navigation with [ErrorPage].
func Error(response *fasthttp.Response, p *problem.Problem, requestID string) {
	f := Describe(p, requestID)
	if err := errorPage.write(response, f.Status, View{Title: f.Title, Content: f}); err != nil {
		p.Write(response)
	}
}

// ErrorPage is the template of errors; its View.Content is a [Failure].
func ErrorPage() *Template { return errorPage }
