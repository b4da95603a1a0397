// Package document reads and writes YAML as sigs.k8s.io/yaml does, which Helm, Argo
// CD and kubectl share, in a tenth of the time.
//
// That library goes from a tree to JSON, from there to a tree again, and then to
// YAML, by a tokenizer and an emitter for all that YAML can be; and back in the same
// way. Values and objects are maps by text, lists, texts, numbers and booleans, and
// charts write them as plain blocks: for those, one step leads to the same end. What
// is not plainly such a tree or such a block is left to the library, and so is all that
// is wrong, for its errors to be the same too. Tests hold the two against each other.
package document

import (
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
	plain "sigs.k8s.io/yaml/goyaml.v2"
)

// Marshal returns a tree as YAML, keys in alphabetical order.
func Marshal(tree any) ([]byte, error) {
	if text, ok := write(tree); ok {
		return text, nil
	}
	return yaml.Marshal(tree)
}

// whole is the bound below which a float64 without a fraction is written as an
// integer by JSON, and is exact.
const whole = 1 << 50

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
	if table, ok := read(text, numbers); ok {
		return table, nil
	}
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
