package people_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"gitlab.com/towpath/towpath/service/database"
	"gitlab.com/towpath/towpath/service/database/databasetest"
	"gitlab.com/towpath/towpath/service/people"
)

const heading = "Survived,Pclass,Name,Sex,Age,Siblings/Spouses Aboard,Parents/Children Aboard,Fare\n"

func everyone(t testing.TB, store people.Store) []people.Entry {
	t.Helper()
	entries, err := store.Page(t.Context(), people.Filter{}, 0, 1_000_000, nil)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func importText(t testing.TB, store people.Store, text string) (people.Imported, error) {
	t.Helper()
	return people.Import(t.Context(), store, strings.NewReader(text), func(int) {})
}

func TestImport(t *testing.T) {
	sample, err := os.ReadFile("testdata/sample.csv")
	if err != nil {
		t.Fatal(err)
	}
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		store := people.NewStore(db)
		done, err := importText(t, store, string(sample))
		if err != nil || done != (people.Imported{Rows: 6, Added: 6}) {
			t.Fatalf("got %+v, %v", done, err)
		}
		all := everyone(t, store)
		quill := all[3].Person
		quill.UUID = [16]byte{}
		if want := (people.Person{PassengerClass: 3, Name: `Mr. Desmond "Des" Quill`, Sex: "male", Age: 33, Fare: 7}); quill != want {
			t.Errorf("got %+v", quill)
		}
		if all[2].Age != .42 || !all[0].Survived || all[4].Name != "Mrs. Edith Rowntree, née Voß" || all[5].Sex != "other" {
			t.Errorf("got %+v", all)
		}
		// Line ends, spelling of numbers and a byte order mark do not make other people of them.
		for _, again := range []string{
			string(sample), strings.ReplaceAll(string(sample), "\n", "\r\n"), "\ufeff" + string(sample),
			strings.TrimSuffix(string(sample), "\n"), strings.Replace(string(sample), ",86.5", ",86.50", 1),
		} {
			if done, err := importText(t, store, again); err != nil || done != (people.Imported{Rows: 6}) {
				t.Errorf("again: %+v, %v", done, err)
			}
		}
		// Twins whom the file cannot tell apart are two people, however often they come.
		twins := heading + strings.Repeat("1,3,Master. Twin,male,4,1,1,9\n", 2)
		for _, want := range []people.Imported{{Rows: 2, Added: 2}, {Rows: 2}} {
			if done, err := importText(t, store, twins); err != nil || done != want {
				t.Errorf("twins: %+v, %v", done, err)
			}
		}
		// A longer file adds what is new in it, wherever it stands.
		if done, err := importText(t, store, heading+"0,1,New,male,1,1,1,1\n"+strings.TrimPrefix(twins, heading)); err != nil || done.Added != 1 {
			t.Errorf("longer: %+v, %v", done, err)
		}
		if got := everyone(t, store); len(got) != 9 {
			t.Errorf("%d in the register", len(got))
		}
	})
}

func TestImportReports(t *testing.T) {
	store := people.NewStore(databasetest.SQLite(t))
	for rows, want := range map[int][]int{0: {0}, 1: {1}, 10_000: {10_000}, 20_001: {10_000, 20_000, 20_001}} {
		var b strings.Builder
		b.WriteString(heading)
		for i := range rows {
			fmt.Fprintf(&b, "0,3,%d,male,1,0,0,1\n", i)
		}
		var got []int
		done, err := people.Import(t.Context(), store, strings.NewReader(b.String()), func(n int) { got = append(got, n) })
		if err != nil || done.Rows != rows || !slices.Equal(got, want) {
			t.Errorf("%d rows: %+v, %v, reported %v", rows, done, err, got)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	const good = "0,3,Good,male,1,0,0,1\n"
	tests := []struct{ name, text, want string }{
		{"empty", "", "1:1: the heading is missing"},
		{"no heading", good, `1:1: the heading is "0" here, not "Survived"`},
		{"heading in lower case", strings.ToLower(heading), `1:1: the heading is "survived" here`},
		{"short heading", "Survived,Pclass\n", `1:10: the heading lacks "Name"`},
		{"long heading", strings.TrimSuffix(heading, "\n") + ",Deck\n", `1:83: the heading has one more, "Deck"`},
		{"survived", heading + good + "2,3,X,male,1,0,0,1\n", `3:1: Survived must be 0 or 1 (found "2")`},
		{"class", heading + "0,x,X,male,1,0,0,1\n", `2:3: Pclass must be an integer (found "x")`},
		{"class in quotes", heading + `0,"1,5",X,male,1,0,0,1` + "\n", `2:3: Pclass must be an integer (found "1,5")`},
		{"half a class", heading + "0,1.5,X,male,1,0,0,1\n", `2:3: Pclass must be an integer (found "1.5")`},
		{"long name", heading + "0,1," + strings.Repeat("é", 101) + ",male,1,0,0,1\n", "2:5: Name must be at most 100 characters long, not 101"},
		{"binary name", heading + "0,1,a\x00b,male,1,0,0,1\n", "2:5: Name must not contain"},
		{"latin 1", heading + "0,1,Ren\xe9,male,1,0,0,1\n", "2:5: Name must be UTF-8"},
		{"sex", heading + "0,1,X,m,1,0,0,1\n", `2:7: Sex must be one of male, female, other (found "m")`},
		{"age", heading + "0,1,X,male,,0,0,1\n", `2:12: Age must be a number (found "")`},
		{"age in hexadecimal", heading + "0,1,X,male,0x10,0,0,1\n", "2:12: Age must be a number"},
		{"infinite fare", heading + "0,1,X,male,1,0,0,Inf\n", "2:18: Fare must be a number"},
		{"large fare", heading + "0,1,X,male,1,0,0,1e300\n", "2:18: Fare must be from"},
		{"missing column", heading + "0,1,X,male,1,0,0\n", "2:16: the row ends after 7 of 8 columns; Fare is missing"},
		{"extra column", heading + "0,1,X,male,1,0,0,1,2\n", "2:20: the row has more than 8 columns"},
		{"open quote", heading + "0,1,\"X,male,1,0,0,1\n", "a quote stands where none may be, or is not closed"},
		{"quote inside", heading + "0,1,X\"Y,male,1,0,0,1\n", "2:6: a quote"},
		{"after a name of two lines", heading + "0,1,\"X\nY\",male,1,0,0,1\n0,1,Z,male,old,0,0,1\n", `4:12: Age must be a number (found "old")`},
	}
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		store := people.NewStore(db)
		for _, tt := range tests {
			_, err := importText(t, store, tt.text)
			var row *people.RowError
			if !errors.As(err, &row) || !strings.HasPrefix(err.Error(), tt.want) && !strings.HasSuffix(err.Error(), tt.want) {
				t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
			}
		}
		// Late mistakes undo what came before them.
		if _, err := importText(t, store, heading+strings.Repeat(good, 12_345)+"0,3,Bad,male,1,0,0,\n"); err == nil || !strings.HasPrefix(err.Error(), "12347:20: Fare") {
			t.Errorf("got %v", err)
		}
		broken := io.MultiReader(strings.NewReader(heading+good), failing{})
		if _, err := people.Import(t.Context(), store, broken, func(int) {}); !errors.Is(err, errBroken) {
			t.Errorf("got %v", err)
		}
		if got := everyone(t, store); len(got) != 0 {
			t.Errorf("%d were imported", len(got))
		}
	})
}

var errBroken = errors.New("the cable is out")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

// The register's namesake, read where it lies; it is not ours to hand on.
func TestImportTitanic(t *testing.T) {
	path := os.Getenv("TOWPATH_TITANIC_CSV")
	if path == "" {
		path = "../../../shared/data/titanic.csv" // beside the checkout
	}
	file, err := os.Open(path)
	if err != nil {
		t.Skipf("%v; TOWPATH_TITANIC_CSV says where the file is", err)
	}
	file.Close()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		store := people.NewStore(db)
		for _, added := range []int{887, 0} {
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			done, err := people.Import(t.Context(), store, file, func(int) {})
			if err != nil || done != (people.Imported{Rows: 887, Added: added}) {
				t.Fatalf("got %+v, %v", done, err)
			}
		}
		count := map[string]int{}
		for _, e := range everyone(t, store) {
			count[e.Sex]++
			count[fmt.Sprint(e.PassengerClass)]++
			if e.Survived {
				count["survived"]++
			}
			if e.Age != float64(int(e.Age)) {
				count["fractional"]++
			}
			if e.Age < 1 {
				count["infants"]++
			}
		}
		for what, want := range map[string]int{"survived": 342, "male": 573, "female": 314, "1": 216, "2": 184, "3": 487, "fractional": 25, "infants": 7} {
			if count[what] != want {
				t.Errorf("%d %s, want %d", count[what], what, want)
			}
		}
	})
}

// collector is a store that keeps what is imported in memory.
type collector struct {
	people.Store
	got []people.Person
}

func (c *collector) Import(_ context.Context, f func(func([]people.Person) (int, error)) error) error {
	return f(func(batch []people.Person) (int, error) {
		c.got = append(c.got, batch...)
		return len(batch), nil
	})
}

// Whatever the file, it is either refused with a place in it, or all that comes out of it is fit
// for the store, and each person has a uuid of their own.
func FuzzImport(f *testing.F) {
	sample, err := os.ReadFile("testdata/sample.csv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(sample))
	for _, s := range []string{"", heading, heading + "0,3,\"a\r\nb\",male,1e0,0,0,1\r\n", heading + "\n\n0,1,X,male,-0,0.0,1e1,1\n", "\ufeff" + heading, "\"" + heading, heading + ",,,,,,,\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var store collector
		done, err := people.Import(t.Context(), &store, strings.NewReader(text), func(int) {})
		if err != nil {
			var row *people.RowError
			if !errors.As(err, &row) || row.Line < 1 || row.Column < 1 || row.Detail == "" {
				t.Errorf("got %v", err)
			}
			return
		}
		seen := map[[16]byte]bool{}
		for _, p := range store.got {
			if seen[p.UUID] || strings.ContainsRune(p.Name, 0) || len([]rune(p.Name)) > 100 || p.Age != p.Age || p.Sex == "" {
				t.Errorf("got %+v", p)
			}
			seen[p.UUID] = true
		}
		if done.Rows != len(store.got) {
			t.Errorf("%d rows, %d persons", done.Rows, len(store.got))
		}
	})
}
