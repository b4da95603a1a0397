package shout

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/url"
	"strings"
	"unicode/utf8"
)

// errParse stands for all that is wrong with a request; clients are told no more than that.
var errParse = errors.New("no data in the request")

// parse gives the text of a request body, or errParse.
func parse(contentType string, body []byte) (string, error) {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) { // a bad parameter leaves the type clear
		return "", errParse
	}
	var text string
	var ok bool
	switch mediaType {
	case "application/json":
		text, ok = jsonString(body, "data")
	case "application/x-www-form-urlencoded":
		text, ok = formString(string(body), "data")
	}
	if !ok {
		return "", errParse
	}
	return text, nil
}

// jsonString reads a string from a JSON object. It is stricter than decoding into a struct, which
// also takes "DATA", null, and bytes that are not UTF-8.
func jsonString(body []byte, name string) (string, bool) {
	var object map[string]json.RawMessage
	if !utf8.Valid(body) || json.Unmarshal(body, &object) != nil {
		return "", false
	}
	var value *string
	if json.Unmarshal(object[name], &value) != nil || value == nil {
		return "", false
	}
	return *value, true
}

// formString reads the first field of that name from a URL-encoded form. Unlike [url.ParseQuery]
// it takes a semicolon for what browsers take it for: a character like others.
func formString(body, name string) (value string, found bool) {
	for field := range strings.SplitSeq(body, "&") {
		rawKey, rawValue, _ := strings.Cut(field, "=")
		key, errKey := url.QueryUnescape(rawKey)
		v, errValue := url.QueryUnescape(rawValue)
		if errKey != nil || errValue != nil {
			return "", false // a malformed form is wrong as a whole
		}
		if key == name && !found {
			value, found = v, true
		}
	}
	return value, found && utf8.ValidString(value)
}

// encode is the JSON object of one string. Characters that only HTML would mind stay as they are.
func encode(name, value string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]string{name: value}); err != nil {
		panic(err) // a string can always be encoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
