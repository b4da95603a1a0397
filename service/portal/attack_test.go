package portal_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Session fixation: a session id that an attacker planted in the victim's browser is worth
// nothing after the victim has signed in, nor is one from before a second sign-in.
func TestAttackSessionFixation(t *testing.T) {
	a := newApp(t)
	attacker := a.signedIn(t, "TEST", "123456")
	planted := attacker.cookies["session"]

	victim := a.browser(t)
	victim.cookies["session"] = planted
	victim.post("/login", "id", "ADMIN", "pw", "admin").expect(t, 302, "/")
	if victim.cookies["session"] == planted {
		t.Error("the planted id is used on")
	}
	victim.get("/admin/").expect(t, 200, "")
	attacker.get("/private/").expect(t, 401, "")

	for _, made := range []string{"1", strings.Repeat("A", 43), planted[:42] + "!", planted + "A", strings.Repeat("A", 4096), "' OR 1=1 --"} {
		victim.cookies["session"] = made
		victim.get("/private/").expect(t, 401, "")
		victim.post("/login", "id", "TEST", "pw", "123456").expect(t, 302, "/")
		if victim.cookies["session"] == made {
			t.Errorf("the made-up id %.20q is taken", made)
		}
	}
}

// Guessing: after ten wrong passwords for an account, a right one is no help for a while; and
// what an unknown account answers is the same, so that names cannot be found out.
func TestAttackGuessing(t *testing.T) {
	a := newApp(t)
	for _, name := range []string{"TEST", "NO-SUCH"} {
		b := a.browser(t)
		for i := range 10 {
			if got := b.post("/login", "id", name, "pw", "wrong"); got.StatusCode != 302 {
				t.Fatalf("%s: attempt %d gave %d", name, i+1, got.StatusCode)
			}
		}
		got := b.post("/login", "id", strings.ToLower(name), "pw", "123456").expect(t, 429, "").contains(t, "Too many attempts")
		if got.Header.Get("Retry-After") != "60" || b.cookies["session"] != "" {
			t.Errorf("Retry-After %s, cookies %v", got.Header.Get("Retry-After"), b.cookies)
		}
	}
	// Others are not locked out, and nor is the owner for ever.
	a.signedIn(t, "ADMIN", "admin")
	a.clock.advance(time.Minute)
	a.signedIn(t, "TEST", "123456")
}

// The same from one address over many accounts. Who signs in rightly is never limited.
func TestAttackGuessingWidely(t *testing.T) {
	a := newApp(t)
	for range 60 {
		a.signedIn(t, "TEST", "123456")
	}
	b := a.browser(t)
	limited := 0
	for i := range 52 {
		if b.post("/login", "id", "USER"+string(rune('A'+i%26))+string(rune('A'+i/26)), "pw", "x").StatusCode == 429 {
			limited++
		}
	}
	if limited != 2 {
		t.Errorf("%d of 52 attempts were limited, want 2", limited)
	}
	b.headers["X-Forwarded-For"] = "203.0.113.9" // another client behind the proxy
	b.post("/login", "id", "TEST", "pw", "123456").expect(t, 302, "/")
}

// Another site makes the victim's browser send a request. Browsers say where it comes from.
func TestAttackFromAnotherSite(t *testing.T) {
	a := newApp(t)
	user, notes, _ := a.owned(t, "ADMIN")
	routes := [][]string{
		{"/write_note", "text_note_to_take", "planted"}, {"/delete_note/" + notes[0].ID}, {"/upload_image"}, {"/delete_image/x"},
		{"/add_user", "id", "EVE", "pw", "x"}, {"/delete_user/TEST/"}, {"/login", "id", "TEST", "pw", "123456"},
	}
	for _, headers := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "whatever"},
		{"Sec-Fetch-Site": "cross-site", "Origin": "http://example.com"},
		{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://example.com.evil.example"}, {"Origin": "http://example.com:8080"}, {"Origin": "%"},
	} {
		b := a.signedIn(t, "ADMIN", "admin")
		before := b.cookies["session"]
		for name, value := range headers {
			b.headers[name] = value
		}
		for _, r := range routes {
			b.post(r[0], r[1:]...).expect(t, 403, "").contains(t, "page of another site")
		}
		b.get("/logout/").expect(t, 403, "")
		if b.cookies["session"] != before {
			t.Error("the session has changed")
		}
		b.get("/private/").expect(t, 200, "") // a link from another site may lead here
	}
	if _, now, _ := a.owned(t, "ADMIN"); len(now) != 1 || now[0] != notes[0] || user.Name != "ADMIN" {
		t.Errorf("notes are %v", now)
	}
	for _, headers := range []map[string]string{
		{"Sec-Fetch-Site": "same-origin", "Origin": "http://example.com"}, {"Sec-Fetch-Site": "none"}, {"Origin": "http://example.com"}, {},
	} {
		b := a.signedIn(t, "ADMIN", "admin")
		for name, value := range headers {
			b.headers[name] = value
		}
		b.post("/write_note", "text_note_to_take", "my own").expect(t, 302, "/private/")
	}
}

// SQL in every field that there is.
func TestAttackSQL(t *testing.T) {
	a := newApp(t)
	b := a.signedIn(t, "ADMIN", "admin")
	for _, s := range []string{`'; DROP TABLE users; --`, `' OR '1'='1`, `" OR ""="`, `\'; --`, `') UNION SELECT key, password FROM users --`, `$1`, `?`} {
		b.post("/login", "id", s, "pw", s)
		b.post("/write_note", "text_note_to_take", s).expect(t, 302, "/private/")
		b.post("/add_user", "id", s, "pw", s).expect(t, 200, "").contains(t, "is invalid")
		b.upload(s+".png", pngBytes(t, 4, 4)).expect(t, 302, "/private/")
		for _, path := range []string{"/delete_note/", "/delete_image/", "/delete_user/"} {
			r := httptest.NewRequest("POST", "/", nil)
			r.URL.Path = path + s
			if path == "/delete_user/" {
				r.URL.Path += "/"
			}
			r.RequestURI = r.URL.EscapedPath()
			b.send(r).expect(t, 404, "")
		}
		stray := a.browser(t)
		stray.headers["Cookie"] = "session=" + s
		stray.get("/private/").expect(t, 401, "")
	}
	for _, name := range []string{"ADMIN", "TEST"} {
		if _, notes, _ := a.owned(t, name); len(notes) == 0 {
			t.Errorf("%s has no notes any more", name)
		}
	}
	b.get("/private/").expect(t, 200, "").contains(t, "DROP TABLE users")
}

// A file name that leads elsewhere, or that is more than a name.
func TestAttackFileNames(t *testing.T) {
	a := newApp(t)
	b := a.signedIn(t, "TEST", "123456")
	names := []string{
		"../../../etc/x.png", `..\..\x.png`, "/etc/passwd.png", "C:\\x.png", ".png.png", "....png", "a\x00.png", "a\r\nX-Evil: 1.png",
		"<img src=x onerror=alert(1)>.png", `"><script>alert(1)</script>.png`, strings.Repeat("x", 500) + ".png", strings.Repeat("地", 300) + ".png",
		"\u202egnp.exe.png", "%2e%2e%2fx.png", "con.png", "~.png", "$(reboot).png", "\xff\xfe.png",
	}
	for _, name := range names {
		got := b.upload(name, pngBytes(t, 4, 4))
		if got.StatusCode != 302 && got.StatusCode != 400 {
			t.Errorf("%.40q: %d", name, got.StatusCode)
		}
	}
	_, _, images := a.owned(t, "TEST")
	if len(images) < 12 {
		t.Errorf("%d images of %d", len(images), len(names))
	}
	for _, im := range images {
		if strings.ContainsAny(im.Name, "/\\<>\"'\x00\r\n$%~ \u202e") || strings.HasPrefix(im.Name, ".") || len([]rune(im.Name)) > 100 {
			t.Errorf("the name %q", im.Name)
		}
		got := b.get("/images/"+im.ID).expect(t, 200, "")
		if got.Header.Get("X-Evil") != "" {
			t.Errorf("%q adds a header", im.Name)
		}
	}
	b.get("/private/").lacks(t, "<script>alert", "<img src=x")
	// All files are where they belong, under names of ours.
	var outside []string
	filepath.WalkDir(a.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && (filepath.Dir(path) != filepath.Join(a.dir, "images") || len(d.Name()) != 26) {
			outside = append(outside, path)
		}
		return err
	})
	if len(outside) > 0 || a.files(t) != len(images) {
		t.Errorf("%d files for %d images, misplaced: %v", a.files(t), len(images), outside)
	}
	for _, path := range []string{"/images/..%2f..%2fservice.db", "/images/%2e%2e", "/images/../images", "/images/" + images[0].ID + "%00", "/images/" + images[0].ID + ".part"} {
		if got := b.get(path); got.StatusCode != 404 {
			t.Errorf("%s: got %d", path, got.StatusCode)
		}
	}
}

// An image bomb: a file of a few bytes that claims to be enormous.
func TestAttackImageBomb(t *testing.T) {
	a := newApp(t)
	b := a.signedIn(t, "TEST", "123456")
	for name, content := range map[string][]byte{
		"wide.png": pngOfSize(t, 65535, 65535), "max.png": pngOfSize(t, 1<<31-1, 1<<31-1), "overflow.png": pngOfSize(t, 1<<32-1, 1<<32-1),
		"tall.png": pngOfSize(t, 1, 20000), "area.png": pngOfSize(t, 9000, 9000),
		"a.gif": gifOfSize(t, 65535, 65535), "a.jpg": jpegOfSize(t, 65535, 65535),
	} {
		b.upload(name, content).expect(t, 302, "/private/")
		b.get("/private/").contains(t, "too many pixels", "No images yet")
	}
	b.upload("none.png", pngOfSize(t, 0, 5)).expect(t, 302, "/private/")
	b.get("/private/").contains(t, "damaged", "No images yet")
	if a.files(t) != 0 {
		t.Errorf("%d files are left", a.files(t))
	}
}

func pngOfSize(t testing.TB, width, height uint32) []byte {
	b := bytes.Clone(pngBytes(t, 4, 4))
	binary.BigEndian.PutUint32(b[16:], width)
	binary.BigEndian.PutUint32(b[20:], height)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func gifOfSize(t testing.TB, width, height uint16) []byte {
	b := bytes.Clone(gifBytes(t, 4, 4))
	binary.LittleEndian.PutUint16(b[6:], width)
	binary.LittleEndian.PutUint16(b[8:], height)
	return b
}

func jpegOfSize(t testing.TB, width, height uint16) []byte {
	b := bytes.Clone(jpegBytes(t, 8, 8))
	frame := bytes.Index(b, []byte{0xff, 0xc0})
	binary.BigEndian.PutUint16(b[frame+5:], height)
	binary.BigEndian.PutUint16(b[frame+7:], width)
	return b
}

// Script that is stored, in every place where a text is shown later.
func TestAttackStoredScript(t *testing.T) {
	a := newApp(t)
	b := a.signedIn(t, "ADMIN", "admin")
	const script = `<script>alert(1)</script>`
	b.post("/write_note", "text_note_to_take", script+`<img src=x onerror=alert(1)>" onmouseover="alert(1)`)
	b.upload(`x" onerror="alert(1).png`, pngBytes(t, 4, 4))
	for _, page := range []answer{
		b.get("/private/"), b.get("/admin/"), b.get("/"),
		b.post("/add_user", "id", `"><script>alert(1)</script>`, "pw", "x"),
		b.get("/%3Cscript%3Ealert(1)%3C/script%3E"),
		b.post("/delete_note/%3Cscript%3Ealert(1)%3C%2Fscript%3E"),
	} {
		page.lacks(t, "<script>alert", "<img src=x", `" onmouseover="`, `" onerror="`)
	}
	// A polyglot, image and page at once, stays an image to the browser.
	content := append(bytes.Clone(gifBytes(t, 4, 4)), script...)
	b.upload("poly.gif", content)
	_, _, images := a.owned(t, "ADMIN")
	for _, im := range images {
		got := b.get("/images/" + im.ID)
		if !strings.HasPrefix(got.Header.Get("Content-Type"), "image/") || got.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", im.Name, got.Header)
		}
	}
}

// A planted notice can say nothing of its own.
func TestAttackPlantedNotice(t *testing.T) {
	a := newApp(t)
	b := a.browser(t)
	for _, value := range []string{"<b>pwned</b>", "Call-555-0100", "../welcome"} {
		b.cookies["notice"] = value
		b.get("/").lacks(t, "pwned", "555", `role="alert"`)
	}
}
