package document

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// texts are those that YAML and JSON have their own ideas about.
var texts = []string{
	"", " ", "a", "yes", "NO", "true", "null", "~", "1", "1e3", "0x10", "0o7", "-0", ".5", "1_000", "2024-01-02", "12:30:45", "<<", "=",
	"- a", "a: b", "#c", "a #c", "&a", "*a", "!t", "%x", "@x", "`x", "'q'", `"q"`, `\`, "\t", "\n", "a\nb", "a\nb\n", "a\n\n", "\na", " a\n b",
	"a\tb", "a\rb", "\x00", "\x1b[0m", "\x7f", "\u0085", "\u00a0", "\u2028", "\u2029", "\ufeff", "\ufffd", "\uffff", "ü", "日本", "🚢", "<a&b>",
	"\xff", strings.Repeat("long ", 60), strings.Repeat("x", 300), "a\n" + strings.Repeat("long ", 60), "{}", "[]", "---", "...", "? a", "a\n---\nb",
	"y", "N", "Yes", "On", "oFF", "True", "FALSE", "Null", "NaN", "inf", "Inf", "e1", "a.b/c-d_e", "a-", "a/", "A9", "t", "f", "x:y", "a b",
}

var scalars = []any{
	nil, true, false, 0, 1, -1, int64(7), int64(math.MaxInt64), int64(math.MinInt64), 1 << 53, 1.0, math.Copysign(0, -1), 0.5, 1e6, 1e20, 1e21, 1e-7, 0.1, 1 << 60, math.MaxFloat64,
	0.05, 0.001, 0.00099, -0.25, 99999.5, -99999.875, 100000.5, 1234567.5, 1.0 / 3, 2.0 / 3 * 1e4,
	json.Number("1"), json.Number("1.50"), json.Number("-0"), json.Number("1e3"), json.Number("007"), json.Number("12345678901234567890"), json.Number("9007199254740993"),
}

// random makes trees of what is above.
func random(r *rand.Rand, depth int) any {
	switch n := r.IntN(6); {
	case n < 2 && depth > 0:
		table := map[string]any{}
		for range r.IntN(4) {
			key := texts[r.IntN(len(texts))]
			switch r.IntN(4) {
			case 0:
				key = randomText(r)
			case 1, 2:
				key = fmt.Sprintf("key%d", r.IntN(9))
			}
			table[key] = random(r, depth-1)
		}
		return table
	case n < 3 && depth > 0:
		list := []any{}
		for range r.IntN(3) {
			list = append(list, random(r, depth-1))
		}
		return list
	case n < 4:
		return texts[r.IntN(len(texts))]
	case n < 5:
		return randomText(r)
	}
	return scalars[r.IntN(len(scalars))]
}

// randomText is made of the characters that decide on quotes and line breaks.
func randomText(r *rand.Rand) string {
	const marks = "aaabc  :#-\n'\",[]{}&*!|>%@`?.1059_=~eTyN+/"
	text := make([]byte, r.IntN(1+r.IntN(160)))
	for i := range text {
		text[i] = marks[r.IntN(len(marks))]
	}
	return string(text)
}

func trees() []any {
	all := append([]any{[]any(nil), map[string]any(nil), map[string]any{"a": []any(nil)}, math.Inf(1), struct{ A int }{1}, []string{"a"}, map[string]any{"a": []string(nil), "b": 1}}, scalars...)
	for _, text := range texts {
		all = append(all, text, map[string]any{"k": text, text: 1}, []any{text}, map[string]any{"a": map[string]any{"b": []string{text, "x"}, "c": []string{}}, "d": []any{[]string{text}}})
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		all = append(all, random(r, 3))
	}
	return all
}

func TestMarshal(t *testing.T) {
	for _, tree := range trees() {
		want, wantErr := yaml.Marshal(tree)
		got, err := Marshal(tree)
		if string(got) != string(want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%#v\nis written as\n%s%v\nand by sigs.k8s.io/yaml as\n%s%v", tree, got, err, want, wantErr)
		}
	}
}

// documents are what a writer never writes.
var documents = []string{
	"", "# nothing\n", "~", "a", "[a]", "1", "a: 1\na: 2\n", "a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\n", "1: a\n", "true: a\n", "1.5: a\n", "~: a\n", "{a: 1}: b\n",
	"a: .inf\n", "a: .nan\n", "a: 0x1F\nb: 0b11\nc: 0o17\nd: 017\ne: 1_000\nf: +1\ng: 1.\nh: 1e3\ni: -.5\nj: 190:20:30\n", "a: 12345678901234567890\n", "a: 123456789012345678901\n",
	"a: 2024-01-02\nb: 2024-01-02T03:04:05Z\nc: !!timestamp 2024-01-02\n", "a: !!binary aGVsbG8=\nb: !!binary /w==\n", "a: !!str 1\nb: !!int \"3\"\nc: !!float 1\nd: !own x\n",
	"a: yes\nb: off\nc: y\nd: Null\n", "a: |\n  x\n   y\nb: >-\n  x\n  y\n", "a: 'it''s'\nb: \"\\u00e9\\x41\"\n", "\ta: b\n", "a: b: c\n", "a: [1, {b: 2}, ]\n",
	"a: b\n---\nc: d\n", "a: \"\xff\"\n", "? a\n: b\n", "a:\n- b\n-\n", "%YAML 1.1\n---\na: b\n", "a: *missing\n", "a: 1e400\n", "a: -0\nb: -0.0\n", "a: 9007199254740993\nb: 0.1\n",
}

func TestUnmarshal(t *testing.T) {
	all := documents
	for _, tree := range trees() {
		if text, err := yaml.Marshal(map[string]any{"tree": tree}); err == nil {
			all = append(all, string(text))
		}
	}
	for _, text := range all {
		compareReading(t, text)
	}
}

// TestUnmarshalMutated reads what is nearly YAML.
func TestUnmarshalMutated(t *testing.T) {
	const marks = "a0 \n\n:-#'\"|>[]{},&*!?~.\t"
	r := rand.New(rand.NewPCG(3, 4))
	rounds := 20000
	if testing.Short() {
		rounds = 2000
	}
	for i := range rounds {
		text := []byte(written[i%len(written)])
		for range 1 + r.IntN(4) {
			at := r.IntN(len(text))
			switch r.IntN(3) {
			case 0:
				text[at] = marks[r.IntN(len(marks))]
			case 1:
				text = slices.Insert(text, at, marks[r.IntN(len(marks))])
			case 2:
				to := min(at+1+r.IntN(6), len(text)-1)
				text = slices.Delete(text, min(at, to), to)
			}
		}
		compareReading(t, string(text))
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, text := range append(documents, written...) {
		f.Add(text)
	}
	f.Fuzz(compareReading)
}

// written are documents as templates write them.
var written = []string{
	`apiVersion: v1
kind: Service
metadata:
  name: service # the name
  labels:
    app.kubernetes.io/name: "service"
    app.kubernetes.io/version: '1.0'
spec:
  ports:
    - name: http
      port: 80
      targetPort: http
    -   name: metrics
        port: 9090
  selector: {app: service, "tier": web}
  clusterIPs: ["10.0.0.1", 10.0.0.2, none]
  secrets: {"key":"url","name":'web', "n":1,"list":["a","b"], "in":{"x":"y"} }
`,
	`data:
  a: |
    first
      second

    third
  b: |-
    #!/bin/sh
    exec x
  c: |+
    x

  d: a text that goes on
    over two lines
  e: "a \"quoted\" text\n"
  f: 'it''s'
list:
- - a
  - b
- c:
    d: e
-
  f: {}
- []
empty:
nothing: ~
number: -17
truth: true
`,
	`# a comment
  x: y

  # another
  z:
  - 1
  - yes
`,
}

func compareReading(t *testing.T, text string) {
	for _, strict := range []bool{false, true} {
		for _, numbers := range []Numbers{AsWritten, Floats} {
			read := yaml.Unmarshal
			if strict {
				read = yaml.UnmarshalStrict
			}
			var options []yaml.JSONOpt
			if numbers == AsWritten {
				options = append(options, func(d *json.Decoder) *json.Decoder { d.UseNumber(); return d })
			}
			var want map[string]any
			wantErr := read([]byte(text), &want, options...)
			got, err := Unmarshal([]byte(text), numbers, strict)
			if !reflect.DeepEqual(got, want) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%q (strict %t)\nis read as\n%#v, %v\nand by sigs.k8s.io/yaml as\n%#v, %v", text, strict, got, err, want, wantErr)
			}
		}
	}
}

// TestWith holds the copy against writing a tree and reading it again.
func TestWith(t *testing.T) {
	compared := 0
	for _, tree := range trees() {
		table := map[string]any{"tree": tree}
		for _, numbers := range []Numbers{AsWritten, Floats} {
			got, ok := With(numbers, table)
			if !ok {
				continue
			}
			text, err := yaml.Marshal(table)
			if err != nil {
				t.Fatal(err)
			}
			want, err := Unmarshal(text, numbers, false)
			if err != nil {
				t.Fatal(err)
			}
			compared++
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%#v becomes\n%#v\nand by way of YAML\n%#v", table, got, want)
			}
		}
	}
	if compared < 1000 {
		t.Errorf("only %d trees could be copied", compared)
	}
}

// BenchmarkDocument reads and writes a Service, here and by the library.
func BenchmarkDocument(b *testing.B) {
	text := []byte(written[0])
	tree, err := Unmarshal(text, AsWritten, true)
	if err != nil {
		b.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"read":          func() error { _, err := Unmarshal(text, AsWritten, true); return err },
		"library read":  func() error { var table map[string]any; return yaml.UnmarshalStrict(text, &table) },
		"write":         func() error { _, err := Marshal(tree); return err },
		"library write": func() error { _, err := yaml.Marshal(tree); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
