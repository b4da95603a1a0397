package people

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"unicode/utf8"
)

// An object is taken apart as encoding/json does it, and all else is refused.
func FuzzObject(f *testing.F) {
	for _, body := range []string{
		"", " ", "{}", " {\n} ", "[]", "null", `"{"`, "{", `{"a"}`, `{"a":1,}`, "{}x", "{}{}", `{"a":1}`, `{ "a" : 1 , "b" : "x" }`,
		`{"a":{"b":[1,{"c":"}"}],"d":"]"},"e":[[],{}]}`, `{"a":"\"","b\\":"\\","\u0061":"\ud800"}`, `{"":null,"":true}`, "{\"\xff\":1}",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want map[string]json.RawMessage
		valid := json.Unmarshal(body, &want) == nil && want != nil && utf8.Valid(body)
		got, err := decodeObject(body)
		if valid != (err == nil) {
			t.Fatalf("%q: %v", body, err)
		}
		if valid && !maps.EqualFunc(got.values, want, slices.Equal) {
			t.Errorf("%q: got %s, encoding/json %s", body, got.values, want)
		}
	})
}
