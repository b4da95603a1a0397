package portal

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/page"
	"gitlab.com/towpath/towpath/service/problem"
)

//go:embed pages
var pageFiles embed.FS

var (
	homeTemplate    = page.Parse(pageFiles, "pages/home.html", "pages/signin.html")
	publicTemplate  = page.Parse(pageFiles, "pages/public.html")
	privateTemplate = page.Parse(pageFiles, "pages/private.html")
	adminTemplate   = page.Parse(pageFiles, "pages/admin.html")
	errorTemplate   = page.ParseError(pageFiles, "pages/signin.html")
)

// when is a moment as pages show it, in UTC, because the server cannot know another.
type when struct{ time.Time }

func (w when) Machine() string { return w.UTC().Format(time.RFC3339) }
func (w when) Human() string   { return w.UTC().Format("2 January 2006, 15:04 UTC") }

// Links are what the web app has to see.
func Links() []page.Link {
	return []page.Link{
		{Text: "Home", Href: "/"},
		{Text: "Public", Href: "/public/"},
		{Text: "Private", Href: "/private/", For: page.SignedIn},
		{Text: "Accounts", Href: "/admin/", For: page.Administrators},
	}
}

// Visitor tells the pages of others who is signed in.
func (p *Portal) Visitor(c *fiber.Ctx) page.Visitor {
	ctx, cancel := context.WithTimeout(c.UserContext(), visitTime)
	defer cancel()
	user, err := p.whoIs(&visit{Ctx: c, ctx: ctx})
	if err != nil && !errors.Is(err, ErrNotFound) {
		p.log.Warn("a session cannot be looked up", "error", err)
	}
	return page.Visitor{Name: user.Name, Admin: user.Admin}
}

// write sends a page with the notice, which is then done with.
func (p *Portal) write(v *visit, t *page.Template, status int, title string, content any) error {
	view := page.View{Title: title, Visitor: new(page.Visitor), Content: content}
	view.SignsIn = v.user == nil && (t == homeTemplate || t == errorTemplate && status == fiber.StatusUnauthorized)
	if v.user != nil {
		*view.Visitor = page.Visitor{Name: v.user.Name, Admin: v.user.Admin}
	}
	if v.notice != nil {
		view.Notices = []page.Notice{*v.notice}
		if v.Cookies(noticeCookie) != "" {
			setCookie(v.Ctx, noticeCookie, "", 0)
		}
	}
	return p.site.Write(v.Ctx, t, status, view)
}

// signInForm is what the template "signin" needs.
type signInForm struct{ Failed bool }

func (p *Portal) homePage(v *visit) error {
	var content struct {
		User   *User
		SignIn signInForm
	}
	content.User = v.user
	content.SignIn.Failed = v.notice != nil && v.notice.Field == "id"
	title := "Welcome"
	return p.write(v, homeTemplate, fiber.StatusOK, title, content)
}

func (p *Portal) publicPage(v *visit) error {
	return p.write(v, publicTemplate, fiber.StatusOK, "Public", struct{ SignedIn bool }{v.user != nil})
}

type noteView struct {
	ID, Text string
	Created  when
}

type imageView struct {
	ID, Name, Size string
	Width, Height  int
	Created        when
}

func (p *Portal) privatePage(v *visit) error {
	notesAt, imagesAt, err := v.cursors()
	if err != nil {
		return err
	}
	notes, err := p.store.Notes(v.ctx, v.user.Key, notesAt, perPage)
	if err != nil {
		return err
	}
	images, err := p.store.Images(v.ctx, v.user.Key, imagesAt, perPage)
	if err != nil {
		return err
	}
	usage, err := p.store.Usage(v.ctx, v.user.Key)
	if err != nil {
		return err
	}
	var content struct {
		Notes                 []noteView
		Images                []imageView
		NotePager, ImagePager pager
		NoteRoom, ImageRoom   room
		MaxNote, MaxFile      int
	}
	content.MaxNote, content.MaxFile = maxNote, maxImage
	content.NoteRoom, content.ImageRoom = p.noteRoom(usage), p.imageRoom(usage)
	for _, n := range notes.Items {
		content.Notes = append(content.Notes, noteView{n.ID, n.Text, when{n.Created}})
	}
	for _, i := range images.Items {
		content.Images = append(content.Images, imageView{i.ID, i.Name, sizeText(i.Size), i.Width, i.Height, when{i.Created}})
	}
	content.NotePager = pagerOf(notes, func(n Note) Cursor { return Cursor{Created: n.Created, ID: n.ID} }, notesParam, imagesParam, imagesAt)
	content.ImagePager = pagerOf(images, func(i Image) Cursor { return Cursor{Created: i.Created, ID: i.ID} }, imagesParam, notesParam, notesAt)
	return p.write(v, privateTemplate, fiber.StatusOK, "Private", content)
}

func (p *Portal) adminPage(v *visit) error { return p.showAccounts(v, "") }

// showAccounts shows all accounts, and the form with what was typed into it.
func (p *Portal) showAccounts(v *visit, typed string) error {
	accounts, err := p.store.Accounts(v.ctx)
	if err != nil {
		return err
	}
	type row struct {
		Name          string
		Admin, Fixed  bool
		Notes, Images int
		Created       when
	}
	var content struct {
		Rows          []row
		Typed, Failed string
		MaxName       int
	}
	content.Typed, content.MaxName = strings.ToValidUTF8(typed, ""), maxName
	if v.notice != nil && v.notice.Error {
		content.Failed = v.notice.Field
	}
	for _, a := range accounts {
		content.Rows = append(content.Rows, row{
			Name: a.Name, Admin: a.Admin, Fixed: a.Name == protectedName || a.Key == v.user.Key,
			Notes: a.Notes, Images: a.Images, Created: when{a.Created},
		})
	}
	return p.write(v, adminTemplate, fiber.StatusOK, "Accounts", content)
}

// errorPage shows a problem. Who is not signed in where it is needed can do so right there.
func (p *Portal) errorPage(v *visit, known *problem.Problem) error {
	f := p.site.Describe(known, v.Get(fiber.HeaderXRequestID))
	if known.Status == fiber.StatusUnauthorized {
		if v.user == nil {
			f.Beside = signInForm{}
		} else {
			f.Title = "Not for this account"
		}
	}
	return p.write(v, errorTemplate, known.Status, f.Title, f)
}

// sizeText writes a number of bytes for people.
func sizeText(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	default:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
}
