package diff

import (
	"encoding/json"
	"strings"

	"gitlab.com/towpath/towpath/gen/policy"
)

// maskText returns a text, or what stands for it if it holds a secret. named says
// that the name tells what the text is.
func maskText(name string, named bool, text string) any {
	switch {
	case named && hasSecretName(name, text):
		return hide(text, hiddenText)
	case strings.Contains(text, "PRIVATE KEY"), isSecretDocument(text):
		return hide(text, hiddenText)
	}
	if !strings.Contains(strings.TrimRight(text, "\n"), "\n") {
		if looksSecret(name, text) || assigns(text) {
			return hide(text, hiddenText)
		}
		return text
	}
	if shown := maskLines(text); shown != text {
		return hide(text, shown)
	}
	if looksSecret(name, text) {
		return hide(text, hiddenText)
	}
	return text
}

// maskLines hides lines of a configuration file, and what belongs to a setting
// whose value follows on lines of its own.
func maskLines(text string) string {
	var shown strings.Builder
	below := -1 // the indent of a setting whose value follows
	for line := range strings.Lines(text) {
		body := strings.TrimRight(line, "\r\n")
		end := line[len(body):]
		indent := len(body) - len(strings.TrimLeft(body, " \t"))
		if below >= 0 && (strings.TrimSpace(body) == "" || indent > below) {
			if strings.TrimSpace(body) != "" {
				body = body[:indent] + hiddenText
			}
			shown.WriteString(body + end)
			continue
		}
		below = -1
		name, value, secret := policy.SecretSetting(body)
		switch {
		case secret && value == "":
			below = indent
		case secret:
			body = body[:indent] + name + ": " + hiddenText
		case looksSecret("", body), assigns(body):
			body = body[:indent] + hiddenText
		}
		shown.WriteString(body + end)
	}
	return shown.String()
}

// assigns reports whether a line of text sets a secret by its name, as in
// host=db password=..., --token=..., or ?key=...&token=... of a URL.
func assigns(text string) bool {
	if !strings.Contains(text, "=") {
		return false
	}
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t;&?,\"'`", r) }) {
		name, value, found := strings.Cut(part, "=")
		if found && value != "" && hasSecretName(strings.TrimLeft(name, "-"), value) {
			return true
		}
	}
	return false
}

// isSecretDocument reports whether a text is JSON, on however many lines, with a
// secret in it.
func isSecretDocument(text string) bool {
	trimmed := strings.TrimSpace(text)
	if !strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "[") {
		return false
	}
	var document any
	return json.Unmarshal([]byte(trimmed), &document) == nil && hides(mask(nowhere, "", false, document))
}

// hides reports whether anything in a masked value is hidden.
func hides(v any) bool {
	switch v := v.(type) {
	case *hidden:
		return true
	case map[string]any:
		for _, value := range v {
			if hides(value) {
				return true
			}
		}
	case []any:
		for _, item := range v {
			if hides(item) {
				return true
			}
		}
	}
	return false
}
