package portal

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/accept"
	"gitlab.com/towpath/towpath/service/page"
	"gitlab.com/towpath/towpath/service/problem"
)

// access says who may use a route.
type access int

const (
	anyone access = iota
	signedIn
	administrators
)

// visitTime bounds what one request may spend on stores.
const visitTime = 15 * time.Second

// visit is one request, past the gate.
type visit struct {
	*fiber.Ctx
	ctx    context.Context // for stores; it has a deadline
	user   *User           // nil for nobody
	notice *page.Notice    // from the request before, nil for none
}

type handler func(v *visit) error

// gate finds out who is asking and whether they may, then calls the handler. The problems that
// a handler returns become pages.
func (p *Portal) gate(need access, changes bool, h handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(c.UserContext(), visitTime)
		defer cancel()
		v := &visit{Ctx: c, ctx: ctx, notice: takeNotice(c)}
		err := p.admit(v, need, changes)
		if err == nil {
			err = h(v)
		}
		return p.answer(v, err)
	}
}

func (p *Portal) admit(v *visit, need access, changes bool) error {
	if changes && foreign(v.Ctx) {
		return problem.New(fiber.StatusForbidden, "The request came from a page of another site.")
	}
	user, err := p.whoIs(v)
	switch {
	case err == nil:
		v.user = &user
	case !errors.Is(err, ErrNotFound) && need == anyone:
		p.log.Warn("a session cannot be looked up", "error", err)
	case !errors.Is(err, ErrNotFound):
		p.log.Error("a session cannot be looked up", "error", err)
		return problem.New(fiber.StatusServiceUnavailable, "")
	}
	switch {
	case need >= signedIn && v.user == nil:
		return problem.New(fiber.StatusUnauthorized, "")
	case need == administrators && !v.user.Admin:
		return problem.New(fiber.StatusUnauthorized, "This page is for administrators only.")
	}
	return nil
}

// whoIs gives the user of the request's session, or ErrNotFound.
func (p *Portal) whoIs(v *visit) (User, error) {
	hash, ok := hashToken(v.Cookies(sessionCookie(v.Ctx)))
	if !ok {
		return User{}, ErrNotFound
	}
	session, err := p.sessions.Get(v.ctx, hash, p.now())
	if err != nil {
		return User{}, err
	}
	return p.store.UserByKey(v.ctx, session.Owner)
}

// answer turns problems into pages. Clients that ask for JSON get JSON, and other errors go on
// to the server, which logs them.
func (p *Portal) answer(v *visit, err error) error {
	var known *problem.Problem
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
	case errors.Is(err, ErrBusy):
		known = problem.New(fiber.StatusServiceUnavailable, "Many people are signing in. Please try again in a moment.")
		v.Set(fiber.HeaderRetryAfter, "2")
	default:
		return err
	}
	if known.Status == fiber.StatusServiceUnavailable && len(v.Response().Header.Peek(fiber.HeaderRetryAfter)) == 0 {
		v.Set(fiber.HeaderRetryAfter, "5")
	}
	if accept.Negotiate(v.Ctx, fiber.MIMETextHTML, problem.ContentType, fiber.MIMEApplicationJSON) != fiber.MIMETextHTML {
		return known
	}
	return p.errorPage(v, known)
}

// secure tells whether the browser reaches us over TLS, as far as we can believe.
func secure(c *fiber.Ctx) bool { return c.Protocol() == "https" }

// sessionCookie is the name of the session's cookie. Behind TLS it has a prefix with which
// browsers take it only from this very host, over TLS: a neighbouring site cannot plant one.
func sessionCookie(c *fiber.Ctx) string {
	if secure(c) {
		return "__Host-session"
	}
	return "session"
}

func setCookie(c *fiber.Ctx, name, value string, life time.Duration) {
	cookie := &fiber.Cookie{
		Name: name, Value: value, Path: "/", HTTPOnly: true, Secure: secure(c),
		SameSite: fiber.CookieSameSiteLaxMode, MaxAge: int(life / time.Second),
	}
	if life <= 0 {
		cookie.MaxAge = 0
		cookie.Expires = time.Unix(1, 0)
	}
	c.Cookie(cookie)
}

// notices are the messages that wait for the next page. What travels in the cookie is a key of
// this table, not a text: whoever plants a cookie can make us say nothing new. That also spares
// a session for those who are not signed in.
var notices = map[string]page.Notice{
	"welcome":       {Text: "You are signed in."},
	"bye":           {Text: "You are signed out."},
	"wrong":         {Text: "The account name or the password is wrong.", Error: true, Field: "id"},
	"note-added":    {Text: "The note is saved."},
	"note-deleted":  {Text: "The note is deleted."},
	"note-empty":    {Text: "The note is empty. Write something first.", Error: true, Field: "text_note_to_take"},
	"note-long":     {Text: "The note is longer than 20,000 characters. It was not saved.", Error: true, Field: "text_note_to_take"},
	"note-quota":    {Text: "Your account has no room for another note. It was not saved. Delete one that you no longer need, and write it again.", Error: true},
	"image-added":   {Text: "The image is stored."},
	"image-deleted": {Text: "The image is deleted."},
	"no-part":       {Text: "No file part", Error: true, Field: "file"},
	"no-file":       {Text: "No selected file", Error: true, Field: "file"},
	"wrong-type":    {Text: "Only png, jpg, jpeg and gif images are stored, and the name must match the content.", Error: true, Field: "file"},
	"damaged":       {Text: "The image is damaged or not complete. It was not stored.", Error: true, Field: "file"},
	"dimensions":    {Text: "The image has too many pixels: at most 64 million, and 16,384 on a side. It was not stored.", Error: true, Field: "file"},
	"image-quota":   {Text: "Your account has no room for this image. It was not stored. Delete some that you no longer need, and upload it again.", Error: true},
	"user-added":    {Text: "The account is created."},
	"user-deleted":  {Text: "The account is deleted, with its notes and images."},
}

const noticeCookie = "notice"

// leave keeps a notice for the next page.
func (v *visit) leave(key string) { setCookie(v.Ctx, noticeCookie, key, time.Minute) }

func takeNotice(c *fiber.Ctx) *page.Notice {
	n, ok := notices[c.Cookies(noticeCookie)]
	if !ok || c.Method() != fiber.MethodGet {
		return nil
	}
	return &n
}

// back redirects with 302, as the forms of the web app always have.
func (v *visit) back(path string) error { return v.Redirect(path, fiber.StatusFound) }

// param gives a segment of the path, unescaped; empty if that cannot be done.
func (v *visit) param(name string) string {
	text, err := url.PathUnescape(v.Params(name))
	if err != nil {
		return ""
	}
	return text
}

// fields reads fields of a form, of either encoding. The problem lists those that are missing.
func (v *visit) fields(names ...string) ([]string, error) {
	values := make([]string, len(names))
	var missing []problem.Field
	find := func(name string) (string, bool) {
		args := v.Request().PostArgs()
		return string(args.Peek(name)), args.Has(name)
	}
	if strings.HasPrefix(strings.ToLower(v.Get(fiber.HeaderContentType)), fiber.MIMEMultipartForm) {
		form, err := v.MultipartForm()
		if err != nil {
			return nil, problem.New(fiber.StatusBadRequest, "The form could not be read.")
		}
		find = func(name string) (string, bool) {
			if len(form.Value[name]) == 0 {
				return "", false
			}
			return form.Value[name][0], true
		}
	}
	for i, name := range names {
		value, ok := find(name)
		if !ok {
			missing = append(missing, problem.Field{Field: name, Detail: "is missing"})
		}
		values[i] = value
	}
	if len(missing) > 0 {
		return nil, problem.New(fiber.StatusBadRequest, "The form is not complete.", missing...)
	}
	return values, nil
}
