package people

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/database/databasetest"
)

// conformance is what every Store must do. It knows nothing of databases.
var conformance = []struct {
	name string
	run  func(t *testing.T, s Store)
}{
	{"add and get", testAddAndGet},
	{"add a taken uuid", testAddTaken},
	{"unknown", testUnknown},
	{"update", testUpdate},
	{"delete", testDelete},
	{"page", testPage},
	{"filter", testFilter},
	{"import", testImport},
	{"import nothing after an error", testImportFails},
	{"updates at once", testConcurrentUpdates},
	{"adding one uuid at once", testConcurrentAdds},
}

func TestStore(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		for _, test := range conformance {
			t.Run(test.name, func(t *testing.T) {
				if _, err := db.Writer().Exec("DELETE FROM people"); err != nil {
					t.Fatal(err)
				}
				test.run(t, NewStore(db))
			})
		}
	})
}

// someone is a person with a value in every field, different for each n.
func someone(n int) Person {
	return Person{
		UUID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, n)), Survived: n%2 == 0, PassengerClass: int32(n%3 + 1),
		Name: fmt.Sprintf("Mr. Number %d", n), Sex: []string{"male", "female", "other"}[n%3], Age: float64(n) + .42,
		SiblingsOrSpousesAboard: int32(n % 4), ParentsOrChildrenAboard: int32(n % 5), Fare: float64(n) * 7.2583,
	}
}

// extreme persons hold what a store might bend.
func extreme() []Person {
	base := someone(0)
	variants := []func(*Person){
		func(p *Person) { p.Name = strings.Repeat("é", nameLength) },
		func(p *Person) { p.Name = strings.Repeat("𝒜", nameLength) },
		func(p *Person) { p.Name = "" },
		func(p *Person) { p.Name = `Robert'); DROP TABLE people; -- "\` + "\r\n\t\u0001\uffff\u2028" },
		func(p *Person) { p.PassengerClass, p.SiblingsOrSpousesAboard = wholeBound, -wholeBound },
		func(p *Person) { p.Age, p.Fare = numberBound, -numberBound },
		func(p *Person) { p.Age, p.Fare = 0.1+0.2, 5e-324 },
		func(p *Person) { p.Age, p.Fare = 512.3292, 999999999999999.9 },
		func(p *Person) { p.UUID = uuid.Nil },
		func(p *Person) { p.UUID = uuid.Max },
	}
	var all []Person
	for i, v := range variants {
		p := base
		p.UUID = someone(1000 + i).UUID
		v(&p)
		all = append(all, p)
	}
	return all
}

func add(t *testing.T, s Store, people ...Person) {
	t.Helper()
	for _, p := range people {
		if err := s.Add(t.Context(), p); err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
	}
}

func all(t *testing.T, s Store, filter Filter) []Person {
	t.Helper()
	entries, err := s.Page(t.Context(), filter, 0, 1_000_000, nil)
	if err != nil {
		t.Fatal(err)
	}
	people := []Person{}
	for _, e := range entries {
		people = append(people, e.Person)
	}
	return people
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func testAddAndGet(t *testing.T, s Store) {
	people := append(extreme(), someone(1), someone(2))
	add(t, s, people...)
	for _, want := range people {
		got, err := s.Get(t.Context(), want.UUID)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, got, want)
	}
	equal(t, all(t, s, Filter{}), people)
}

func testAddTaken(t *testing.T, s Store) {
	add(t, s, someone(1))
	other := someone(2)
	other.UUID = someone(1).UUID
	if err := s.Add(t.Context(), other); !errors.Is(err, ErrTaken) {
		t.Errorf("got %v", err)
	}
	equal(t, all(t, s, Filter{}), []Person{someone(1)})
}

func testUnknown(t *testing.T, s Store) {
	add(t, s, someone(1))
	nobody := someone(2).UUID
	if _, err := s.Get(t.Context(), nobody); !errors.Is(err, ErrUnknown) {
		t.Errorf("get: %v", err)
	}
	for _, c := range []Changes{{}, {fields: []field{fieldNamed("age")}}} {
		if _, err := s.Update(t.Context(), nobody, c); !errors.Is(err, ErrUnknown) {
			t.Errorf("update: %v", err)
		}
	}
	if err := s.Delete(t.Context(), nobody); !errors.Is(err, ErrUnknown) {
		t.Errorf("delete: %v", err)
	}
}

func testUpdate(t *testing.T, s Store) {
	add(t, s, someone(1), someone(2))
	id := someone(1).UUID
	want := someone(1)
	to := someone(8)
	for _, f := range fields {
		if f.fixed {
			continue
		}
		got, err := s.Update(t.Context(), id, Changes{fields: []field{f}, to: to})
		if err != nil {
			t.Fatal(err)
		}
		switch at := f.at(&want).(type) {
		case *bool:
			*at = *f.at(&to).(*bool)
		case *int32:
			*at = *f.at(&to).(*int32)
		case *float64:
			*at = *f.at(&to).(*float64)
		case *string:
			*at = *f.at(&to).(*string)
		}
		equal(t, got, want)
	}
	to.UUID = id
	equal(t, want, to)
	same, err := s.Update(t.Context(), id, Changes{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, same, want)
	equal(t, all(t, s, Filter{}), []Person{want, someone(2)})
}

func testDelete(t *testing.T, s Store) {
	add(t, s, someone(1), someone(2), someone(3))
	if err := s.Delete(t.Context(), someone(3).UUID); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), someone(3).UUID); !errors.Is(err, ErrUnknown) {
		t.Errorf("the second time: %v", err)
	}
	equal(t, all(t, s, Filter{}), []Person{someone(1), someone(2)})

	// A place in the list is never given out again, or whoever is paging would miss its new holder.
	before, err := s.Page(t.Context(), Filter{}, 0, 10, nil)
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, someone(4))
	after, err := s.Page(t.Context(), Filter{}, 0, 10, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last := before[1].Seq + 1; after[2].Seq <= last {
		t.Errorf("the new one is at %d, where the deleted one was", after[2].Seq)
	}
}

func testPage(t *testing.T, s Store) {
	var want []Person
	for n := range 25 {
		want = append(want, someone(n))
	}
	add(t, s, want...)
	for _, limit := range []int{1, 7, 25, 26} {
		var got []Person
		var last int64
		entries := make([]Entry, 0, limit)
		for {
			var err error
			if entries, err = s.Page(t.Context(), Filter{}, last, limit, entries[:0]); err != nil {
				t.Fatal(err)
			}
			if len(entries) > limit {
				t.Fatalf("%d entries for a limit of %d", len(entries), limit)
			}
			for _, e := range entries {
				if e.Seq <= last {
					t.Fatalf("%d comes after %d", e.Seq, last)
				}
				last = e.Seq
				got = append(got, e.Person)
			}
			if len(entries) < limit {
				break
			}
		}
		equal(t, got, want)
	}
	kept, err := s.Page(t.Context(), Filter{}, 0, 1, []Entry{{Seq: -7}})
	if err != nil || len(kept) != 2 || kept[0].Seq != -7 {
		t.Errorf("it does not append: %v, %v", kept, err)
	}
}

func testFilter(t *testing.T, s Store) {
	var people []Person
	for n := range 30 {
		people = append(people, someone(n))
	}
	add(t, s, people...)
	yes, no, second, ninth := true, false, int32(2), int32(9)
	tests := []struct {
		name    string
		filter  Filter
		matches func(Person) bool
	}{
		{"sex", Filter{Sex: "female"}, func(p Person) bool { return p.Sex == "female" }},
		{"survived", Filter{Survived: &yes}, func(p Person) bool { return p.Survived }},
		{"did not", Filter{Survived: &no}, func(p Person) bool { return !p.Survived }},
		{"class", Filter{PassengerClass: &second}, func(p Person) bool { return p.PassengerClass == 2 }},
		{"all", Filter{"female", &yes, &second}, func(p Person) bool { return p.Sex == "female" && p.Survived && p.PassengerClass == 2 }},
		{"nobody", Filter{PassengerClass: &ninth}, func(Person) bool { return false }},
	}
	for _, tt := range tests {
		want := slices.DeleteFunc(slices.Clone(people), func(p Person) bool { return !tt.matches(p) })
		if got := all(t, s, tt.filter); !slices.Equal(got, want) {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

func testImport(t *testing.T, s Store) {
	var want []Person
	for n := range 3*importRows + 5 {
		want = append(want, someone(n))
	}
	for i, wantAdded := range []int{len(want), 0} {
		err := s.Import(t.Context(), func(add func([]Person) (int, error)) error {
			first, err := add(want[:7])
			if err != nil {
				return err
			}
			rest, err := add(want[7:])
			if first+rest != wantAdded {
				t.Errorf("time %d: added %d and %d", i+1, first, rest)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, all(t, s, Filter{}), want)
	}
	// Who is there already keeps what has been changed since.
	if _, err := s.Update(t.Context(), want[0].UUID, Changes{fields: []field{fieldNamed("name")}, to: Person{Name: "changed"}}); err != nil {
		t.Fatal(err)
	}
	err := s.Import(t.Context(), func(add func([]Person) (int, error)) error {
		// Also the same one twice in one go.
		n, err := add([]Person{want[0], someone(9999), someone(9999)})
		if n != 1 {
			t.Errorf("added %d", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := s.Get(t.Context(), want[0].UUID); err != nil || p.Name != "changed" {
		t.Errorf("got %v, %v", p, err)
	}
}

func testImportFails(t *testing.T, s Store) {
	stop := errors.New("stop")
	err := s.Import(t.Context(), func(add func([]Person) (int, error)) error {
		if n, err := add([]Person{someone(1)}); n != 1 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = s.Import(ctx, func(add func([]Person) (int, error)) error {
		if _, err := add([]Person{someone(1)}); err != nil {
			t.Error(err)
		}
		cancel()
		return nil
	})
	if err == nil {
		t.Error("cancelled and yet committed")
	}
	equal(t, all(t, s, Filter{}), []Person{})
}

// Each of two who change different fields at the same time finds their change kept.
func testConcurrentUpdates(t *testing.T, s Store) {
	add(t, s, someone(1))
	var clients sync.WaitGroup
	for _, f := range []string{"age", "fare"} {
		clients.Go(func() {
			for n := range 20 {
				to := Person{Age: float64(n), Fare: float64(n)}
				if _, err := s.Update(context.Background(), someone(1).UUID, Changes{fields: []field{fieldNamed(f)}, to: to}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	clients.Wait()
	want := someone(1)
	want.Age, want.Fare = 19, 19
	equal(t, all(t, s, Filter{}), []Person{want})
}

func testConcurrentAdds(t *testing.T, s Store) {
	var clients sync.WaitGroup
	results := make(chan error, 8)
	for range cap(results) {
		clients.Go(func() { results <- s.Add(context.Background(), someone(1)) })
	}
	clients.Wait()
	close(results)
	added := 0
	for err := range results {
		if err == nil {
			added++
		} else if !errors.Is(err, ErrTaken) {
			t.Error(err)
		}
	}
	if added != 1 {
		t.Errorf("added %d times", added)
	}
}
