package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
)

// plain are strings that nobody takes for more than one thing when they stand there
// without quotes.
var plain = regexp.MustCompile(`^[\pL\pN_/.$({<][^"]*$`)

// unmistakable reports whether nobody takes a string for something else, such as a number.
func unmistakable(s string) bool {
	if !plain.MatchString(s) || strings.TrimSpace(s) != s {
		return false
	}
	switch s {
	case "true", "false", "null", "yes", "no", "on", "off":
		return false
	}
	_, asFloat := strconv.ParseFloat(s, 64)
	_, asInt := strconv.ParseInt(s, 0, 64)
	return asFloat != nil && asInt != nil
}

// scalar writes a value on one line: strings as they are where that is clear,
// everything else as JSON.
func scalar(v any) string {
	if s, ok := v.(string); ok && unmistakable(s) {
		return visible(s)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return visible(fmt.Sprint(v))
	}
	return string(inert(bytes.TrimSuffix(b.Bytes(), []byte("\n"))))
}

// block writes a value on as many lines as it has: a string as its lines, a map
// or a list as YAML.
func block(v any) string {
	switch v := v.(type) {
	case string:
		return visibleLines(v)
	case map[string]any, []any:
		if data, err := yaml.Marshal(v); err == nil {
			return visibleLines(string(data))
		}
	}
	return scalar(v)
}

// tall reports whether a value is better read on several lines.
func tall(v any) bool {
	const wide = 60
	switch v := v.(type) {
	case string:
		return strings.Contains(strings.TrimSuffix(v, "\n"), "\n")
	case map[string]any, []any:
		return utf8.RuneCountInString(scalar(v)) > wide
	}
	return false
}

// shorten cuts a string after a number of characters, and says how many there are.
func shorten(s string, limit int) string {
	n := utf8.RuneCountInString(s)
	if limit <= 0 || n <= limit {
		return s
	}
	runes := []rune(s)
	return string(runes[:limit]) + "… (" + grouped(n) + " characters)"
}
