package portal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	imagegif "image/gif"
	imagejpeg "image/jpeg"
	imagepng "image/png"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

func TestCleanName(t *testing.T) {
	for name, want := range map[string]string{
		"../../x y.png": "x_y.png", "x y.png": "x_y.png", "a.png": "a.png", ".png": "png", "": "image", "...": "image",
		"  a  b .gif": "a_b_.gif", "日本 x.jpg": "日本_x.jpg", "a/b\\c.png": "a_b_c.png", "?.png": "png", "<b>.png": "b.png",
		strings.Repeat("x", 200) + ".jpeg": strings.Repeat("x", 95) + ".jpeg",
	} {
		if got := cleanName(name); got != want {
			t.Errorf("%.40q: got %q, want %q", name, got, want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"../../x y.png", "a\x00b", "\xff.png", "....", "a." + strings.Repeat("b", 300), strings.Repeat("地.", 90)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := cleanName(name)
		if got == "" || strings.HasPrefix(got, ".") || strings.ContainsAny(got, "/\\\x00<>\"'&% \n") || !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxImageName {
			t.Errorf("%q became %q", name, got)
		}
	})
}

func TestParseName(t *testing.T) {
	for text, want := range map[string]string{
		"test": "TEST", "Ann-Lee_2@x.org+y": "ANN-LEE_2@X.ORG+Y", "": "", " ": "", "a b": "", `a"b`: "", "a'b": "", "ß": "", "ı": "", "a\n": "",
		strings.Repeat("a", 64): strings.Repeat("A", 64), strings.Repeat("a", 65): "",
	} {
		if got, err := ParseName(text); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

func TestPasswords(t *testing.T) {
	h, ctx := NewHasher(), context.Background()
	one, err := h.Hash(ctx, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	two, err := h.Hash(ctx, "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if one == two || !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("got %s and %s", one, two)
	}
	// From the test suite of the reference implementation, test.c of phc-winner-argon2.
	const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, tt := range []struct {
		hash, password string
		want           bool
	}{
		{one, "correct horse", true}, {two, "correct horse", true}, {one, "Correct horse", false}, {one, "", false},
		{"", "correct horse", false}, {"", "", false}, {one, strings.Repeat("x", 2000), false}, {reference, "password", true}, {reference, "passwore", false},
	} {
		if got, err := h.Verify(ctx, tt.hash, tt.password); err != nil || got != tt.want {
			t.Errorf("%.40s %.20q: got %t, %v", tt.hash, tt.password, got, err)
		}
	}
	for _, password := range []string{"", strings.Repeat("x", 1025)} {
		if _, err := h.Hash(ctx, password); !errors.Is(err, errPassword) {
			t.Errorf("%d bytes: %v", len(password), err)
		}
	}
	for _, hash := range []string{
		"x", "$argon2i$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=16$m=19456,t=2,p=1$AAAAAAAAAAA$AAAA",
		"$argon2id$v=19$m=4000000000,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=19456,t=0,p=0$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	} {
		if ok, err := h.Verify(ctx, hash, "x"); ok || err == nil || strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%s: %t, %v", hash, ok, err)
		}
	}
}

// However many sign in at once, no more than a few passwords are in memory, and who cannot be
// served soon is told so.
func TestHashingIsBounded(t *testing.T) {
	h := NewHasher()
	var leaves []func()
	for range hashSlots {
		leave, err := h.enter(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leave)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for range hashQueue {
		group.Go(func() {
			if _, err := h.enter(ctx); !errors.Is(err, ErrBusy) {
				t.Errorf("in the queue: %v", err)
			}
		})
	}
	for len(h.queue) < hashSlots+hashQueue {
		runtime.Gosched()
	}
	if _, err := h.Verify(context.Background(), "", "x"); !errors.Is(err, ErrBusy) {
		t.Errorf("behind a full queue: %v", err)
	}
	cancel()
	group.Wait()
	for _, leave := range leaves {
		leave()
	}
	if _, err := h.Hash(context.Background(), "x"); err != nil {
		t.Errorf("after the crowd: %v", err)
	}
}

// An account that does not exist costs the same work, so that time does not tell.
func TestUnknownAccountsTakeTheirTime(t *testing.T) {
	h, ctx := NewHasher(), context.Background()
	hash, err := h.Hash(ctx, "x")
	if err != nil {
		t.Fatal(err)
	}
	m1, p1, t1, s1, k1, err1 := decode(hash)
	m2, p2, t2, s2, k2, err2 := decode(h.dummy)
	if err1 != nil || err2 != nil || m1 != m2 || p1 != p2 || t1 != t2 || len(s1) != len(s2) || len(k1) != len(k2) {
		t.Errorf("%s costs other work than %s", h.dummy, hash)
	}
}

func TestLimiter(t *testing.T) {
	l, now := newLimiter(3, time.Minute), time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, want := range []time.Duration{0, 0, 0, time.Minute, time.Minute} {
		if got := l.take("a", now); got != want {
			t.Errorf("take %d: wait %v, want %v", i+1, got, want)
		}
	}
	if got := l.take("b", now); got != 0 {
		t.Errorf("another key waits %v", got)
	}
	if got := l.take("a", now.Add(59*time.Second)); got != time.Second {
		t.Errorf("wait %v", got)
	}
	if got := l.take("a", now.Add(time.Minute)); got != 0 {
		t.Errorf("wait %v", got)
	}
	l.giveBack("a")
	if got := l.take("a", now.Add(time.Minute)); got != 0 {
		t.Errorf("after giving one back: wait %v", got)
	}
	for range 3 {
		if got := l.take("a", now.Add(time.Hour)); got != 0 {
			t.Errorf("long after: wait %v", got)
		}
	}
	for a, b := range map[string]string{"2001:db8:1:2::1": "2001:db8:1:2:ffff::9", "::ffff:192.0.2.1": "192.0.2.1", "fe80::1%eth0": "fe80::2"} {
		if addressKey(a) != addressKey(b) {
			t.Errorf("%s and %s count as two", a, b)
		}
	}
	if addressKey("2001:db8:1:2::1") == addressKey("2001:db8:1:3::1") || addressKey("192.0.2.1") == addressKey("192.0.2.2") {
		t.Error("two customers count as one")
	}
}

// encodings are valid pictures of several kinds.
func encodings(t testing.TB) map[kind][]byte {
	m := image.NewPaletted(image.Rect(0, 0, 33, 17), color.Palette{color.White, color.Black})
	var p, j, g, anim bytes.Buffer
	err := errors.Join(imagepng.Encode(&p, m), imagejpeg.Encode(&j, m, nil), imagegif.Encode(&g, m, nil),
		imagegif.EncodeAll(&anim, &imagegif.GIF{Image: []*image.Paletted{m, m, m}, Delay: []int{1, 2, 3}}))
	if err != nil {
		t.Fatal(err)
	}
	return map[kind][]byte{png: p.Bytes(), jpeg: j.Bytes(), gif: g.Bytes(), "animated": anim.Bytes()}
}

func TestInspect(t *testing.T) {
	for k, content := range encodings(t) {
		want := picture{k, 33, 17}
		if k == "animated" {
			want.kind = gif
		}
		if got, err := inspect(bytes.NewReader(content)); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", k, got, err)
		}
		// Cut off anywhere, it is no longer complete.
		for n := range len(content) - 1 {
			if _, err := inspect(bytes.NewReader(content[:n])); err == nil {
				t.Errorf("%s: %d of %d bytes are taken for complete", k, n, len(content))
			}
		}
		broken := errors.New("disk on fire")
		if _, err := inspect(io.MultiReader(bytes.NewReader(content[:20]), faulty{broken})); !errors.Is(err, broken) {
			t.Errorf("%s: %v", k, err)
		}
	}
}

type faulty struct{ err error }

func (f faulty) Read([]byte) (int, error)  { return 0, f.err }
func (f faulty) Write([]byte) (int, error) { return 0, f.err }
func (f faulty) Sync() error               { return nil }
func (f faulty) Close() error              { return nil }

// FuzzInspect holds inspect to its word: what it lets pass is no larger than it may be, and a
// decoder that reads the same file agrees about kind and size.
func FuzzInspect(f *testing.F) {
	for _, content := range encodings(f) {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := inspect(bytes.NewReader(content))
		if err != nil {
			return
		}
		if p.width < 1 || p.height < 1 || p.width > maxSide || p.height > maxSide || p.width*p.height > maxPixels {
			t.Errorf("passed with %+v", p)
		}
		if cfg, name, err := image.DecodeConfig(bytes.NewReader(content)); err == nil && (cfg.Width != p.width || cfg.Height != p.height || name != string(p.kind)) {
			t.Errorf("%+v is %s %dx%d to the decoder", p, name, cfg.Width, cfg.Height)
		}
	})
}

// A disk that is full, or breaks, leaves nothing behind.
func TestFilesWithoutRoom(t *testing.T) {
	for _, tt := range []struct {
		err  error
		full bool
	}{{syscall.ENOSPC, true}, {syscall.EDQUOT, true}, {syscall.EIO, false}} {
		f := newFiles(t.TempDir())
		f.create = func(path string) (writer, error) {
			if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
				return nil, err
			}
			return faulty{&os.PathError{Op: "write", Path: path, Err: tt.err}}, nil
		}
		_, _, err := f.receive(strings.NewReader("content"))
		if !errors.Is(err, tt.err) || errors.Is(err, errFull) != tt.full {
			t.Errorf("%v: got %v", tt.err, err)
		}
		if entries, err := os.ReadDir(f.dir); err != nil || len(entries) != 0 {
			t.Errorf("%v: left are %v, %v", tt.err, entries, err)
		}
	}
}

func TestSweep(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	Sweep(dir, now) // nothing there yet
	f := newFiles(dir)
	kept, _, err := f.receive(strings.NewReader("kept"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.keep(kept); err != nil {
		t.Fatal(err)
	}
	half, _, err := f.receive(strings.NewReader("half"))
	if err != nil {
		t.Fatal(err)
	}
	Sweep(dir, now.Add(time.Minute))
	if file, err := f.openPartial(half); err != nil {
		t.Errorf("an upload under way is gone: %v", err)
	} else {
		file.Close()
	}
	Sweep(dir, now.Add(2*time.Hour))
	entries, err := os.ReadDir(f.dir)
	if err != nil || fmt.Sprint(len(entries)) != "1" || entries[0].Name() != kept {
		t.Errorf("left are %v, %v", entries, err)
	}
}

func TestTokens(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		token := newToken()
		hash, ok := hashToken(token)
		if !ok || len(hash) != 64 || seen[token] || seen[hash] || strings.Contains(hash, token) {
			t.Fatalf("%s: %s, %t", token, hash, ok)
		}
		seen[token], seen[hash] = true, true
	}
}

func FuzzHashToken(f *testing.F) {
	f.Add(newToken())
	f.Add("=")
	f.Fuzz(func(t *testing.T, token string) {
		if hash, ok := hashToken(token); ok != (hash != "") || ok && len(token) != 43 {
			t.Errorf("%q: %q, %t", token, hash, ok)
		}
	})
}
