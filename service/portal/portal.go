// Package portal is the web app: users who sign in, write notes and keep images, and
// administrators who add and remove users.
//
// A request takes one path through the package:
//
//	gate        who is asking, may they, and did another site make them ask (visit.go, origin.go)
//	handlers    sign-in, notes, images, users: a file each
//	stores      users, notes and images (store.go), sessions (sessions.go), files (files.go)
//	pages       what the browser shows (pages.go, and package page for the frame)
//	limits      pages of lists (paging.go), and how much an account may keep (quota.go)
//
// What an attacker would try, and what stands in the way:
//
//	guess a password      limits per account and address (limit.go), argon2id (password.go)
//	learn which names exist   the same answer, limit and time for all of them
//	steal a session       HttpOnly cookie, kept as a hash, a new id for each sign-in, an end
//	act from another site SameSite=Lax, and Fetch metadata on whatever changes something
//	script in a text      html/template, and a policy that runs no inline script
//	script in an image    checked by content, served with a fixed type, nosniff and a sandbox
//	huge image            size, then dimensions, are judged without decoding
//	file name as a path   files have random names, the given one is only shown
//	someone else's id     each row has an owner, and each statement asks for it
package portal

import (
	"log/slog"
	"time"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/page"
	"gitlab.com/towpath/towpath/service/workload"
)

// Options is what the web app needs.
type Options struct {
	Store    Store
	Sessions Sessions
	DataDir  string           // its folder "images" holds the contents of images
	Lifetime time.Duration    // of a session
	Quota    Quota            // of each account
	OwnsRoot bool             // whether GET / is the web app's own, rather than negotiated by package home
	Site     *page.Site       // what the pages are part of; nil is the web app alone
	Log      *slog.Logger     // nil is silent
	Now      func() time.Time // nil is time.Now
}

// Portal is the web app.
type Portal struct {
	store    Store
	sessions Sessions
	files    *files
	hasher   *Hasher
	accounts *limiter
	addrs    *limiter
	lifetime time.Duration
	quota    Quota
	ownsRoot bool
	site     *page.Site
	log      *slog.Logger
	now      func() time.Time
}

// New makes the web app. It touches neither database nor disk.
func New(o Options) *Portal {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Portal{
		store:    o.Store,
		sessions: o.Sessions,
		files:    newFiles(o.DataDir),
		hasher:   NewHasher(),
		accounts: newLimiter(accountBurst, accountEvery),
		addrs:    newLimiter(addressBurst, addressEvery),
		lifetime: o.Lifetime,
		quota:    o.Quota,
		ownsRoot: o.OwnsRoot,
		site:     o.Site,
		log:      o.Log,
		now:      o.Now,
	}
	if p.site == nil {
		p.site = &page.Site{Links: Links(), Visitor: p.Visitor}
	}
	return p
}

// uploadLimit is the largest body of an upload, in bytes: the image, and room for what a
// multipart form puts around it.
const uploadLimit = maxImage + 64<<10

// Workload is the web app as the server mounts it.
func (p *Portal) Workload() workload.Workload {
	get := func(path string, need access, h handler) workload.Route {
		return workload.Route{Method: fiber.MethodGet, Path: path, Handler: p.gate(need, false, h)}
	}
	// change is a route that changes something, and so must not be called from another site.
	change := func(method, path string, need access, h handler) workload.Route {
		return workload.Route{Method: method, Path: path, Handler: p.gate(need, true, h)}
	}
	post := fiber.MethodPost
	upload := change(post, "/upload_image", signedIn, p.uploadImage)
	upload.BodyLimit = uploadLimit
	routes := []workload.Route{
		get("/public/", anyone, p.publicPage),
		get("/private/", signedIn, p.privatePage),
		get("/admin/", administrators, p.adminPage),
		{Method: fiber.MethodGet, Path: "/public", Handler: toSlash},
		{Method: fiber.MethodGet, Path: "/private", Handler: toSlash},
		{Method: fiber.MethodGet, Path: "/admin", Handler: toSlash},

		change(post, "/login", anyone, p.signIn),
		change(fiber.MethodGet, "/logout/", anyone, p.signOut),

		change(post, "/write_note", signedIn, p.writeNote),
		change(post, "/delete_note/:id", signedIn, p.deleteNote),
		upload,
		get("/images/:id", signedIn, p.showImage),
		change(post, "/delete_image/:id", signedIn, p.deleteImage),

		change(post, "/add_user", administrators, p.addUser),
		change(post, "/delete_user/:id/", administrators, p.deleteUser),
	}
	if p.ownsRoot {
		routes = append(routes, workload.Route{Method: fiber.MethodGet, Path: "/", Handler: p.Home})
	}
	return workload.Workload{Name: "portal", Routes: routes}
}

// Home is the page at / for clients that prefer HTML.
func (p *Portal) Home(c *fiber.Ctx) error { return p.gate(anyone, false, p.homePage)(c) }

// Sweep removes half-written images that a crash left in DATA_DIR.
func Sweep(dataDir string, now time.Time) { newFiles(dataDir).sweep(now) }

// toSlash leads from /private to /private/, whatever the query says.
func toSlash(c *fiber.Ctx) error {
	target := c.Path() + "/"
	if query := c.Request().URI().QueryString(); len(query) > 0 {
		target += "?" + string(query)
	}
	return c.Redirect(target, fiber.StatusPermanentRedirect)
}
