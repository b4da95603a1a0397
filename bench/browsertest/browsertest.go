// Package browsertest gives tests a real browser.
package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Tab is a tab of a browser, which notes whatever it complains about: errors of scripts, failed
// loads, violations of the content security policy.
type Tab struct {
	T   *testing.T
	Ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// Open starts a browser with an empty tab, as wide as a desktop's. Without the program the test
// is skipped, or fails if TOWPATH_REQUIRE_TOOLS is 1.
func Open(t *testing.T) *Tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program(t)),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true), chromedp.UserDataDir(profile(t)), chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)

	b := &Tab{T: t, Ctx: ctx}
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *log.EventEntryAdded:
			b.Complain(fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		case *runtime.EventExceptionThrown:
			b.Complain(e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			b.Complain("console: " + string(e.Type))
		}
	})
	b.Do(log.Enable(), runtime.Enable(), chromedp.EmulateViewport(1280, 860))
	return b
}

func program(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const advice = "no browser is installed; apt-get install chromium"
	if os.Getenv("TOWPATH_REQUIRE_TOOLS") == "1" {
		t.Fatal(advice)
	}
	t.Skip(advice)
	return ""
}

// profile is a folder for the browser. Its processes go on writing for a moment after they were
// told to end, which the removal of a t.TempDir would fail on.
func profile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 100 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	return dir
}

// Scheme makes the browser one whose user prefers light or dark.
func Scheme(name string) chromedp.Action {
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}})
}

// Complain notes a complaint.
func (b *Tab) Complain(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, text)
}

// Calm fails the test if there was anything to complain about, and forgets it.
func (b *Tab) Calm() {
	b.T.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		b.T.Error(c)
	}
	b.complaints = nil
}

// Forget leaves out what there was to complain about.
func (b *Tab) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = nil
}

// Do runs actions, and ends the test with the text of the page if one fails.
func (b *Tab) Do(actions ...chromedp.Action) {
	b.T.Helper()
	if err := chromedp.Run(b.Ctx, actions...); err != nil {
		var text string
		ctx, cancel := context.WithTimeout(b.Ctx, 5*time.Second)
		defer cancel()
		if b.Ctx.Err() == nil {
			_ = chromedp.Run(ctx, chromedp.Text("body", &text))
		}
		b.T.Fatalf("%v, at\n%s", err, text)
	}
}
