package portal_test

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/database/databasetest"
	"gitlab.com/towpath/towpath/service/portal"
)

// fillNotes gives an owner n notes, three of each microsecond; number 1 is the oldest.
func fillNotes(t testing.TB, s portal.Store, owner string, n int) {
	t.Helper()
	for i := range n {
		note := portal.Note{ID: fmt.Sprintf("n%03d", i+1), Owner: owner, Text: fmt.Sprintf("number %d.", i+1), Created: day.Add(time.Duration(i/3) * time.Microsecond)}
		if err := s.AddNote(t.Context(), note, portal.Quota{}); err != nil {
			t.Fatal(err)
		}
	}
}

func ids(notes []portal.Note) (list []string) {
	for _, n := range notes {
		list = append(list, n.ID)
	}
	return list
}

// Page after page, to the end and back, each note is there once.
func TestPaging(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		s := portal.NewStore(db)
		for _, name := range []string{"ANN", "BOB"} {
			if err := s.AddUser(t.Context(), user(name)); err != nil {
				t.Fatal(err)
			}
		}
		ann := user("ANN").Key
		fillNotes(t, s, ann, 25)
		if err := s.AddNote(t.Context(), portal.Note{ID: "n999", Owner: user("BOB").Key, Text: "x", Created: day}, portal.Quota{}); err != nil {
			t.Fatal(err)
		}
		read := func(at portal.Cursor, newer, older bool) []portal.Note {
			t.Helper()
			p, err := s.Notes(t.Context(), ann, at, 10)
			if err != nil {
				t.Fatal(err)
			}
			if p.Newer != newer || p.Older != older {
				t.Errorf("more on either side: %t, %t", p.Newer, p.Older)
			}
			return p.Items
		}
		after := func(notes []portal.Note) portal.Cursor {
			last := notes[len(notes)-1]
			return portal.Cursor{Created: last.Created, ID: last.ID}
		}
		before := func(notes []portal.Note) portal.Cursor {
			return portal.Cursor{Created: notes[0].Created, ID: notes[0].ID, Newer: true}
		}
		first := read(portal.Cursor{}, false, true)
		second := read(after(first), true, true)
		third := read(after(second), true, false)
		var want []string
		for i := 25; i > 0; i-- {
			want = append(want, fmt.Sprintf("n%03d", i))
		}
		if got := ids(slices.Concat(first, second, third)); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if back := ids(read(before(third), true, true)); !slices.Equal(back, ids(second)) {
			t.Errorf("back to %v, want %v", back, ids(second))
		}
		if back := ids(read(before(second), false, true)); !slices.Equal(back, ids(first)) {
			t.Errorf("back to %v, want %v", back, ids(first))
		}
		// What is written meanwhile moves nothing on the pages that follow.
		if err := s.AddNote(t.Context(), portal.Note{ID: "n026", Owner: ann, Text: "x", Created: day.Add(time.Hour)}, portal.Quota{}); err != nil {
			t.Fatal(err)
		}
		if again := ids(read(after(first), true, true)); !slices.Equal(again, ids(second)) {
			t.Errorf("got %v, want %v", again, ids(second))
		}
		// The place in the list outlives its note; and a page that is gone is the first one.
		for _, n := range slices.Concat(first[9:], third) {
			if err := s.DeleteNote(t.Context(), n.ID, ann); err != nil {
				t.Fatal(err)
			}
		}
		if again := ids(read(after(first), true, false)); !slices.Equal(again, ids(second)) {
			t.Errorf("got %v, want %v", again, ids(second))
		}
		if gone := ids(read(after(second), false, true)); gone[0] != "n026" || len(gone) != 10 {
			t.Errorf("got %v", gone)
		}
		if newest := ids(read(before(second), false, true)); newest[0] != "n026" || len(newest) != 10 {
			t.Errorf("got %v", newest)
		}
	})
}

// addresses gives the links below the lists of a page, by list and direction.
func addresses(body string) map[string]string {
	found := map[string]string{}
	for _, nav := range regexp.MustCompile(`(?s)<nav class="pager" aria-label="More (\w+)">(.*?)</nav>`).FindAllStringSubmatch(body, -1) {
		for _, a := range regexp.MustCompile(`<a href="([^"]+)" rel="(\w+)">`).FindAllStringSubmatch(nav[2], -1) {
			found[nav[1]+" "+a[2]], _, _ = strings.Cut(html.UnescapeString(a[1]), "#")
		}
	}
	return found
}

func TestPagingOnThePage(t *testing.T) {
	a := newApp(t)
	b := a.signedIn(t, "TEST", "123456")
	owner, _, _ := a.owned(t, "TEST")
	if links := addresses(b.get("/private/").body); len(links) != 0 {
		t.Errorf("links to nowhere: %v", links)
	}
	fillNotes(t, a.store, owner.Key, 120) // older or newer than the one of the demo, it is 121 now
	for i := range 60 {
		image := portal.Image{ID: fmt.Sprintf("i%02d", i), Owner: owner.Key, Name: fmt.Sprintf("picture-%d.png", i), Kind: "png", Width: 1, Height: 1, Size: 70,
			Created: day.Add(time.Duration(i) * time.Second)}
		if err := a.store.AddImage(t.Context(), image, portal.Quota{}); err != nil {
			t.Fatal(err)
		}
	}
	page := b.get("/private/").contains(t, "number 120.", "picture-59.png").lacks(t, "number 10.", "picture-9.png")
	links := addresses(page.body)
	if len(links) != 2 || links["notes next"] == "" || links["images next"] == "" {
		t.Fatalf("links %v", links)
	}
	page = b.get(links["images next"]).contains(t, "number 120.", "picture-9.png", "picture-0.png").lacks(t, "picture-10.png")
	links = addresses(page.body)
	if len(links) != 2 || links["images prev"] == "" {
		t.Fatalf("links %v", links)
	}
	// The two lists do not disturb each other.
	page = b.get(links["notes next"]).contains(t, "picture-9.png").lacks(t, "picture-10.png", "number 120.")
	page = b.get(addresses(page.body)["notes next"]).contains(t, "number 1.", "picture-9.png").lacks(t, "number 120.")
	links = addresses(page.body)
	if links["notes next"] != "" || links["notes prev"] == "" {
		t.Errorf("links %v", links)
	}
	b.get(addresses(b.get(links["notes prev"]).body)["notes prev"]).contains(t, "number 120.", "picture-9.png")

	for _, wrong := range []string{"x", "older.1", "older.x.n1", "sideways.1.n1", "older.1.%00", "older.1.", "older.1.N", "older.99999999999999999999.n", "older.1.n.n"} {
		b.get("/private/?notes="+wrong).expect(t, 400, "").contains(t, "not a place in the list")
		b.get("/private/?images="+wrong).expect(t, 400, "")
	}
	for _, odd := range []string{"older.-9223372036854775808.n", "newer.9223372036854775807.n", "older.0.1", ""} {
		b.get("/private/?notes="+odd+"&images="+odd).expect(t, 200, "")
	}
	// A place shows whoever asks their own list only.
	a.signedIn(t, "ADMIN", "admin").get(links["notes prev"]).expect(t, 200, "").lacks(t, "number ", "picture-")
}
