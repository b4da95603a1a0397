package portal_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/build"
	"gitlab.com/towpath/towpath/service/config"
	"gitlab.com/towpath/towpath/service/database/databasetest"
	"gitlab.com/towpath/towpath/service/home"
	"gitlab.com/towpath/towpath/service/page"
	"gitlab.com/towpath/towpath/service/people"
	"gitlab.com/towpath/towpath/service/portal"
	"gitlab.com/towpath/towpath/service/server"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// app is the whole service with the web app in it, and the register of people beside it, on SQLite.
type app struct {
	*server.Server
	web    *portal.Portal
	store  portal.Store
	people people.Store
	clock  *clock
	dir    string
	log    *bytes.Buffer
}

// hasher is shared: making one is cheap, but its bound on concurrency is per process.
var hasher = portal.NewHasher()

// newApp starts with the demo's accounts, ADMIN/admin and TEST/123456.
func newApp(t testing.TB, change ...func(*portal.Options)) *app {
	t.Helper()
	db := databasetest.SQLite(t)
	a := &app{store: portal.NewStore(db), clock: newClock(), dir: t.TempDir(), log: new(bytes.Buffer)}
	options := portal.Options{
		Store: a.store, Sessions: portal.NewSessions(db), DataDir: a.dir, Lifetime: 12 * time.Hour,
		Log: slog.New(slog.NewTextHandler(a.log, nil)), Now: a.clock.Now,
	}
	for _, f := range change {
		f(&options)
	}
	a.store = options.Store
	if _, err := portal.SeedDemo(t.Context(), portal.NewStore(db), hasher, a.clock.Now()); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(func(name string) (string, bool) {
		values := map[string]string{"HOST": "127.0.0.1", "PORT": "0", "METRICS_PORT": "0", "TRUSTED_PROXIES": "0.0.0.0/32"}
		value, ok := values[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	register := people.Options{Docs: true, Site: &page.Site{Links: portal.Links()}}
	register.Site.Links = append(register.Site.Links, people.Links(register)...)
	options.Site = register.Site
	a.web = portal.New(options)
	register.Site.Visitor = a.web.Visitor
	a.people = people.NewStore(db)
	a.Server, err = server.New(cfg, slog.New(slog.DiscardHandler), build.Info{}, home.New(a.web.Home), a.web.Workload(), people.New(a.people, register))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// answer is what a browser got.
type answer struct {
	*http.Response
	body string
}

// browser keeps cookies and sends what a browser sends. It does not follow redirects.
type browser struct {
	t       testing.TB
	app     *app
	cookies map[string]string
	headers map[string]string

	expectsFailure bool // of the service, 5xx
}

func (a *app) browser(t testing.TB) *browser {
	return &browser{t: t, app: a, cookies: map[string]string{}, headers: map[string]string{"Accept": "text/html"}}
}

// signedIn is a browser after signing in.
func (a *app) signedIn(t testing.TB, id, password string) *browser {
	t.Helper()
	b := a.browser(t)
	b.post("/login", "id", id, "pw", password)
	if b.cookies["session"] == "" {
		t.Fatalf("%s cannot sign in", id)
	}
	return b
}

func (b *browser) send(r *http.Request) answer {
	b.t.Helper()
	for name, value := range b.headers {
		if r.Header.Get(name) == "" {
			r.Header.Set(name, value)
		}
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	response, err := b.app.App().Test(r, -1)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range response.Cookies() {
		if c.Value == "" || !c.Expires.IsZero() && c.Expires.Before(time.Now()) {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	if response.StatusCode >= 500 && !b.expectsFailure {
		b.t.Errorf("%s %s: %d\n%s", r.Method, r.URL, response.StatusCode, b.app.log)
	}
	return answer{response, string(body)}
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	return b.send(httptest.NewRequest("GET", path, nil))
}

// post sends a form of name, value pairs.
func (b *browser) post(path string, pairs ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(r)
}

// upload sends a file in a form.
func (b *browser) upload(name string, content []byte) answer {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", `form-data; name="file"; filename="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)+`"`)
	h.Set("Content-Type", "image/png")
	part, err := form.CreatePart(h)
	if err != nil {
		b.t.Fatal(err)
	}
	part.Write(content)
	form.Close()
	r := httptest.NewRequest("POST", "/upload_image", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return b.send(r)
}

// expect checks the status and, unless empty, where a redirect leads.
func (a answer) expect(t testing.TB, status int, location string) answer {
	t.Helper()
	if a.StatusCode != status || a.Header.Get("Location") != location {
		t.Errorf("got %d %q, want %d %q", a.StatusCode, a.Header.Get("Location"), status, location)
	}
	return a
}

func (a answer) contains(t testing.TB, parts ...string) answer {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(a.body, part) {
			t.Errorf("%q is not in\n%s", part, a.body)
		}
	}
	return a
}

func (a answer) lacks(t testing.TB, parts ...string) answer {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(a.body, part) {
			t.Errorf("%q is in\n%s", part, a.body)
		}
	}
	return a
}

// owned gives what a user has, by name.
func (a *app) owned(t testing.TB, name string) (user portal.User, notes []portal.Note, images []portal.Image) {
	t.Helper()
	ctx := context.Background()
	user, err := a.store.UserByName(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	allNotes, err := a.store.Notes(ctx, user.Key, portal.Cursor{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	allImages, err := a.store.Images(ctx, user.Key, portal.Cursor{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return user, allNotes.Items, allImages.Items
}

// drawing is a small picture.
func drawing(width, height int) image.Image {
	m := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.White, color.RGBA{15, 118, 110, 255}})
	for x := range width {
		for y := range height {
			m.SetColorIndex(x, y, uint8((x/8+y/8)%2))
		}
	}
	return m
}

func pngBytes(t testing.TB, width, height int) []byte {
	return encoded(t, func(w io.Writer) error { return png.Encode(w, drawing(width, height)) })
}

func jpegBytes(t testing.TB, width, height int) []byte {
	return encoded(t, func(w io.Writer) error { return jpeg.Encode(w, drawing(width, height), nil) })
}

func gifBytes(t testing.TB, width, height int) []byte {
	return encoded(t, func(w io.Writer) error { return gif.Encode(w, drawing(width, height), nil) })
}

func encoded(t testing.TB, encode func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
