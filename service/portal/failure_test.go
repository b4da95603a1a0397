package portal_test

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/portal"
)

// A full disk is called that, and nothing is left of the image.
func TestFullDisk(t *testing.T) {
	a := newApp(t)
	b := a.signedIn(t, "TEST", "123456")
	b.expectsFailure = true
	a.web.FailWrites(syscall.ENOSPC)
	b.upload("a.png", pngBytes(t, 4, 4)).expect(t, 507, "").contains(t, "The store is full").lacks(t, "no space left", a.dir)
	a.web.FailWrites(syscall.EIO)
	b.upload("a.png", pngBytes(t, 4, 4)).expect(t, 500, "").lacks(t, "input/output", a.dir)
	if a.files(t) != 0 {
		t.Errorf("%d files are left", a.files(t))
	}
	b.get("/private/").contains(t, "No images yet")
}

// brokenStore fails where it is told to.
type brokenStore struct {
	portal.Store
	err error
}

func (s *brokenStore) AddImage(context.Context, portal.Image, portal.Quota) error { return s.err }

// An image whose row cannot be written leaves no file.
func TestImageWithoutRow(t *testing.T) {
	var broken brokenStore
	a := newApp(t, func(o *portal.Options) {
		broken.Store, broken.err = o.Store, errors.New("SELECT secret FROM somewhere")
		o.Store = &broken
	})
	b := a.signedIn(t, "TEST", "123456")
	b.expectsFailure = true
	b.upload("a.png", pngBytes(t, 4, 4)).expect(t, 500, "").contains(t, "Something went wrong", "Request id").lacks(t, "SELECT")
	if a.files(t) != 0 {
		t.Errorf("%d files are left", a.files(t))
	}
}

// deadSessions is a store of sessions that does not answer, such as a Redis that is down.
type deadSessions struct{ portal.Sessions }

func (deadSessions) Get(context.Context, string, time.Time) (portal.Session, error) {
	return portal.Session{}, errors.New("dial tcp 10.1.2.3:6379: refused")
}

func (deadSessions) Put(context.Context, string, portal.Session) error {
	return errors.New("dial tcp 10.1.2.3:6379: refused")
}

// Without sessions the public pages go on, and the others say that it is not the visitor's fault.
func TestSessionsDown(t *testing.T) {
	a := newApp(t, func(o *portal.Options) { o.Sessions = deadSessions{o.Sessions} })
	b := a.browser(t)
	b.expectsFailure = true
	b.cookies["session"] = strings.Repeat("A", 43)
	b.get("/").expect(t, 200, "")
	b.get("/public/").expect(t, 200, "")
	b.get("/private/").expect(t, 503, "").contains(t, "Not right now").lacks(t, "10.1.2.3")
	b.post("/login", "id", "TEST", "pw", "123456").expect(t, 503, "").lacks(t, "10.1.2.3")
}

// FuzzRequests throws anything at every form. Nothing may make the service fail.
func FuzzRequests(f *testing.F) {
	const multi = "multipart/form-data; boundary=X"
	paths := []string{"/login", "/write_note", "/upload_image", "/add_user", "/delete_note/x", "/delete_image/x", "/delete_user/x/"}
	for i := range paths {
		f.Add(uint8(i), "application/x-www-form-urlencoded", []byte("id=a&pw=b&text_note_to_take=%00%ff"), "session=x; notice=wrong")
		f.Add(uint8(i), multi, []byte("--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n\x89PNG\r\n\x1a\n\r\n--X--\r\n"), "")
		f.Add(uint8(i), multi, []byte("--X\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\nx\r\n--X--"), "session=")
	}
	a := newApp(f)
	session := a.signedIn(f, "ADMIN", "admin").cookies["session"]
	f.Fuzz(func(t *testing.T, which uint8, contentType string, body []byte, cookie string) {
		if strings.ContainsFunc(contentType+cookie, func(r rune) bool { return r < ' ' || r > '~' }) {
			return // the server refuses such headers before any handler
		}
		r := httptest.NewRequest("POST", paths[int(which)%len(paths)], bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Cookie", "session="+session+"; "+cookie)
		b := a.browser(t)
		if got := b.send(r); got.StatusCode == 0 {
			t.Error("no answer")
		}
		if _, _, images := a.owned(t, "ADMIN"); a.files(t) != len(images) {
			t.Errorf("%d files for %d images", a.files(t), len(images))
		}
	})
}
