package page

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/problem"
)

// Site is what all pages of a process share: the navigation, and who is looking. Workloads are
// given the same one, and so appear beside each other without knowing of each other. A nil Site
// has no navigation.
type Site struct {
	// Links are what there is to see, in order; the first one is where to start.
	Links []Link
	// Visitor tells who is looking. It is nil where nobody can sign in.
	Visitor func(*fiber.Ctx) Visitor
}

// Visitor is who is looking at a page. The zero Visitor is nobody in particular.
type Visitor struct {
	Name  string
	Admin bool
}

// Link is an entry of the navigation.
type Link struct {
	Text, Href string
	For        Audience
}

// Audience is whom a link is shown to.
type Audience int

// The audiences.
const (
	Everyone Audience = iota
	SignedIn
	Administrators
)

func (a Audience) has(v Visitor) bool {
	return a == Everyone || v.Name != "" && (a == SignedIn || v.Admin)
}

const (
	rootPath   = "/"
	signInPath = "/" // the form is on the first page of the web app
)

// entry is a Link as one page shows it.
type entry struct {
	Text, Href string
	Current    string // aria-current: "page" for this very page, "true" for one below it
}

// frame is a page with everything around it.
type frame struct {
	View
	Start   string // where the name of the service leads
	Nav     []entry
	Account string // who is signed in
	SignIn  string // where to do so, for nobody who could
}

// frame puts a view into its place.
func (s *Site) frame(c *fiber.Ctx, v View) frame {
	f := frame{View: v, Start: s.start()}
	if s == nil {
		return f
	}
	var visitor Visitor
	switch {
	case v.Visitor != nil:
		visitor = *v.Visitor
	case s.Visitor != nil:
		visitor = s.Visitor(c)
	}
	path := c.Path()
	f.Account = visitor.Name
	if s.Visitor != nil && visitor.Name == "" && !v.SignsIn {
		f.SignIn = signInPath
	}
	for _, l := range s.Links {
		if l.For.has(visitor) {
			f.Nav = append(f.Nav, entry{l.Text, l.Href, current(l.Href, path)})
		}
	}
	return f
}

func current(href, path string) string {
	switch {
	case href == path:
		return "page"
	case href != rootPath && strings.HasPrefix(path, strings.TrimSuffix(href, "/")+"/"):
		return "true"
	}
	return ""
}

func (s *Site) start() string {
	if s == nil || len(s.Links) == 0 {
		return rootPath
	}
	return s.Links[0].Href
}

// Write makes a page the answer. Nothing is sent if the template fails half-way.
func (s *Site) Write(c *fiber.Ctx, t *Template, status int, v View) error {
	if err := t.write(c.Response(), status, s.frame(c, v)); err != nil {
		return err
	}
	if c.Protocol() == "https" {
		c.Response().Header.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
	return nil
}

// Describe turns a problem into what its page says.
func (s *Site) Describe(p *problem.Problem, requestID string) Failure {
	f := describe(p, requestID)
	f.Start = s.start()
	return f
}

// Explain answers a problem with its page, and hands any other error on.
func (s *Site) Explain(c *fiber.Ctx, err error) error {
	var known *problem.Problem
	if !errors.As(err, &known) {
		return err
	}
	f := s.Describe(known, c.Get(fiber.HeaderXRequestID))
	return s.Write(c, errorPage, f.Status, View{Title: f.Title, Content: f})
}
