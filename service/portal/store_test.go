package portal_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/database/databasetest"
	"gitlab.com/towpath/towpath/service/portal"
	"gitlab.com/towpath/towpath/service/redis"
	"gitlab.com/towpath/towpath/service/redis/redistest"
)

var day = time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC)

func user(name string) portal.User {
	return portal.User{Key: "key-" + name, Name: name, Password: "$hash$" + name, Created: day}
}

// hostile texts must come back as they went in, and do nothing on the way.
var hostile = []string{
	`'; DROP TABLE users; --`, `" OR ""="`, `%s %d $1 ? ?1 :a`, "\\'; --", "ß→\U0001F6A3 مرحبا", "<script>alert(1)</script>", strings.Repeat("x", 20_000),
}

// The one suite of stores: whatever keeps users, notes and images passes it.
func TestStore(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) { conform(t, portal.NewStore(db)) })
}

func conform(t *testing.T, s portal.Store) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	missing := func(err error) {
		t.Helper()
		if !errors.Is(err, portal.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	}
	ann, bob := user("ANN"), user("BOB")
	ann.Admin = true
	added, err := s.AddFirst(ctx, []portal.User{ann}, []portal.Note{{ID: "n0", Owner: ann.Key, Text: "first", Created: day}})
	must(err)
	again, err := s.AddFirst(ctx, []portal.User{bob}, nil)
	must(err)
	if !added || again {
		t.Errorf("AddFirst: %t, then %t", added, again)
	}

	t.Run("users", func(t *testing.T) {
		must(s.AddUser(ctx, bob))
		for _, u := range []portal.User{ann, bob} {
			byName, err := s.UserByName(ctx, u.Name)
			must(err)
			byKey, err := s.UserByKey(ctx, u.Key)
			must(err)
			if byName != u || byKey != u {
				t.Errorf("got %+v and %+v, want %+v", byName, byKey, u)
			}
		}
		taken := user("BOB")
		taken.Key = "another"
		if err := s.AddUser(ctx, taken); !errors.Is(err, portal.ErrTaken) {
			t.Errorf("a second BOB: %v", err)
		}
		for _, name := range append(hostile[:5:5], "", "ann", "CAROL") {
			_, err := s.UserByName(ctx, name)
			missing(err)
			_, err = s.UserByKey(ctx, name)
			missing(err)
		}
	})
	t.Run("notes", func(t *testing.T) {
		for i, text := range hostile {
			n := portal.Note{ID: fmt.Sprint("n", i+1), Owner: bob.Key, Text: text, Created: day.Add(time.Duration(i) * time.Microsecond)}
			must(s.AddNote(ctx, n, portal.Quota{}))
			got, err := s.Note(ctx, n.ID)
			must(err)
			if got != n {
				t.Errorf("got %+v, want %+v", got, n)
			}
		}
		page, err := s.Notes(ctx, bob.Key, portal.Cursor{}, 100)
		must(err)
		list := page.Items
		if len(list) != len(hostile) || list[0].Text != hostile[len(hostile)-1] {
			t.Errorf("%d notes, the first %.20q; the newest comes first", len(list), list[0].Text)
		}
		missing(s.DeleteNote(ctx, "n1", ann.Key))
		must(s.DeleteNote(ctx, "n1", bob.Key))
		missing(s.DeleteNote(ctx, "n1", bob.Key))
		missing(s.DeleteNote(ctx, hostile[0], bob.Key))
		_, err = s.Note(ctx, "n1")
		missing(err)
		if err := s.AddNote(ctx, portal.Note{ID: "orphan", Owner: "nobody", Text: "x", Created: day}, portal.Quota{}); err == nil {
			t.Error("a note of nobody is kept")
		}
	})
	t.Run("images", func(t *testing.T) {
		for i, name := range hostile[:6] {
			im := portal.Image{ID: fmt.Sprint("i", i), Owner: bob.Key, Name: name, Kind: "png", Width: 640, Height: 480,
				Size: 1 << 33, Created: day.Add(time.Duration(i) * time.Second)}
			must(s.AddImage(ctx, im, portal.Quota{}))
			got, err := s.Image(ctx, im.ID)
			must(err)
			if got != im {
				t.Errorf("got %+v, want %+v", got, im)
			}
		}
		page, err := s.Images(ctx, bob.Key, portal.Cursor{}, 100)
		must(err)
		list := page.Items
		if len(list) != 6 || list[0].ID != "i5" {
			t.Errorf("got %+v", list)
		}
		missing(s.DeleteImage(ctx, "i0", ann.Key))
		must(s.DeleteImage(ctx, "i0", bob.Key))
		missing(s.DeleteImage(ctx, "i0", bob.Key))
		_, err = s.Image(ctx, "i0")
		missing(err)
	})
	t.Run("accounts", func(t *testing.T) {
		list, err := s.Accounts(ctx)
		must(err)
		if len(list) != 2 || list[0].Name != "ANN" || !list[0].Admin || list[0].Notes != 1 || list[0].Images != 0 ||
			list[1].Name != "BOB" || list[1].Admin || list[1].Notes != len(hostile)-1 || list[1].Images != 5 || !list[1].Created.Equal(day) {
			t.Errorf("got %+v", list)
		}
		for _, a := range list {
			if a.Password != "" {
				t.Error("a list of accounts holds password hashes")
			}
		}
	})
	t.Run("delete a user", func(t *testing.T) {
		_, err := s.DeleteUser(ctx, "nobody")
		missing(err)
		images, err := s.DeleteUser(ctx, bob.Key)
		must(err)
		if len(images) != 5 {
			t.Errorf("got %v", images)
		}
		_, err = s.UserByKey(ctx, bob.Key)
		missing(err)
		_, err = s.Note(ctx, "n2")
		missing(err)
		_, err = s.Image(ctx, "i1")
		missing(err)
		if notes, err := s.Notes(ctx, ann.Key, portal.Cursor{}, 100); err != nil || len(notes.Items) != 1 {
			t.Errorf("someone else's notes: %v, %v", notes, err)
		}
		must(s.AddUser(ctx, bob)) // the name is free again
	})
	t.Run("one of many wins a name", func(t *testing.T) {
		var group sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for i := range 8 {
			group.Go(func() {
				u := user("CAROL")
				u.Key = fmt.Sprint("carol", i)
				err := s.AddUser(ctx, u)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if !errors.Is(err, portal.ErrTaken) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if won != 1 {
			t.Errorf("%d accounts of one name", won)
		}
	})
}

func TestSessions(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		s, ann := portal.NewStore(db), user("ANN")
		if err := s.AddUser(t.Context(), ann); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		conformSessions(t, portal.NewSessions(db), ann.Key, now)

		// With its user a session goes, whoever comes to have the name.
		sessions := portal.NewSessions(db)
		if err := sessions.Put(t.Context(), "h", portal.Session{Owner: ann.Key, Expires: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.DeleteUser(t.Context(), ann.Key); err != nil {
			t.Fatal(err)
		}
		if _, err := sessions.Get(t.Context(), "h", now); !errors.Is(err, portal.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("redis", func(t *testing.T) {
		server := redistest.Start(t, "secret")
		address, err := redis.ParseAddress(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		client := redis.New(address)
		defer client.Close()
		sessions := portal.NewRedisSessions(client, time.Now)
		conformSessions(t, sessions, "key", time.Now())
		server.Stop()
		if _, err := sessions.Get(t.Context(), "h", time.Now()); err == nil || errors.Is(err, portal.ErrNotFound) {
			t.Errorf("without Redis: %v; that is not the same as signed out", err)
		}
	})
}

func conformSessions(t *testing.T, s portal.Sessions, owner string, now time.Time) {
	t.Helper()
	ctx := t.Context()
	want := portal.Session{Owner: owner, Expires: now.Add(time.Hour).Truncate(time.Microsecond)}
	for _, hash := range []string{"a", "b"} {
		if err := s.Put(ctx, hash, want); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put(ctx, "old", portal.Session{Owner: owner, Expires: now.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(ctx, "a", now)
	if err != nil || got.Owner != owner || !got.Expires.Equal(want.Expires) {
		t.Errorf("got %+v, %v", got, err)
	}
	check := func(hash string, at time.Time) {
		t.Helper()
		if got, err := s.Get(ctx, hash, at); !errors.Is(err, portal.ErrNotFound) {
			t.Errorf("%s: got %+v, %v", hash, got, err)
		}
	}
	check("a", now.Add(time.Hour))
	check("A", now)
	check("", now)
	check("' OR 1=1 --", now)
	for range 2 {
		if err := s.Delete(ctx, "a"); err != nil {
			t.Error(err)
		}
	}
	check("a", now)
	if err := s.Expire(ctx, now.Add(2*time.Minute)); err != nil {
		t.Error(err)
	}
	check("old", now.Add(2*time.Minute))
	if _, err := s.Get(ctx, "b", now); err != nil {
		t.Errorf("a session that has not expired: %v", err)
	}
}
