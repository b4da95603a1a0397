package people

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/uuid"
)

// sameJSON compares with encoding/json.
func sameJSON(t *testing.T, p Person) {
	t.Helper()
	want, wantErr := json.Marshal(p)
	got, err := p.appendJSON([]byte("x"))
	if (err == nil) != (wantErr == nil) {
		t.Errorf("%+v: got error %v, encoding/json %v", p, err, wantErr)
	}
	if err == nil && string(got) != "x"+string(want) {
		t.Errorf("got\n%s, encoding/json\n%s", got[1:], want)
	}
}

func TestAppendJSON(t *testing.T) {
	sameJSON(t, Person{})
	sameJSON(t, Person{UUID: uuid.MustParse("5F3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e77"), Survived: true, PassengerClass: -3,
		SiblingsOrSpousesAboard: math.MaxInt32, ParentsOrChildrenAboard: math.MinInt32})
	for _, name := range []string{
		"Miss. Ada Ashdown", "O'Hara", `the "Count"`, `a\b`, "</script>", "A & B", "tab\t", "line\n", "\x00", "\x1f", "\x7f", "~",
		"José", "日本", "😀", "a\u2028b\u2029c", "\ufffd", "\xff", "a\xc3", "\xed\xa0\x80",
	} {
		sameJSON(t, Person{Name: name, Sex: name})
	}
	for c := range 0x100 {
		sameJSON(t, Person{Name: "a" + string(rune(c)) + "b", Sex: string([]byte{byte(c)})})
	}
	for _, n := range []float64{
		0, math.Copysign(0, -1), 7, -7.25, 0.42, 26.5, 1e-6, 9.999999999999999e-7, 1e-7, 1.5e-10, 1e15, 123456789012345.6, 1e20,
		999999999999999900000, 1e21, 1e100, 5e-324, math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1),
	} {
		sameJSON(t, Person{Age: n, Fare: -n})
	}
}

func FuzzAppendJSON(f *testing.F) {
	f.Add([]byte("0123456789abcdef"), true, int32(3), "Miss. Ada Ashdown", "female", 0.42, 7.25)
	f.Add([]byte{}, false, int32(-1), "<\u2028\xff", "\"", 1e-7, 1e21)
	f.Fuzz(func(t *testing.T, id []byte, survived bool, n int32, name, sex string, age, fare float64) {
		p := Person{Survived: survived, PassengerClass: n, Name: name, Sex: sex, Age: age, SiblingsOrSpousesAboard: -n,
			ParentsOrChildrenAboard: n / 2, Fare: fare}
		copy(p.UUID[:], id)
		sameJSON(t, p)
	})
}
