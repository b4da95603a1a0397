package report_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"gitlab.com/towpath/towpath/bench/browsertest"
	"gitlab.com/towpath/towpath/gen/diff"
)

// tab is a real browser at a page that is a file. It complains of whatever is asked for beside
// the file itself, too.
type tab struct {
	*browsertest.Tab
	url string
}

// open writes a report to a file and opens it.
func open(t *testing.T, r *diff.Report) *tab {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(page(t, r)), 0o600); err != nil {
		t.Fatal(err)
	}
	b := &tab{browsertest.Open(t), (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String()}
	chromedp.ListenTarget(b.Ctx, func(event any) {
		if e, ok := event.(*network.EventRequestWillBeSent); ok {
			if at := e.Request.URL; !strings.HasPrefix(at, b.url) && !strings.HasPrefix(at, "data:") {
				b.Complain("it asks for " + at)
			}
		}
	})
	b.Do(network.Enable(), browsertest.Scheme("light"), chromedp.Navigate(b.url))
	return b
}

func (b *tab) press(keys ...string) {
	b.T.Helper()
	for _, k := range keys {
		b.Do(chromedp.KeyEvent(k))
	}
}

// is waits for a script to give what it should: a click is answered in its own time.
func is[T comparable](b *tab, script string, want T) {
	b.T.Helper()
	var got T
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		b.Do(chromedp.Evaluate(script, &got))
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			b.T.Errorf("%s is %v instead of %v", script, got, want)
			return
		}
	}
}

// shoot keeps a picture of the page for people to look at, if TOWPATH_SCREENSHOTS names a
// folder, and fails the test if the page is wider than the screen.
func (b *tab) shoot(name string) {
	b.T.Helper()
	dir := os.Getenv("TOWPATH_SCREENSHOTS")
	for _, device := range []struct {
		name          string
		width, height int64
		dark          bool
	}{{"phone", 390, 844, false}, {"phone-dark", 390, 844, true}, {"wide", 1800, 1000, false}, {"dark", 1280, 860, true}, {"desktop", 1280, 860, false}} {
		scheme := "light"
		if device.dark {
			scheme = "dark"
		}
		b.Do(chromedp.EmulateViewport(device.width, device.height), browsertest.Scheme(scheme))
		is(b, "document.documentElement.scrollWidth - document.documentElement.clientWidth", 0)
		if dir == "" {
			continue
		}
		// What is not on the screen is not drawn; so all of it has to be, or what fits
		// into a picture.
		var height int64
		var picture []byte
		b.Do(chromedp.Evaluate("Math.min(document.documentElement.scrollHeight, 8000)", &height))
		b.Do(chromedp.EmulateViewport(device.width, height), chromedp.Sleep(300*time.Millisecond), chromedp.CaptureScreenshot(&picture))
		if err := os.WriteFile(filepath.Join(dir, name+"-"+device.name+".png"), picture, 0o600); err != nil {
			b.T.Fatal(err)
		}
	}
}

const (
	rowCount  = `document.querySelectorAll(".object").length`
	openCount = `document.querySelectorAll(".object [aria-expanded=true]").length`
)

func TestBrowser(t *testing.T) {
	b := open(t, everything())
	b.shoot("closed")
	is(b, rowCount, 10)
	is(b, openCount, 0)
	is(b, `document.querySelectorAll(".body").length`, 0) // Made when it is opened.

	// A click on the matrix goes to the release, one on a risk opens the object.
	b.Do(chromedp.Click(`.cell.high`, chromedp.ByQuery))
	is(b, `document.activeElement.id`, "prod/service")
	b.Do(chromedp.Click(`.columns .notes a`, chromedp.ByQuery))
	is(b, openCount, 1)
	is(b, `document.querySelector(".body").closest("article").id`, "prod/service/PersistentVolumeClaim/towpath/service-data")
	is(b, `document.querySelectorAll(".code.split mark").length`, 2)
	is(b, `document.querySelector(".gone mark").textContent + document.querySelector(".come mark").textContent`, "sharedfast")

	// An unchanged release is shown when somebody asks for it.
	b.Do(chromedp.Click(`.cell.unchanged`, chromedp.ByQuery))
	is(b, `document.activeElement.id`, "dev/service")
	b.Do(chromedp.Click(`.chip.unchanged`, chromedp.ByQuery))
	is(b, rowCount, 10)

	// Filters.
	b.Do(chromedp.SendKeys("#search", "uploads", chromedp.ByQuery))
	is(b, rowCount, 1)
	is(b, `document.getElementById("shown").textContent`, "1 of 10 objects")
	b.press(kb.Escape)
	is(b, rowCount, 10)
	b.Do(chromedp.SetValue("#risk", "3", chromedp.ByQuery), chromedp.Evaluate(`document.getElementById("risk").dispatchEvent(new Event("change"))`, nil))
	is(b, rowCount, 2)
	b.Do(chromedp.SetValue("#risk", "0", chromedp.ByQuery), chromedp.SetValue("#kind", "Deployment", chromedp.ByQuery), chromedp.Evaluate(`document.getElementById("kind").dispatchEvent(new Event("change"))`, nil))
	is(b, rowCount, 2)
	b.Do(chromedp.SendKeys("#search", "no such thing", chromedp.ByQuery))
	is(b, `document.getElementById("nothing").hidden`, false)
	b.Do(chromedp.Click("#clear", chromedp.ByQuery))
	is(b, rowCount, 10)
	b.Do(chromedp.Click(".chip.added", chromedp.ByQuery))
	is(b, rowCount, 8)
	b.Do(chromedp.Click(".chip.added", chromedp.ByQuery))

	// Both views, of all objects.
	b.Do(chromedp.Click("#all", chromedp.ByQuery))
	is(b, openCount, 10)
	b.shoot("open")
	b.Do(chromedp.Click("#unified", chromedp.ByQuery))
	is(b, `document.querySelectorAll(".code.split").length`, 0)
	b.Do(chromedp.Click("#split", chromedp.ByQuery))
	is(b, `document.querySelectorAll(".code.split").length > 3`, true)
	b.Do(chromedp.Click(".code .fold button", chromedp.ByQuery), chromedp.Evaluate(`document.querySelectorAll("details").forEach((d) => d.open = true)`, nil))
	b.Do(chromedp.Click("#all", chromedp.ByQuery))
	is(b, openCount, 0)
	b.Calm()
}

// TestBrowserPrints makes sure that paper shows what is folded, and that the page is as it was afterwards.
func TestBrowserPrints(t *testing.T) {
	b := open(t, everything())
	const folded = `document.querySelectorAll("#list details:not([open])").length`
	var before int
	b.Do(chromedp.Evaluate(folded, &before))
	b.Do(chromedp.Evaluate(`dispatchEvent(new Event("beforeprint"))`, nil))
	is(b, openCount, 10)
	is(b, folded, 0)
	is(b, `document.querySelectorAll(".fold-out > :only-child").length`, 0)
	b.Do(chromedp.Evaluate(`dispatchEvent(new Event("afterprint"))`, nil))
	is(b, openCount, 0)
	is(b, folded, before)
	b.Calm()
}

func TestBrowserKeyboard(t *testing.T) {
	b := open(t, everything())
	b.press("/")
	is(b, `document.activeElement.id`, "search")
	b.Do(chromedp.KeyEvent("deployment jot"))
	is(b, rowCount, 0)
	b.press(kb.Escape)
	is(b, rowCount, 10)
	b.press("j", "j", "k", "j")
	is(b, `document.activeElement.closest(".object").id`, "prod/service/ConfigMap/towpath/service")
	b.press("o")
	is(b, openCount, 1)
	is(b, `document.querySelectorAll(".code.split").length`, 1)
	b.press("u")
	is(b, `document.querySelectorAll(".code.split").length`, 0)
	b.press("o", "o")
	is(b, openCount, 1)
	is(b, `getComputedStyle(document.body).backgroundColor`, "rgb(246, 245, 241)")
	b.press("t")
	is(b, `getComputedStyle(document.body).backgroundColor`, "rgb(20, 25, 27)")
	b.press("?")
	is(b, `document.getElementById("help").open`, true)
	b.Do(chromedp.Sleep(100 * time.Millisecond))
	b.press("t", kb.Escape)
	is(b, `document.getElementById("help").open`, false)
	// What was chosen is there the next time; a name in the address is gone to.
	b.Do(chromedp.Navigate("about:blank"), chromedp.Navigate(b.url+"#"+url.PathEscape("prod/service/Deployment.apps/towpath/service")))
	is(b, `getComputedStyle(document.body).backgroundColor`, "rgb(20, 25, 27)")
	is(b, `document.querySelectorAll(".code").length + document.querySelectorAll(".code.split").length`, 1)
	is(b, openCount, 1)
	b.Forget() // about:blank is not the file.
	b.press("k")
	b.Calm()
}

func TestBrowserHostile(t *testing.T) {
	b := open(t, poisoned())
	b.Do(chromedp.Click("#all", chromedp.ByQuery), chromedp.Evaluate(`document.querySelectorAll("details").forEach((d) => d.open = true)`, nil))
	b.shoot("hostile")
	is(b, `document.querySelectorAll("main script, main img, #list a:not([href^='#'])").length`, 0)
	is(b, rowCount, 2*len(hostile))
	b.Calm()
}

func TestBrowserManyObjects(t *testing.T) {
	b := open(t, many())
	var paint, filtered, opened float64
	b.Do(chromedp.Poll(`performance.getEntriesByName("first-contentful-paint")[0]?.startTime`, &paint),
		chromedp.Evaluate(`(() => { const start = performance.now(); search.value = "env-3 service-2"; show(); document.body.offsetHeight; return performance.now() - start; })()`, &filtered))
	is(b, rowCount, 40)
	b.Do(chromedp.Evaluate(`(() => { const start = performance.now(); reset(); show(); document.querySelector(".object button").click(); document.body.offsetHeight; return performance.now() - start; })()`, &opened))
	is(b, rowCount, 900)
	t.Logf("1200 objects: first paint after %.0f ms, filtered in %.0f ms, all again and one opened in %.0f ms", paint, filtered, opened)
	// Not a measurement, only what nobody would wait for.
	if bound := 10_000.0; max(paint, filtered, opened) > bound {
		t.Error("the page is slow")
	}
	b.shoot("many")
	b.Calm()
}
