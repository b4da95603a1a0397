package portal_test

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/portal"
)

func TestPages(t *testing.T) {
	a := newApp(t)
	nobody, test, admin := a.browser(t), a.signedIn(t, "test", "123456"), a.signedIn(t, "Admin", "admin")
	tests := []struct {
		path                string
		nobody, test, admin int
		contains            string
	}{
		{"/", 200, 200, 200, "Welcome"},
		{"/public/", 200, 200, 200, "<h1>Public</h1>"},
		{"/private/", 401, 200, 200, "This is a note of user"},
		{"/admin/", 401, 401, 200, "TEST"},
		{"/public", 308, 308, 308, ""},
		{"/private", 308, 308, 308, ""},
		{"/admin", 308, 308, 308, ""},
		{"/nowhere", 404, 404, 404, ""},
		{"/login", 405, 405, 405, ""},
		{"/write_note", 405, 405, 405, ""},
		{"/logout", 404, 404, 404, ""},
		{"/images/unknown", 401, 404, 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			for i, b := range []*browser{nobody, test, admin} {
				want := []int{tt.nobody, tt.test, tt.admin}[i]
				got := b.get(tt.path)
				if got.StatusCode != want {
					t.Errorf("got %d, want %d", got.StatusCode, want)
				}
				if want == 200 {
					got.contains(t, tt.contains)
				}
				if want == 308 {
					got.expect(t, 308, tt.path+"/")
					continue
				}
				if got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
					t.Errorf("%d is %s", got.StatusCode, got.Header.Get("Content-Type"))
				}
				head := b.send(httptest.NewRequest("HEAD", tt.path, nil))
				if head.StatusCode != want || head.body != "" {
					t.Errorf("HEAD gave %d %q", head.StatusCode, head.body)
				}
				for name, part := range map[string]string{
					"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff",
					"Referrer-Policy": "same-origin", "X-Frame-Options": "DENY", "Cache-Control": "no-store",
				} {
					if !strings.Contains(got.Header.Get(name), part) {
						t.Errorf("%s is %q", name, got.Header.Get(name))
					}
				}
				if strings.Contains(got.Header.Get("Content-Security-Policy"), "unsafe") {
					t.Error("the policy allows what is unsafe")
				}
				if regexp.MustCompile(`(?i)(src|href|action)="(https?:)?//| style=| on[a-z]+=|<script>|<style`).MatchString(got.body) {
					t.Errorf("something foreign or inline in\n%s", got.body)
				}
			}
		})
	}
	if got := nobody.get("/private?x=1&y=2"); got.Header.Get("Location") != "/private/?x=1&y=2" {
		t.Errorf("got %s", got.Header.Get("Location"))
	}
}

// Programs that ask for JSON get errors they can read; programs that ask for nothing get what
// the web app has always sent.
func TestErrorsForPrograms(t *testing.T) {
	a := newApp(t)
	for accept, want := range map[string]string{
		"": "text/html; charset=utf-8", "*/*": "text/html; charset=utf-8",
		"text/html;q=0.5, application/json": "application/problem+json",
		"application/json":                  "application/problem+json", "application/problem+json": "application/problem+json",
	} {
		r := httptest.NewRequest("GET", "/private/", nil)
		r.Header.Set("Accept", accept)
		got := a.browser(t).send(r)
		if got.StatusCode != 401 || got.Header.Get("Content-Type") != want {
			t.Errorf("%q: got %d %s", accept, got.StatusCode, got.Header.Get("Content-Type"))
		}
	}
}

func TestSignIn(t *testing.T) {
	a := newApp(t)
	b := a.browser(t)
	for _, form := range [][]string{{"id", "TEST"}, {"pw", "123456"}, {}} {
		b.post("/login", form...).expect(t, 400, "").contains(t, "is missing")
	}
	for _, form := range [][2]string{
		{"TEST", "1234567"}, {"TEST", ""}, {"", ""}, {"NOBODY", "123456"}, {"TE ST", "123456"}, {"TEST\x00", "123456"},
		{"TEST", strings.Repeat("1", 5000)}, {"\xff", "\xff"},
	} {
		b.post("/login", "id", form[0], "pw", form[1]).expect(t, 302, "/")
		if b.cookies["session"] != "" {
			t.Fatalf("signed in with %q", form)
		}
		b.get("/").contains(t, "The account name or the password is wrong.", `role="alert"`, `aria-invalid="true"`)
		b.get("/").lacks(t, "is wrong")
	}
	got := b.post("/login", "id", "tEsT", "pw", "123456").expect(t, 302, "/")
	cookie := got.Header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "session=") || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") ||
		!strings.Contains(strings.ToLower(cookie), "path=/") || strings.Contains(strings.ToLower(cookie), "secure") {
		t.Errorf("got %s", cookie)
	}
	b.get("/").contains(t, "Welcome, TEST", "You are signed in.")
	b.get("/private/").expect(t, 200, "")

	copied := a.browser(t)
	copied.cookies["session"] = b.cookies["session"]
	copied.get("/private/").expect(t, 200, "")
	b.get("/logout/").expect(t, 302, "/")
	b.get("/").contains(t, "You are signed out.")
	b.get("/private/").expect(t, 401, "")
	copied.get("/private/").expect(t, 401, "") // what was copied is worth nothing
	b.get("/logout/").expect(t, 302, "/")
}

func TestBehindTLS(t *testing.T) {
	a := newApp(t)
	b := a.browser(t)
	b.headers["X-Forwarded-Proto"] = "https"
	got := b.post("/login", "id", "TEST", "pw", "123456")
	if cookie := got.Header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-session=") || !strings.Contains(strings.ToLower(cookie), "secure") {
		t.Errorf("got %s", cookie)
	}
	page := b.get("/private/").expect(t, 200, "")
	if page.Header.Get("Strict-Transport-Security") == "" {
		t.Error("the browser is not told to stay with TLS")
	}
	// The plain cookie, which a neighbour could plant, counts for nothing there.
	b.cookies["session"] = b.cookies["__Host-session"]
	delete(b.cookies, "__Host-session")
	b.get("/private/").expect(t, 401, "")
}

func TestSessionExpires(t *testing.T) {
	a := newApp(t)
	b := a.signedIn(t, "TEST", "123456")
	a.clock.advance(12*time.Hour - time.Second)
	b.get("/private/").expect(t, 200, "")
	a.clock.advance(time.Second)
	b.get("/private/").expect(t, 401, "")
}

func TestNotes(t *testing.T) {
	a := newApp(t)
	b := a.signedIn(t, "TEST", "123456")
	b.post("/write_note", "text_note_to_take", "a <b>bold</b> & \"quoted\" note\r\nof two lines").expect(t, 302, "/private/")
	b.get("/private/").contains(t, "The note is saved.", "a &lt;b&gt;bold&lt;/b&gt; &amp; &#34;quoted&#34; note\nof two lines")
	b.post("/write_note").expect(t, 400, "")
	b.post("/write_note", "text_note_to_take", " \n ").expect(t, 302, "/private/")
	b.get("/private/").contains(t, "The note is empty.")
	b.post("/write_note", "text_note_to_take", strings.Repeat("ü", 20_001)).expect(t, 302, "/private/")
	b.get("/private/").contains(t, "longer than 20,000 characters")
	b.post("/write_note", "text_note_to_take", strings.Repeat("ü", 20_000)).expect(t, 302, "/private/")
	b.post("/write_note", "text_note_to_take", "nul \x00, escape \x1b, broken \xff").expect(t, 302, "/private/")
	b.get("/private/").contains(t, "nul , escape , broken \uFFFD")

	_, notes, _ := a.owned(t, "TEST")
	if len(notes) != 4 {
		t.Fatalf("%d notes", len(notes))
	}
	a.browser(t).post("/delete_note/"+notes[0].ID).expect(t, 401, "")
	a.signedIn(t, "ADMIN", "admin").post("/delete_note/"+notes[0].ID).expect(t, 401, "")
	b.post("/delete_note/"+notes[0].ID).expect(t, 302, "/private/")
	b.post("/delete_note/"+notes[0].ID).expect(t, 404, "").contains(t, "no such note")
	if _, left, _ := a.owned(t, "TEST"); len(left) != 3 {
		t.Errorf("%d notes are left", len(left))
	}
}

func TestImages(t *testing.T) {
	a := newApp(t)
	b := a.signedIn(t, "TEST", "123456")
	for name, content := range map[string][]byte{
		"../../x y.png": pngBytes(t, 20, 10), "b.JPG": jpegBytes(t, 20, 10), "c.jpeg": jpegBytes(t, 9, 9), "日本 地図.gif": gifBytes(t, 30, 30),
	} {
		b.upload(name, content).expect(t, 302, "/private/")
		page := b.get("/private/").contains(t, "The image is stored.")
		_, _, images := a.owned(t, "TEST")
		var im portal.Image
		for _, i := range images {
			if i.Size == int64(len(content)) {
				im = i
			}
		}
		page.contains(t, `src="/images/`+im.ID+`"`)
		got := b.get("/images/"+im.ID).expect(t, 200, "")
		if got.body != string(content) || got.Header.Get("Content-Type") != "image/"+string(im.Kind) || got.Header.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.HasPrefix(got.Header.Get("Content-Disposition"), "inline; filename*=UTF-8''") ||
			!strings.Contains(got.Header.Get("Content-Security-Policy"), "sandbox") || got.Header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%s: %d bytes, %v", name, len(got.body), got.Header)
		}
		r := httptest.NewRequest("GET", "/images/"+im.ID, nil)
		r.Header.Set("If-None-Match", got.Header.Get("ETag"))
		if again := b.send(r); again.StatusCode != 304 || again.body != "" {
			t.Errorf("got %d for what the browser has", again.StatusCode)
		}
		head := b.send(httptest.NewRequest("HEAD", "/images/"+im.ID, nil))
		if head.StatusCode != 200 || head.ContentLength != int64(len(content)) {
			t.Errorf("HEAD: %d, %d bytes", head.StatusCode, head.ContentLength)
		}
		a.browser(t).get("/images/"+im.ID).expect(t, 401, "")
		a.signedIn(t, "ADMIN", "admin").get("/images/"+im.ID).expect(t, 401, "")
	}
	b.get("/private/").contains(t, "x_y.png", "日本_地図.gif")
	_, _, images := a.owned(t, "TEST")
	if len(images) != 4 || a.files(t) != 4 {
		t.Fatalf("%d images, %d files", len(images), a.files(t))
	}
	admin := a.signedIn(t, "ADMIN", "admin")
	admin.post("/delete_image/"+images[0].ID).expect(t, 401, "")
	a.browser(t).post("/delete_image/"+images[0].ID).expect(t, 401, "")
	b.post("/delete_image/"+images[0].ID).expect(t, 302, "/private/")
	b.post("/delete_image/"+images[0].ID).expect(t, 404, "")
	if a.files(t) != 3 {
		t.Errorf("%d files are left of 3", a.files(t))
	}
	admin.post("/delete_user/test/").expect(t, 302, "/admin/")
	if a.files(t) != 0 {
		t.Errorf("%d files of a deleted user are left", a.files(t))
	}
	b.get("/private/").expect(t, 401, "")
}

// files counts what is in the store of images, half-written files included.
func (a *app) files(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(a.dir, "images"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return len(entries)
}

func TestRefusedUploads(t *testing.T) {
	a := newApp(t)
	b := a.signedIn(t, "TEST", "123456")
	good := pngBytes(t, 20, 10)
	tests := []struct {
		name, file string
		content    []byte
		want       string
	}{
		{"a text", "a.txt", []byte("hello"), "Only png"},
		{"an image by content only", "a.txt", good, "Only png"},
		{"an image by name only", "a.png", []byte("<script>alert(1)</script>"), "Only png"},
		{"another kind than its name", "a.gif", good, "Only png"},
		{"svg", "a.svg", []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), "Only png"},
		{"two extensions", "a.png.html", good, "Only png"},
		{"empty", "a.png", nil, "Only png"},
		{"cut short", "a.png", good[:len(good)-8], "damaged"},
		{"no name", "", good, "No selected file"},
		{"only an extension", "png", good, "Only png"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b.upload(tt.file, tt.content).expect(t, 302, "/private/")
			b.get("/private/").contains(t, tt.want, "No images yet")
			if a.files(t) != 0 {
				t.Errorf("%d files are left", a.files(t))
			}
		})
	}
	t.Run("forms", func(t *testing.T) {
		send := func(contentType, body string) answer {
			r := httptest.NewRequest("POST", "/upload_image", strings.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			return b.send(r)
		}
		const multi = "multipart/form-data; boundary=X"
		for contentType, body := range map[string]string{
			"application/x-www-form-urlencoded": "file=x", "": "", "multipart/form-data": "--X--\r\n", multi: "--X--\r\n",
			multi + ";a=1": "--X\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nno file\r\n--X--\r\n",
			multi + ";b=1": "--X\r\nContent-Disposition: form-data; name=\"other\"; filename=\"a.png\"\r\n\r\nx\r\n--X--\r\n",
		} {
			send(contentType, body).expect(t, 302, "/private/")
			b.get("/private/").contains(t, "No file part")
		}
		// To the reader of forms, one that has not begun is the same as an empty one.
		for _, body := range []string{"", "garbage", "--X\r\n"} {
			send(multi, body).expect(t, 302, "/private/")
		}
		send(multi, "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\nnever ends").expect(t, 400, "")
		if a.files(t) != 0 {
			t.Errorf("%d files are left", a.files(t))
		}
	})
	t.Run("too large", func(t *testing.T) {
		for _, size := range []int{16<<20 + 1, 17 << 20} {
			b.upload("a.png", append(bytes.Clone(good), make([]byte, size-len(good))...)).expect(t, 413, "").contains(t, "too large")
		}
		a.browser(t).upload("a.png", good).expect(t, 401, "")
		b.post("/write_note", "text_note_to_take", strings.Repeat("x", 2<<20)).expect(t, 413, "").contains(t, "<html")
		if a.files(t) != 0 {
			t.Errorf("%d files are left", a.files(t))
		}
	})
	t.Run("as large as can be", func(t *testing.T) {
		b.upload("a.png", append(bytes.Clone(good), make([]byte, 16<<20-len(good))...)).expect(t, 302, "/private/")
		b.get("/private/").contains(t, "16.0 MiB")
	})
}

func TestUsers(t *testing.T) {
	a := newApp(t)
	test, admin := a.signedIn(t, "TEST", "123456"), a.signedIn(t, "ADMIN", "admin")
	for _, b := range []*browser{a.browser(t), test} {
		b.post("/add_user", "id", "EVE", "pw", "x").expect(t, 401, "")
		b.post("/delete_user/TEST/").expect(t, 401, "")
	}
	admin.post("/add_user", "id", "ann", "pw", "secret words").expect(t, 302, "/admin/")
	admin.get("/admin/").contains(t, "The account is created.", "ANN")
	a.signedIn(t, "Ann", "secret words").get("/admin/").expect(t, 401, "")

	admin.post("/add_user", "id", "aNN", "pw", "x").expect(t, 200, "").contains(t, "The account name already exists.", `value="aNN"`)
	for _, name := range []string{"", " ", "A B", `A'B`, `A"B`, "A<B", "A/B", "Ä", "\x00", strings.Repeat("A", 65), "A;--"} {
		admin.post("/add_user", "id", name, "pw", "x").expect(t, 200, "").contains(t, "The account name is invalid.")
	}
	admin.post("/add_user", "id", "BOB", "pw", "").expect(t, 200, "").contains(t, "The password must have")
	admin.post("/add_user", "id", "BOB").expect(t, 400, "")

	admin.post("/delete_user/ADMIN/").expect(t, 403, "")
	admin.post("/delete_user/admin/").expect(t, 403, "")
	admin.post("/delete_user/NOBODY/").expect(t, 404, "")
	admin.post("/delete_user/%20/").expect(t, 404, "")
	admin.post("/delete_user/ann/").expect(t, 302, "/admin/")
	admin.get("/admin/").contains(t, "The account is deleted").lacks(t, "ANN")

	// A second administrator can go, but not by their own hand.
	if _, err := portal.AddUser(t.Context(), a.store, hasher, a.clock.Now(), portal.NewUser{Name: "chief", Password: "x", Admin: true}); err != nil {
		t.Fatal(err)
	}
	chief := a.signedIn(t, "chief", "x")
	chief.post("/delete_user/CHIEF/").expect(t, 403, "")
	admin.post("/delete_user/CHIEF/").expect(t, 302, "/admin/")
	chief.get("/private/").expect(t, 401, "")
}

func TestSeedDemo(t *testing.T) {
	a := newApp(t)
	for _, name := range []string{"ADMIN", "TEST"} {
		user, notes, _ := a.owned(t, name)
		if len(notes) != 1 || notes[0].Text != "This is a note of user "+name+"." || user.Admin != (name == "ADMIN") {
			t.Errorf("%s: %+v", name, notes)
		}
	}
	a.signedIn(t, "ADMIN", "admin").post("/delete_user/TEST/").expect(t, 302, "/admin/")
	added, err := portal.SeedDemo(context.Background(), a.store, hasher, a.clock.Now())
	if err != nil || added {
		t.Errorf("where there is an account: %t, %v", added, err)
	}
	if _, err := a.store.UserByName(t.Context(), "TEST"); !errors.Is(err, portal.ErrNotFound) {
		t.Errorf("a deleted account comes back: %v", err)
	}
}
