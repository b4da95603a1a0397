package page_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gofiber/fiber/v2"

	"gitlab.com/towpath/towpath/service/page"
	"gitlab.com/towpath/towpath/service/problem"
)

var links = []page.Link{
	{Text: "Start", Href: "/"}, {Text: "Open", Href: "/open/"}, {Text: "Own", Href: "/own", For: page.SignedIn},
	{Text: "Rule", Href: "/rule/", For: page.Administrators},
}

var link = regexp.MustCompile(`<li><a href="([^"]+)"( aria-current="\w+")?>`)

// navigation gives the links of a page, the current one with a mark.
func navigation(body string) string {
	var all []string
	for _, m := range link.FindAllStringSubmatch(body, -1) {
		all = append(all, m[1]+strings.TrimPrefix(m[2], " aria-current="))
	}
	return strings.Join(all, " ")
}

func TestNavigation(t *testing.T) {
	for _, tt := range []struct {
		name    string
		site    *page.Site
		visitor page.Visitor
		path    string
		want    string
		signIn  bool
	}{
		{"nobody", &page.Site{Links: links}, page.Visitor{}, "/open/", `/ /open/"page"`, true},
		{"nobody at the start", &page.Site{Links: links}, page.Visitor{}, "/", `/"page" /open/`, true},
		{"somebody", &page.Site{Links: links}, page.Visitor{Name: "ANN"}, "/own", `/ /open/ /own"page"`, false},
		{"below a page", &page.Site{Links: links}, page.Visitor{Name: "ANN"}, "/own/7", `/ /open/ /own"true"`, false},
		{"beside a page", &page.Site{Links: links}, page.Visitor{Name: "ANN"}, "/owned", `/ /open/ /own`, false},
		{"an administrator", &page.Site{Links: links}, page.Visitor{Name: "ANN", Admin: true}, "/nowhere", `/ /open/ /own /rule/`, false},
		{"no links", &page.Site{}, page.Visitor{}, "/x", "", true},
		{"no site", nil, page.Visitor{}, "/x", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.site != nil {
				tt.site.Visitor = func(*fiber.Ctx) page.Visitor { return tt.visitor }
			}
			app, hello := fiber.New(), parse(`{{define "content"}}x{{end}}`)
			app.Get("/*", func(c *fiber.Ctx) error { return tt.site.Write(c, hello, 200, page.View{}) })
			_, body := get(t, app, tt.path)
			if got := navigation(body); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if strings.Contains(body, ">Sign in</a>") != tt.signIn {
				t.Errorf("a way to sign in: %t", !tt.signIn)
			}
			if strings.Contains(body, "Sign out") != (tt.visitor.Name != "") {
				t.Error("a way to sign out is where it should not be, or the reverse")
			}
		})
	}
}

// A page with the form has no link to it.
func TestSigningInHere(t *testing.T) {
	app, hello := fiber.New(), parse(`{{define "content"}}x{{end}}`)
	site := &page.Site{Visitor: func(*fiber.Ctx) page.Visitor { return page.Visitor{} }}
	app.Get("/", func(c *fiber.Ctx) error { return site.Write(c, hello, 200, page.View{SignsIn: true}) })
	if _, body := get(t, app, "/"); strings.Contains(body, "Sign in") {
		t.Error(body)
	}
}

// Where nobody can sign in, nothing asks to; and the way on leads to what there is.
func TestSiteWithoutAccounts(t *testing.T) {
	site := &page.Site{Links: links[1:]}
	app := fiber.New()
	app.Get("/open/*", func(c *fiber.Ctx) error { return site.Explain(c, problem.New(404, "")) })
	answer, body := get(t, app, "/open/x")
	if answer.StatusCode != 404 || strings.Contains(body, "Sign in") || navigation(body) != `/open/"true"` || !strings.Contains(body, `<a class="button" href="/open/">`) ||
		!strings.Contains(body, `<a class="brand" href="/open/">`) {
		t.Errorf("%d\n%s", answer.StatusCode, body)
	}
}

func TestExplainHandsOn(t *testing.T) {
	other := errors.New("other")
	app := fiber.New()
	app.Get("/", func(c *fiber.Ctx) error {
		if err := new(page.Site).Explain(c, other); !errors.Is(err, other) || len(c.Response().Body()) > 0 {
			t.Errorf("got %v", err)
		}
		return nil
	})
	get(t, app, "/")
}

func TestBesideAnError(t *testing.T) {
	beside := page.ParseError(fstest.MapFS{"x.html": {Data: []byte(`{{define "beside"}}<b>{{.}}</b>{{end}}`)}}, "x.html")
	app, site := fiber.New(), new(page.Site)
	app.Get("/:with", func(c *fiber.Ctx) error {
		f := site.Describe(problem.New(401, ""), "")
		if c.Params("with") == "with" {
			f.Beside = "next to it"
		}
		return site.Write(c, beside, 401, page.View{Content: f})
	})
	if _, body := get(t, app, "/with"); !strings.Contains(body, "<b>next to it</b>") || strings.Contains(body, "Go to the start page") {
		t.Error(body)
	}
	if _, body := get(t, app, "/without"); strings.Contains(body, "<b>") || !strings.Contains(body, "Go to the start page") {
		t.Error(body)
	}
}
