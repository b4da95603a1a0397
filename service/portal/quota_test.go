package portal_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/database/databasetest"
	"gitlab.com/towpath/towpath/service/portal"
)

func TestQuota(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		s, ctx := portal.NewStore(db), t.Context()
		for _, name := range []string{"ANN", "BOB"} {
			if err := s.AddUser(ctx, user(name)); err != nil {
				t.Fatal(err)
			}
		}
		ann, bob := user("ANN").Key, user("BOB").Key
		quota := portal.Quota{Notes: 3, ImageBytes: 100_000}
		note := func(id, owner string) error {
			return s.AddNote(ctx, portal.Note{ID: id, Owner: owner, Text: "x", Created: day}, quota)
		}
		image := func(id string, size int64) error {
			return s.AddImage(ctx, portal.Image{ID: id, Owner: ann, Name: "x.png", Kind: "png", Size: size, Created: day}, quota)
		}
		want := func(notes int, bytes int64) {
			t.Helper()
			if got, err := s.Usage(ctx, ann); err != nil || got != (portal.Usage{Notes: notes, ImageBytes: bytes}) {
				t.Errorf("got %+v, %v", got, err)
			}
		}
		want(0, 0)

		// Many at once: exactly as many as there is room for.
		var group sync.WaitGroup
		var mu sync.Mutex
		added := 0
		for i := range 12 {
			group.Go(func() {
				err := note(fmt.Sprint("n", i), ann)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					added++
				} else if !errors.Is(err, portal.ErrQuota) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if added != 3 {
			t.Errorf("%d notes were added", added)
		}
		want(3, 0)
		if err := note("other", bob); err != nil {
			t.Errorf("someone else's quota: %v", err)
		}
		if err := note("orphan", "nobody"); err == nil || errors.Is(err, portal.ErrQuota) {
			t.Errorf("a note of nobody: %v", err)
		}
		page, err := s.Notes(ctx, ann, portal.Cursor{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteNote(ctx, page.Items[0].ID, ann); err != nil {
			t.Fatal(err)
		}
		if err := note("again", ann); err != nil {
			t.Errorf("after deleting one: %v", err)
		}

		if err := image("a", 95_904); err != nil {
			t.Error(err)
		}
		if err := image("b", 1); err != nil {
			t.Error(err)
		}
		want(3, 100_000) // the small one counts as 4096
		if err := image("c", 1); !errors.Is(err, portal.ErrQuota) {
			t.Errorf("got %v", err)
		}
		if err := s.DeleteImage(ctx, "b", ann); err != nil {
			t.Fatal(err)
		}
		if err := image("d", 4097); !errors.Is(err, portal.ErrQuota) {
			t.Errorf("one byte too many: %v", err)
		}
		if err := image("e", 4096); err != nil {
			t.Error(err)
		}
	})
}

func TestQuotaOnThePage(t *testing.T) {
	a := newApp(t, func(o *portal.Options) { o.Quota = portal.Quota{Notes: 2, ImageBytes: 10 << 10} })
	b := a.signedIn(t, "TEST", "123456")
	b.get("/private/").contains(t, "1 of 2", "0 bytes of 10 KiB").lacks(t, "no room")
	b.post("/write_note", "text_note_to_take", "the last one").expect(t, 302, "/private/")
	b.get("/private/").contains(t, "The note is saved.", "2 of 2", "There is no room for another note").lacks(t, "/write_note")
	b.post("/write_note", "text_note_to_take", "one too many").expect(t, 302, "/private/")
	b.get("/private/").contains(t, "no room for another note. It was not saved.", `role="alert"`).lacks(t, "one too many")

	for range 2 {
		b.upload("a.png", pngBytes(t, 4, 4)).expect(t, 302, "/private/")
		b.get("/private/").contains(t, "The image is stored.")
	}
	b.get("/private/").contains(t, "8 KiB of 10 KiB", "There is no room for another image").lacks(t, "/upload_image")
	b.upload("b.png", pngBytes(t, 4, 4)).expect(t, 302, "/private/")
	b.get("/private/").contains(t, "no room for this image. It was not stored.").lacks(t, "b.png")
	if a.files(t) != 2 {
		t.Errorf("%d files for 2 images", a.files(t))
	}
	_, notes, images := a.owned(t, "TEST")
	b.post("/delete_note/"+notes[0].ID).expect(t, 302, "/private/")
	b.post("/delete_image/"+images[0].ID).expect(t, 302, "/private/")
	b.get("/private/").contains(t, "1 of 2", "/write_note", "4 KiB of 10 KiB", "/upload_image")
	// Others have a quota of their own.
	a.signedIn(t, "ADMIN", "admin").get("/private/").contains(t, "1 of 2", "0 bytes of 10 KiB")
}

func TestWithoutQuota(t *testing.T) {
	a := newApp(t)
	a.signedIn(t, "TEST", "123456").get("/private/").lacks(t, `class="room"`)
}
