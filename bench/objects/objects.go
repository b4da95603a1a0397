// Package objects compares Kubernetes objects that two programs print as YAML.
//
// It reads YAML with the reader of Kubernetes itself and not with gen's, so that
// a mistake of gen's reader can't hide in both sides of a comparison. Two objects
// are equal if they are the same JSON: order of keys, order of documents, style
// and comments mean nothing, 1 and 1.0 are the same number, and no digit of a
// number is lost.
package objects

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"

	k8syaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Object is one object, as encoding/json decodes it with numbers left as text.
type Object map[string]any

// Key returns apiVersion/kind/namespace/name, which tells objects apart.
func (o Object) Key() string {
	metadata, _ := o["metadata"].(map[string]any)
	return fmt.Sprintf("%v/%v/%v/%v", o["apiVersion"], o["kind"], orNone(metadata["namespace"]), orNone(metadata["name"]))
}

func orNone(value any) any {
	if value == nil {
		return "-"
	}
	return value
}

// Parse returns the objects in a stream of YAML documents, those in Lists
// included. Documents that hold only comments are left out.
func Parse(stream []byte) ([]Object, error) {
	var parsed []Object
	reader := k8syaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(stream)))
	for n := 1; ; n++ {
		doc, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return parsed, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		text, err := yaml.YAMLToJSON(doc)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		object, err := FromJSON(text)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		parsed = append(parsed, object.items()...)
	}
}

// items returns the object, or those that it holds if it is a List: kubectl and
// Argo CD take a List for its items. There are none in null.
func (o Object) items() []Object {
	if o == nil {
		return nil
	}
	elems, ok := o["items"].([]any)
	if !ok || o["kind"] != "List" {
		return []Object{o}
	}
	var all []Object
	for _, elem := range elems {
		if item, ok := elem.(map[string]any); ok {
			all = append(all, Object(item).items()...)
		}
	}
	return all
}

// FromJSON returns the object in a JSON text, or nil for null.
func FromJSON(text []byte) (Object, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var object Object
	if err := decoder.Decode(&object); err != nil {
		return nil, err
	}
	return object, nil
}

// Differences says how two sets of objects differ, a line each, ordered by
// object; none if they are equal. Two objects with the same key in one set differ
// from anything, as the key should tell them apart.
func Differences(got, want []Object) []string {
	var lines []string
	gotByKey, repeated := index(got)
	lines = append(lines, repeated...)
	wantByKey, repeated := index(want)
	lines = append(lines, repeated...)
	keys := slices.Collect(maps.Keys(gotByKey))
	for key := range wantByKey {
		if gotByKey[key] == nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		switch {
		case gotByKey[key] == nil:
			lines = append(lines, key+": missing")
		case wantByKey[key] == nil:
			lines = append(lines, key+": not expected")
		default:
			for _, d := range differ("", map[string]any(gotByKey[key]), map[string]any(wantByKey[key])) {
				lines = append(lines, key+": "+d)
			}
		}
	}
	return lines
}

func index(set []Object) (byKey map[string]Object, repeated []string) {
	byKey = map[string]Object{}
	for _, o := range set {
		if byKey[o.Key()] != nil {
			repeated = append(repeated, o.Key()+": there twice")
		}
		byKey[o.Key()] = o
	}
	return byKey, repeated
}

// differ returns the differences below a path.
func differ(path string, got, want any) []string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return []string{mismatch(path, got, want)}
		}
		var lines []string
		keys := slices.Collect(maps.Keys(w))
		for key := range g {
			if _, ok := w[key]; !ok {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		for _, key := range keys {
			gv, inGot := g[key]
			wv, inWant := w[key]
			below := strings.TrimPrefix(path+"."+key, ".")
			switch {
			case !inGot:
				lines = append(lines, below+" is missing, want "+show(wv))
			case !inWant:
				lines = append(lines, below+" is "+show(gv)+", want none")
			default:
				lines = append(lines, differ(below, gv, wv)...)
			}
		}
		return lines
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return []string{mismatch(path, got, want)}
		}
		var lines []string
		for i := range w {
			lines = append(lines, differ(fmt.Sprintf("%s[%d]", path, i), g[i], w[i])...)
		}
		return lines
	case json.Number:
		if g, ok := got.(json.Number); ok && sameNumber(g, w) {
			return nil
		}
		return []string{mismatch(path, got, want)}
	default:
		if _, isMap := got.(map[string]any); isMap {
			return []string{mismatch(path, got, want)}
		}
		if _, isList := got.([]any); isList || got != want {
			return []string{mismatch(path, got, want)}
		}
		return nil
	}
}

// sameNumber compares numbers by value and exactly; float64 would take
// 9007199254740993 for its neighbour.
func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	x, okX := new(big.Rat).SetString(a.String())
	y, okY := new(big.Rat).SetString(b.String())
	return okX && okY && x.Cmp(y) == 0
}

func mismatch(path string, got, want any) string {
	return fmt.Sprintf("%s is %s, want %s", path, show(got), show(want))
}

// show writes a value on one line, shortened if need be.
func show(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	const most = 120
	if runes := []rune(string(text)); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return string(text)
}
