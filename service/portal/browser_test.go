package portal_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"gitlab.com/towpath/towpath/bench/browsertest"
)

// tab is a real browser at a served app.
type tab struct {
	*browsertest.Tab
	url string
}

// chromium starts a browser on an app, and the app.
func chromium(t *testing.T, a *app) *tab {
	t.Helper()
	b := browsertest.Open(t)
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Stop(0) })
	return &tab{b, "http://" + a.Addr()}
}

func (b *tab) visit(path string) { b.T.Helper(); b.Do(chromedp.Navigate(b.url + path)) }

// see waits for text on the page. While one page gives way to the next, asking fails; so it asks
// again.
func (b *tab) see(text string) {
	b.T.Helper()
	b.until(text, func(ctx context.Context) (bool, error) {
		var body string
		err := chromedp.Run(ctx, chromedp.Evaluate("document.readyState === 'complete' ? document.body.innerText : ''", &body))
		return strings.Contains(body, text), err
	})
}

func (b *tab) until(what string, condition func(context.Context) (bool, error)) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.Ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := condition(ctx)
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			var body string
			_ = chromedp.Run(b.Ctx, chromedp.Text("body", &body))
			b.T.Fatalf("in vain waited for %q: %v\n%s", what, err, body)
		}
	}
}

func (b *tab) evaluate(script string, to any) { b.T.Helper(); b.Do(chromedp.Evaluate(script, to)) }

func (b *tab) signIn(id, password string) {
	b.T.Helper()
	b.visit("/")
	b.Do(chromedp.SendKeys("#id", id), chromedp.SendKeys("#pw", password), chromedp.Click("form[action='/login'] button"))
}

// shoot keeps a picture of the page for people to look at, if TOWPATH_SCREENSHOTS names a folder: at a desk, on
// a telephone, and in the dark.
func (b *tab) shoot(name string) {
	b.T.Helper()
	dir := os.Getenv("TOWPATH_SCREENSHOTS")
	// A page that is wider than the telephone is a mistake, looked at or not.
	for _, device := range []struct {
		name          string
		width, height int64
		dark          bool
	}{{"phone", 390, 844, false}, {"phone-dark", 390, 844, true}, {"dark", 1280, 860, true}, {"desktop", 1280, 860, false}} {
		scheme := "light"
		if device.dark {
			scheme = "dark"
		}
		var overflow int
		b.Do(chromedp.EmulateViewport(device.width, device.height),
			browsertest.Scheme(scheme),
			chromedp.Evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth", &overflow))
		if overflow > 0 {
			b.T.Errorf("%s on %s is %d pixels too wide", name, device.name, overflow)
		}
		if dir != "" {
			var picture []byte
			b.Do(chromedp.FullScreenshot(&picture, 100))
			if err := os.WriteFile(filepath.Join(dir, name+"-"+device.name+".png"), picture, 0o600); err != nil {
				b.T.Fatal(err)
			}
		}
	}
}

func TestBrowserNotesAndImages(t *testing.T) {
	a := newApp(t)
	b := chromium(t, a)
	b.visit("/")
	b.see("Welcome")
	b.shoot("welcome")
	b.visit("/public/")
	b.shoot("public")
	b.Calm()

	b.signIn("test", "not the password")
	b.see("The account name or the password is wrong.")
	b.shoot("welcome-wrong")
	var focused string
	b.evaluate("document.activeElement.id", &focused)
	if focused != "notices" {
		t.Errorf("the focus is on %q instead of the error summary", focused)
	}

	b.signIn("test", "123456")
	b.see("Welcome, TEST")
	b.shoot("home")
	b.Calm()

	b.visit("/private/")
	b.see("This is a note of user TEST.")
	b.see("No images yet")
	b.Do(chromedp.SendKeys("#text_note_to_take", "Locks 4 to 9 are closed until Friday.\n\nAsk Marta for the <b>key</b> & the ☂ umbrella."),
		chromedp.Click("form[action='/write_note'] button"))
	b.see("The note is saved.")
	b.see("Ask Marta for the <b>key</b> & the ☂ umbrella.")

	file := filepath.Join(t.TempDir(), "on the towpath.png")
	if err := os.WriteFile(file, pngBytes(t, 640, 420), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Do(chromedp.SetUploadFiles("#file", []string{file}), chromedp.Click("form[action='/upload_image'] button"))
	b.see("on_the_towpath.png")
	b.until("the image", func(ctx context.Context) (loaded bool, err error) {
		err = chromedp.Run(ctx, chromedp.Evaluate("document.querySelector('.image img').naturalWidth === 640", &loaded))
		return loaded, err
	})
	b.shoot("private")

	b.Do(chromedp.Click(".note summary"))
	b.see("Delete this note for good?")
	b.shoot("private-asking")
	b.Do(chromedp.Click(".note details[open] button"))
	b.see("The note is deleted.")
	if _, notes, images := a.owned(t, "TEST"); len(notes) != 1 || len(images) != 1 {
		t.Errorf("%d notes, %d images", len(notes), len(images))
	}

	b.Do(chromedp.Click(".image summary"), chromedp.Click(".image details[open] button"))
	b.see("The image is deleted.")
	b.see("No images yet")
	b.Do(chromedp.Click(".account button"))
	b.see("You are signed out.")
	b.Calm()
	b.visit("/private/")
	b.see("Please sign in")
	b.shoot("please-sign-in")
	b.visit("/nowhere")
	b.see("There is nothing here")
	b.shoot("nothing")
}

func TestBrowserAccounts(t *testing.T) {
	a := newApp(t)
	b := chromium(t, a)
	b.signIn("admin", "admin")
	b.see("Welcome, ADMIN")
	b.visit("/admin/")
	b.Do(chromedp.SendKeys("#id", "Marta"), chromedp.SendKeys("#pw", "a few plain words"), chromedp.Click("form[action='/add_user'] button"))
	b.see("The account is created.")
	b.see("MARTA")
	b.Do(chromedp.SendKeys("#id", "marta"), chromedp.SendKeys("#pw", "x"), chromedp.Click("form[action='/add_user'] button"))
	b.see("The account name already exists.")
	b.shoot("accounts")
	b.Do(chromedp.Click("//tr[contains(., 'MARTA')]//summary"))
	b.see("Delete MARTA with all notes and images?")
	b.shoot("accounts-asking")
	b.Do(chromedp.Click("//tr[contains(., 'MARTA')]//button"))
	b.see("The account is deleted")
	if _, err := a.store.UserByName(t.Context(), "MARTA"); err == nil {
		t.Error("the account is still there")
	}
	b.Calm()
}

// A person without a mouse can do everything: reach it with Tab, and press it.
func TestBrowserKeyboard(t *testing.T) {
	a := newApp(t)
	b := chromium(t, a)
	b.visit("/")
	press := func(keys ...string) {
		t.Helper()
		for _, k := range keys {
			b.Do(chromedp.KeyEvent(k))
		}
	}
	// tabTo presses Tab until the element with this text or id has the focus.
	tabTo := func(name string) {
		t.Helper()
		var trail []string
		for range 30 {
			press(kb.Tab)
			var at string
			b.evaluate("document.activeElement.id || document.activeElement.innerText.trim()", &at)
			trail = append(trail, at)
			if strings.HasPrefix(at, name) {
				var outline string
				b.evaluate("getComputedStyle(document.activeElement).outlineStyle", &outline)
				if outline == "none" {
					t.Errorf("%s does not show that it has the focus", name)
				}
				return
			}
		}
		t.Fatalf("Tab does not lead to %s but to %q", name, trail)
	}
	press(kb.Tab)
	var first string
	b.evaluate("document.activeElement.innerText", &first)
	if first != "Skip to content" {
		t.Errorf("the first stop is %q", first)
	}
	tabTo("id")
	b.Do(chromedp.KeyEvent("test"))
	tabTo("pw")
	b.Do(chromedp.KeyEvent("123456"))
	press(kb.Enter)
	b.see("Welcome, TEST")
	tabTo("Private")
	press(kb.Enter)
	b.see("This is a note of user TEST.")
	tabTo("text_note_to_take")
	b.Do(chromedp.KeyEvent("no mouse"))
	tabTo("Save note")
	press(kb.Enter)
	b.see("no mouse")
	tabTo("Delete")
	press(kb.Enter)
	b.see("Delete this note for good?")
	press(kb.Escape)
	var open int
	b.evaluate("document.querySelectorAll('details[open]').length", &open)
	if open != 0 {
		t.Error("Escape does not close the question")
	}
	press(kb.Enter)
	tabTo("Delete note")
	press(kb.Enter)
	b.see("The note is deleted.")
	b.Calm()
}

// Without scripts everything still works, the question before deleting included.
func TestBrowserWithoutScripts(t *testing.T) {
	a := newApp(t)
	b := chromium(t, a)
	b.Do(emulation.SetScriptExecutionDisabled(true), page.Enable())
	b.Do(chromedp.Navigate(b.url+"/"), chromedp.SendKeys("#id", "TEST"), chromedp.SendKeys("#pw", "123456"),
		chromedp.Click("form[action='/login'] button"), chromedp.WaitVisible(".account"),
		chromedp.Navigate(b.url+"/private/"), chromedp.Click(".note summary"), chromedp.Click(".note details[open] button"),
		chromedp.WaitVisible(".notice"))
	if _, notes, _ := a.owned(t, "TEST"); len(notes) != 0 {
		t.Errorf("%d notes", len(notes))
	}
}
