// Package document reads and writes YAML as sigs.k8s.io/yaml does, which Helm, Argo
// CD and kubectl share, in about half of the time.
//
// That library goes from a tree to JSON, from there to a tree again, and then to
// YAML; and back in the same way. For what values and objects are made of, maps by
// text, lists, texts, numbers and booleans, one step leads to the same end. What is
// not plainly such a tree is left to the library, and so is all that is wrong, for
// its errors to be the same too. Tests hold the two against each other.
package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
	plain "sigs.k8s.io/yaml/goyaml.v2"
)

// Marshal returns a tree as YAML, keys in alphabetical order.
func Marshal(tree any) ([]byte, error) {
	if native, ok := native(tree); ok {
		if text, ok := encode(native); ok {
			return text, nil
		}
	}
	return yaml.Marshal(tree)
}

// encoder is a writer of YAML that is used again and again, since each comes with
// buffers of 25 KB, and most of what templates write is short.
type encoder struct {
	*plain.Encoder
	text bytes.Buffer
	used int
}

// mostUses is how often an encoder is used: it forgets nothing of what it has written.
const mostUses = 16

var encoders = sync.Pool{New: func() any {
	e := &encoder{}
	e.Encoder = plain.NewEncoder(&e.text)
	// The first document of a stream begins in another way than the others.
	if err := e.Encode(nil); err != nil {
		panic(fmt.Sprintf("writing null as YAML: %v", err))
	}
	return e
}}

// encode returns a native tree as YAML.
func encode(tree any) (text []byte, ok bool) {
	if text, ok := short(tree); ok {
		return []byte(text + "\n"), true
	}
	if !isBlock(tree) { // It would stand on the line on which a document starts.
		text, err := plain.Marshal(tree)
		return text, err == nil
	}
	e := encoders.Get().(*encoder)
	e.text.Reset()
	if err := e.Encode(tree); err != nil {
		return nil, false
	}
	rest, ok := bytes.CutPrefix(e.text.Bytes(), []byte("---\n"))
	if !ok {
		return nil, false // The document before was one that had to be ended.
	}
	text = bytes.Clone(rest)
	if e.used++; e.used < mostUses {
		encoders.Put(e)
	}
	return text, true
}

// short returns what is written as it stands.
func short(v any) (text string, ok bool) {
	switch v := v.(type) {
	case nil:
		return "null", true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case string:
		return v, isWord(v)
	case map[string]any:
		return "{}", len(v) == 0
	case []any:
		return "[]", len(v) == 0
	}
	return "", false
}

// isWord reports whether a text needs no quotes: it looks like a name or a path, and
// is not a word that means something else.
func isWord(text string) bool {
	if text == "" || len(text) > 60 || slices.Contains(meanings, strings.ToLower(text)) {
		return false
	}
	for i := range len(text) {
		c := text[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' && c != '/') {
			return false
		}
	}
	return true
}

var meanings = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}

// isBlock reports whether a tree is written on lines of its own.
func isBlock(tree any) bool {
	switch tree := tree.(type) {
	case map[string]any:
		return len(tree) > 0
	case []any:
		return len(tree) > 0
	}
	return false
}

// whole is the bound below which a float64 without a fraction is written as an
// integer by JSON, and is exact.
const whole = 1 << 50

// native returns a copy of a tree, in which numbers have the types that YAML's own
// reader gives them; ok is false if the way through JSON may lead elsewhere.
func native(v any) (out any, ok bool) {
	switch v := v.(type) {
	case map[string]any:
		if v == nil {
			return nil, false
		}
		table := make(map[string]any, len(v))
		for key, elem := range v {
			if table[key], ok = native(elem); !ok || !isPlain(key) || len(key) > longestKey || key == "<<" {
				return nil, false
			}
		}
		return table, true
	case []any:
		if v == nil {
			return nil, false
		}
		list := make([]any, len(v))
		for i, elem := range v {
			if list[i], ok = native(elem); !ok {
				return nil, false
			}
		}
		return list, true
	case string:
		return v, isPlain(v)
	case json.Number:
		n, err := strconv.ParseInt(string(v), 10, 64)
		return n, err == nil && n > -whole && n < whole && strconv.FormatInt(n, 10) == string(v)
	case float64:
		n := int64(v)
		return n, float64(n) == v && max(n, -n) < whole
	case nil, bool, int, int64:
		return v, true
	}
	return nil, false
}

// longestKey is well below the length, in bytes, from which on YAML writes and reads
// a key in another way.
const longestKey = 100

// isPlain reports whether a text has no characters but those that JSON and YAML
// write alike.
func isPlain(text string) bool {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\t' {
			continue
		}
		return c >= utf8.RuneSelf && arePlain(text[i:])
	}
	return true
}

func arePlain(text string) bool {
	for _, c := range text {
		switch {
		case c == utf8.RuneError, c == '\u2028', c == '\u2029', c == '\uFEFF', c >= '\uFFF0' && c <= '\uFFFF':
			return false
		case c < ' ' && c != '\n' && c != '\t', c >= 0x7f && c < 0xA0:
			return false
		}
	}
	return true
}

// Numbers says what a number becomes.
type Numbers int

const (
	// AsWritten keeps a number as [json.Number], beyond what a float64 holds.
	AsWritten Numbers = iota
	// Floats makes each a float64, as Helm's values have it.
	Floats
)

// Unmarshal reads a document that is a map, or empty. If strict, a key that is there
// twice is an error.
func Unmarshal(text []byte, numbers Numbers, strict bool) (map[string]any, error) {
	read, again := plain.Unmarshal, yaml.Unmarshal
	if strict {
		read, again = plain.UnmarshalStrict, yaml.UnmarshalStrict
	}
	var document any
	if err := read(text, &document); err == nil {
		if document == nil {
			return nil, nil
		}
		if tree, ok := decoded(document, numbers); ok {
			if table, ok := tree.(map[string]any); ok {
				return table, nil
			}
		}
	}
	var table map[string]any
	var options []yaml.JSONOpt
	if numbers == AsWritten {
		options = append(options, func(d *json.Decoder) *json.Decoder { d.UseNumber(); return d })
	}
	err := again(text, &table, options...)
	return table, err
}

// decoded returns what JSON makes of what YAML's own reader found.
func decoded(v any, numbers Numbers) (out any, ok bool) {
	switch v := v.(type) {
	case map[any]any:
		table := make(map[string]any, len(v))
		for key, elem := range v {
			name, isText := key.(string)
			if !isText || !utf8.ValidString(name) {
				return nil, false
			}
			if table[name], ok = decoded(elem, numbers); !ok {
				return nil, false
			}
		}
		return table, true
	case []any:
		list := make([]any, len(v))
		for i, elem := range v {
			if list[i], ok = decoded(elem, numbers); !ok {
				return nil, false
			}
		}
		return list, true
	case string:
		return v, utf8.ValidString(v)
	case nil, bool:
		return v, true
	}
	return number(v, numbers)
}

// With returns a copy of a tree of values with its numbers as wanted; ok is false if
// it holds anything that YAML does not.
func With(numbers Numbers, tree map[string]any) (out map[string]any, ok bool) {
	copied, ok := with(numbers, tree)
	if !ok {
		return nil, false
	}
	return copied.(map[string]any), true
}

func with(numbers Numbers, v any) (out any, ok bool) {
	switch v := v.(type) {
	case map[string]any:
		if v == nil {
			return nil, false
		}
		table := make(map[string]any, len(v))
		for key, elem := range v {
			if table[key], ok = with(numbers, elem); !ok || !isPlain(key) || key == "<<" {
				return nil, false
			}
		}
		return table, true
	case []any:
		if v == nil {
			return nil, false
		}
		list := make([]any, len(v))
		for i, elem := range v {
			if list[i], ok = with(numbers, elem); !ok {
				return nil, false
			}
		}
		return list, true
	case string:
		return v, isPlain(v)
	case nil, bool:
		return v, true
	case float64:
		if v == 0 && math.Signbit(v) {
			return nil, false // Written, it is 0.
		}
	}
	return number(v, numbers)
}

func number(v any, numbers Numbers) (out any, ok bool) {
	switch n := v.(type) {
	case int:
		if numbers == Floats {
			return float64(n), true
		}
		return json.Number(strconv.Itoa(n)), true
	case int64:
		if numbers == Floats {
			return float64(n), true
		}
		return json.Number(strconv.FormatInt(n, 10)), true
	case float64:
		if math.IsNaN(n) || math.IsInf(n, 0) {
			return nil, false
		}
		if numbers == Floats {
			return n, true
		}
		text, err := json.Marshal(n)
		return json.Number(text), err == nil
	}
	return nil, false
}
