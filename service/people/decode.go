package people

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"gitlab.com/towpath/towpath/service/problem"
)

// object is the body of a request: a JSON object, its values still as they were written.
// encoding/json would fill a struct more easily and less strictly: it takes "AGE" for age and
// null for nothing, and stops at the first value of the wrong type.
type object struct {
	values map[string]json.RawMessage
	twice  map[string]bool // which of two values counts is anyone's guess, so neither does
}

func (o object) has(name string) bool {
	_, ok := o.values[name]
	return ok
}

func decodeObject(body []byte) (object, error) {
	if !utf8.Valid(body) {
		return object{}, problem.New(fiber.StatusBadRequest, "The body is not UTF-8.")
	}
	if !json.Valid(body) {
		return object{}, notJSON(body)
	}
	text := bytes.TrimSpace(body)
	if text[0] != '{' {
		return object{}, problem.New(fiber.StatusBadRequest, "The body must be a JSON object.")
	}
	o := object{values: make(map[string]json.RawMessage, len(fields)), twice: map[string]bool{}}
	for name, value := range members(text) {
		if o.has(name) {
			o.twice[name] = true
		}
		o.values[name] = value
	}
	return o, nil
}

func notJSON(body []byte) error {
	var syntax *json.SyntaxError
	at := int64(len(body))
	if err := json.Unmarshal(body, new(any)); errors.As(err, &syntax) {
		at = syntax.Offset
	}
	return problem.New(fiber.StatusBadRequest, fmt.Sprintf("The body is not valid JSON, at byte %d.", at))
}

// members are the names and values of an object, which must be valid JSON. [json.Decoder] finds
// them too, but has an error made and thrown away at the end of each value.
func members(text []byte) iter.Seq2[string, json.RawMessage] {
	const space = " \t\r\n"
	return func(yield func(string, json.RawMessage) bool) {
		rest := bytes.TrimLeft(text[1:], space) // behind {
		for rest[0] == '"' {
			end := stringLength(rest)
			name := unquote(rest[:end])
			rest = bytes.TrimLeft(rest[end:], space)
			rest = bytes.TrimLeft(rest[1:], space) // behind :
			end = valueLength(rest)
			if !yield(name, bytes.TrimRight(rest[:end], space)) || rest[end] == '}' {
				return
			}
			rest = bytes.TrimLeft(rest[end+1:], space) // behind ,
		}
	}
}

// stringLength is that of the string at the beginning of valid JSON, with its quotes.
func stringLength(text []byte) int {
	i := 1
	for ; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// valueLength is that of the value at the beginning of valid JSON, with the space behind it.
// The value is part of an object.
func valueLength(text []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch text[i] {
		case '"':
			i += stringLength(text[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']', ',':
			if depth == 0 {
				return i
			}
			if text[i] != ',' {
				depth--
			}
		}
	}
}

// decodePerson reads a whole person. Without a uuid it has none yet.
func decodePerson(o object) (Person, error) {
	var p Person
	var wrong []problem.Field
	for _, f := range fields {
		reason := ""
		if o.has(f.name) {
			reason = o.decode(f, &p)
		} else if !f.optional {
			reason = "must be given"
		}
		if reason != "" {
			wrong = append(wrong, problem.Field{Field: f.name, Detail: reason})
		}
	}
	if wrong != nil {
		return Person{}, invalid(wrong)
	}
	return p, nil
}

// decodeChanges reads the fields that are there and can be changed.
func decodeChanges(o object) (Changes, error) {
	var changes Changes
	var wrong []problem.Field
	for _, f := range fields {
		if !o.has(f.name) || f.fixed {
			continue
		}
		if reason := o.decode(f, &changes.to); reason != "" {
			wrong = append(wrong, problem.Field{Field: f.name, Detail: reason})
			continue
		}
		changes.fields = append(changes.fields, f)
	}
	if wrong != nil {
		return Changes{}, invalid(wrong)
	}
	return changes, nil
}

// decode stores the value of one field in p. The reason says why not.
func (o object) decode(f field, p *Person) (reason string) {
	if o.twice[f.name] {
		return "is given twice"
	}
	raw := o.values[f.name]
	found := kindOf(raw)
	if wanted := f.kind(); found != wanted && (found != "a number" || wanted != "an integer") {
		return "must be " + wanted + ", not " + found
	}
	switch to := f.at(p).(type) {
	case *bool:
		*to = raw[0] == 't'
	case *int32, *float64:
		return f.setNumber(p, string(raw))
	case *uuid.UUID:
		id, ok := parseUUID(unquote(raw))
		if !ok {
			return "must be a uuid, such as 5f3c1d52-7c8e-4a3b-9f0e-2d6b8a1c4e77"
		}
		*to = id
	case *string:
		return f.setString(p, unquote(raw))
	}
	return ""
}

// kind is the type of a field in words of JSON.
func (f field) kind() string {
	switch f.at(new(Person)).(type) {
	case *bool:
		return "a boolean"
	case *int32:
		return "an integer"
	case *float64:
		return "a number"
	default:
		return "a string"
	}
}

// kindOf is the type of a value of JSON, by its first character.
func kindOf(raw json.RawMessage) string {
	switch raw[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}

func unquote(raw json.RawMessage) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		panic(err) // raw has been read as a string already
	}
	return s
}
