// Package page is how the service looks in a browser: one layout, one style sheet, the headers
// that keep a page safe, and the page of an error.
//
// A workload that has pages parses its own templates and fills the middle of the layout:
//
//	//go:embed pages
//	var files embed.FS
//	var list = page.Parse(files, "pages/list.html") // defines "content"
//
//	return site.Write(c, list, 200, page.View{Title: "People", Content: people})
//
// Within "content" the dot is View.Content. Templates are html/template, so values are escaped
// for the place where they stand; nobody needs template.HTML. A page works without scripts and
// brings no inline style or script, which is what lets the content security policy forbid them.
package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// View is what the layout shows.
type View struct {
	Title   string   // of the window, and nothing else: the content has its own heading
	Visitor *Visitor // who is looking; nil is to be found out by [Site.Visitor]
	SignsIn bool     // whether the content has the form to sign in with
	Notices []Notice // what just happened, above the content
	Content any      // for the template "content"
}

// Notice is a message about what the person just did.
type Notice struct {
	Text  string
	Error bool
	Field string // id of the form field at fault, to link to; may be empty
}

// Failed tells whether any notice is an error; then the notices are an error summary.
func (v View) Failed() bool {
	for _, n := range v.Notices {
		if n.Error {
			return true
		}
	}
	return false
}

// Template is a page within the layout. It is safe for concurrent use.
type Template struct{ parsed *template.Template }

//go:embed layout.html error.html
var own embed.FS

var layout = template.Must(template.New("layout.html").
	Funcs(template.FuncMap{"asset": Asset}).ParseFS(own, "layout.html"))

// Parse reads files that together define "content". It panics on a mistake in them: they are
// embedded, so the mistake is the program's.
func Parse(files fs.FS, names ...string) *Template {
	t := template.Must(template.Must(layout.Clone()).ParseFS(files, names...))
	if t.Lookup("content") == nil {
		panic(fmt.Sprintf(`page: %v do not define "content"`, names))
	}
	return &Template{t}
}

func (t *Template) write(response *fasthttp.Response, status int, f frame) error {
	var body bytes.Buffer
	if err := t.parsed.Execute(&body, f); err != nil {
		return fmt.Errorf("fill the page %q: %w", f.Title, err)
	}
	response.SetStatusCode(status)
	response.Header.SetContentType(fiber.MIMETextHTMLCharsetUTF8)
	Protect(response)
	response.SetBodyRaw(body.Bytes())
	return nil
}

// policy lets a page load its own style, script and images, send its forms home, and nothing
// else: what is not listed falls to default-src.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Protect sets the headers of a page that is nobody else's business.
func Protect(response *fasthttp.Response) {
	h := &response.Header
	h.Set(fiber.HeaderContentSecurityPolicy, policy)
	h.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	h.Set(fiber.HeaderXFrameOptions, "DENY") // frame-ancestors for browsers that do not know it
	// Not "no-referrer": with that a browser sends our own forms with "Origin: null".
	h.Set(fiber.HeaderReferrerPolicy, "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	if len(h.Peek(fiber.HeaderCacheControl)) == 0 {
		// After signing out, the back button must not bring a page back.
		h.Set(fiber.HeaderCacheControl, "no-store")
	}
}
