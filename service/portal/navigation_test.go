package portal_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/uuid"

	"gitlab.com/towpath/towpath/service/people"
	"gitlab.com/towpath/towpath/service/portal"
)

var navLink = regexp.MustCompile(`<li><a href="[^"]+"(?: aria-current="(\w+)")?>(\w+)</a></li>`)

// navigation gives the texts of the navigation, the current one with a mark.
func navigation(body string) string {
	var all []string
	for _, m := range navLink.FindAllStringSubmatch(body, -1) {
		all = append(all, strings.TrimSuffix(m[2]+"="+m[1], "="))
	}
	return strings.Join(all, " ")
}

func addPeople(t testing.TB, a *app, n int) (first uuid.UUID) {
	t.Helper()
	for i := range n {
		p := people.Person{UUID: uuid.New(), PassengerClass: 1, Name: fmt.Sprintf("Miss. Ada Ashdown the %dth", i+1), Sex: "female", Age: 31.5, Fare: 7.25}
		if i == 0 {
			first = p.UUID
		}
		if err := a.people.Add(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	return first
}

// All pages have the same navigation, whichever workload they are from.
func TestOneNavigation(t *testing.T) {
	a := newApp(t)
	person := "/people/" + addPeople(t, a, 1).String()
	nobody, test, admin := a.browser(t), a.signedIn(t, "TEST", "123456"), a.signedIn(t, "ADMIN", "admin")
	for _, b := range []*browser{test, admin} {
		b.get("/") // the welcome is read
	}
	for _, tt := range []struct{ path, nobody, test, admin string }{
		{"/", "Home=page Public People API", "Home=page Public Private People API", "Home=page Public Private Accounts People API"},
		{"/people", "Home Public People=page API", "Home Public Private People=page API", "Home Public Private Accounts People=page API"},
		{"/people?sex=male", "Home Public People=page API", "Home Public Private People=page API", "Home Public Private Accounts People=page API"},
		{"/people?sex=x", "Home Public People=page API", "Home Public Private People=page API", "Home Public Private Accounts People=page API"},
		{person, "Home Public People=true API", "Home Public Private People=true API", "Home Public Private Accounts People=true API"},
		{"/people/nobody", "Home Public People=true API", "Home Public Private People=true API", "Home Public Private Accounts People=true API"},
		{"/docs", "Home Public People API=page", "Home Public Private People API=page", "Home Public Private Accounts People API=page"},
		{"/admin/", "Home Public People API", "Home Public Private People API", "Home Public Private Accounts=page People API"},
	} {
		for i, b := range []*browser{nobody, test, admin} {
			page := b.get(tt.path)
			if got, want := navigation(page.body), []string{tt.nobody, tt.test, tt.admin}[i]; got != want {
				t.Errorf("%s: got %s, want %s", tt.path, got, want)
			}
			name := []string{"", "TEST", "ADMIN"}[i]
			if signedIn := strings.Contains(page.body, "<strong>"+name+"</strong>"); name != "" && !signedIn {
				t.Errorf("%s does not say who is signed in", tt.path)
			}
			if asks := strings.Contains(page.body, `href="/">Sign in</a>`); asks != (name == "" && tt.path != "/" && tt.path != "/admin/") {
				t.Errorf("%s as %q: a way to sign in: %t", tt.path, name, asks)
			}
			if page.Header.Get("Cache-Control") != "no-store" || len(page.Header.Values("Vary")) > 1 {
				t.Errorf("%s: %v", tt.path, page.Header)
			}
		}
	}
	// Programs get what they always have.
	test.headers["Accept"] = "application/json"
	if got := test.get("/people/nobody"); got.StatusCode != 404 || got.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("got %d %v", got.StatusCode, got.Header)
	}
}

func TestBrowserNavigation(t *testing.T) {
	a := newApp(t)
	addPeople(t, a, 60)
	b := chromium(t, a)
	b.visit("/people")
	b.see("Miss. Ada Ashdown the 1th")
	b.shoot("people")
	b.Do(chromedp.Click("//p[@class='account']//a"))
	b.see("A quiet place")
	b.signIn("admin", "admin")
	b.see("Welcome, ADMIN")

	// From page to page with the keyboard alone, and the current one is said to be current.
	for _, stop := range []struct{ text, heading string }{{"People", "People"}, {"API", "API of the register"}, {"Accounts", "Accounts"}, {"Public", "Public"}} {
		b.evaluate("document.body.focus(), 0", nil)
		var at string
		for range 12 {
			b.Do(chromedp.KeyEvent(kb.Tab))
			b.evaluate("document.activeElement.innerText.trim()", &at)
			if at == stop.text {
				break
			}
		}
		if at != stop.text {
			t.Fatalf("Tab leads to %q, not to %s", at, stop.text)
		}
		b.Do(chromedp.KeyEvent(kb.Enter))
		b.until(stop.heading, func(ctx context.Context) (there bool, err error) {
			err = chromedp.Run(ctx, chromedp.Evaluate(fmt.Sprintf(
				"document.readyState === 'complete' && document.querySelector('h1').innerText === %q && document.querySelector('nav [aria-current=page]').innerText === %q",
				stop.heading, stop.text), &there))
			return there, err
		})
		b.see("ADMIN")
		b.shoot("navigation-" + strings.ToLower(stop.text))
	}
	// What a finger aims at is large enough, on a telephone too.
	b.Do(chromedp.EmulateViewport(360, 740))
	var small int
	b.evaluate("[...document.querySelectorAll('.top a, .top button')].filter((e) => e.getBoundingClientRect().height < 40).length", &small)
	if small != 0 {
		t.Errorf("%d targets are too small", small)
	}
	b.Do(chromedp.EmulateViewport(1280, 860))
	b.visit("/people/nobody")
	b.see("There is nothing here")
	b.shoot("nobody")
}

func TestBrowserPagesAndQuota(t *testing.T) {
	a := newApp(t, func(o *portal.Options) { o.Quota = portal.Quota{Notes: 61, ImageBytes: 8 << 10} })
	owner, _, _ := a.owned(t, "TEST")
	fillNotes(t, a.store, owner.Key, 59)
	a.clock.advance(time.Hour)
	b := chromium(t, a)
	b.signIn("test", "123456")
	b.see("Welcome, TEST")
	b.visit("/private/")
	b.see("60 of 61")
	b.shoot("private-pages")
	b.Do(chromedp.SendKeys("#text_note_to_take", "The last one that fits."), chromedp.Click("form[action='/write_note'] button"))
	b.see("There is no room for another note")
	b.see("61 of 61")
	file := filepath.Join(t.TempDir(), "a dot.png")
	if err := os.WriteFile(file, pngBytes(t, 8, 8), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, used := range []string{"4 KiB of 8 KiB", "8 KiB of 8 KiB"} {
		b.Do(chromedp.SetUploadFiles("#file", []string{file}), chromedp.Click("form[action='/upload_image'] button"))
		b.see(used)
	}
	b.see("There is no room for another image")
	b.shoot("private-full")

	b.Do(chromedp.Click("nav[aria-label='More notes'] a[rel=next]"))
	b.see("number 1.")
	var top float64
	b.until("the list to be in sight", func(ctx context.Context) (bool, error) {
		err := chromedp.Run(ctx, chromedp.Evaluate("document.getElementById('notes').getBoundingClientRect().top", &top))
		return top > -1 && top < 400, err
	})
	b.shoot("private-older")
	b.Do(chromedp.Click("nav[aria-label='More notes'] a[rel=prev]"))
	b.see("The last one that fits.")
	b.Do(chromedp.Click(".note summary"))
	b.see("Delete this note for good?")
	b.Do(chromedp.Click(".note details[open] button"))
	b.see("60 of 61")
}
