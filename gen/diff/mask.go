package diff

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	hiddenText  = "(hidden)"
	changedText = "(hidden, changed)"
)

// hidden stands for a text with a secret, from the entrance of the package on:
// nothing behind it has the text itself, so nothing can write it.
type hidden struct {
	sum [sha256.Size]byte
	// shown is the text with (hidden) in place of what is secret.
	shown string
	// changed is set if the text before differs, and nothing that is shown does.
	changed bool
}

func hide(text, shown string) *hidden { return &hidden{sum: sha256.Sum256([]byte(text)), shown: shown} }

func (h *hidden) String() string {
	if h.changed {
		return strings.ReplaceAll(h.shown, hiddenText, changedText)
	}
	return h.shown
}

// MarshalJSON keeps it a text.
func (h *hidden) MarshalJSON() ([]byte, error) { return json.Marshal(h.String()) }

// show returns the value with texts in place of what is hidden.
func show(v any) any {
	switch v := v.(type) {
	case *hidden:
		return v.String()
	case map[string]any:
		shown := make(map[string]any, len(v))
		for name, value := range v {
			shown[name] = show(value)
		}
		return shown
	case []any:
		shown := make([]any, len(v))
		for i, item := range v {
			shown[i] = show(item)
		}
		return shown
	}
	return v
}

// visible returns a name, such as that of an object, that will be shown.
func visible(name string) string {
	if looksSecret("", name) {
		return hiddenText
	}
	return name
}

// references end the names of fields which say where a secret is: in the API of
// External Secrets, secretKey is a key of the Secret, and not its value.
var references = []string{
	"secretKey", "tokenKey", "passwordKey", "name", "namespace", "key", "kind", "store", "property", "version", "optional", "file", "path", "mountPath",
	"secretName", "existingSecret", "ref", "items", "mode", "release",
}

// mask returns a copy of a value, without what is secret. name is what the value
// is called, and within says that something around it has the name of a secret.
func mask(p *place, name string, within bool, v any) any {
	switch v := v.(type) {
	case map[string]any:
		return maskObject(p, name, within, v)
	case []any:
		list := make([]any, len(v))
		previous := ""
		for i, item := range v {
			text, isText := item.(string)
			switch option := strings.TrimLeft(previous, "-"); {
			case isText && option != previous && !strings.Contains(option, "=") && hasSecretName(option, text):
				list[i] = hide(text, hiddenText)
			default:
				list[i] = mask(p.item(), name, within, item)
			}
			previous = text
		}
		return list
	case string:
		if within && !slices.Contains(references, name) && hasSecretName("secret", v) {
			return hide(v, hiddenText)
		}
		return maskText(name, p.names(name), v)
	case nil, bool:
		return v
	}
	if text := fmt.Sprint(v); p.names(name) && hasSecretName(name, text) {
		return hide(text, hiddenText)
	}
	return v
}

// names reports whether the name of a field says what it holds: not where the API
// has the field to refer to a secret.
func (p *place) names(name string) bool { return !p.declared || !slices.Contains(references, name) }

func maskObject(p *place, name string, within bool, object map[string]any) map[string]any {
	masked := make(map[string]any, len(object))
	// A variable, a header, a parameter: its name is a value beside it.
	called, _ := object["name"].(string)
	if called == "" {
		called, _ = object["key"].(string)
	}
	secret := within || hasSecretName(name, "x") && !p.declared
	for key := range object {
		if looksSecret("", key) {
			// Such keys are told apart by their number.
			return maskNumbered(p, called, secret, object)
		}
		masked[key] = maskField(p, called, secret, key, object[key])
	}
	return masked
}

// maskNumbered is maskObject where keys look like secrets themselves.
func maskNumbered(p *place, called string, secret bool, object map[string]any) map[string]any {
	masked := make(map[string]any, len(object))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		value := maskField(p, called, secret, key, object[key])
		if looksSecret("", key) {
			key = fmt.Sprintf("%s %d", hiddenText, len(masked)+1)
		}
		masked[key] = value
	}
	return masked
}

// maskField is mask of a field of an object that is called something.
func maskField(p *place, called string, secret bool, key string, value any) any {
	text, isText := value.(string)
	switch {
	case isText && key == "value" && called != "" && (hasSecretName(called, text) || isHeader(called)):
		return hide(text, hiddenText)
	case isText && key == "value" && called != "":
		return maskText(called, true, text)
	case isText && strings.HasSuffix(p.owner, ".metadata.annotations") && hasSecretName(key, text) &&
		strings.HasSuffix(strings.ToLower(key), "secret"):
		return maskText("", true, text) // It names a Secret.
	case isText && key == "kubectl.kubernetes.io/last-applied-configuration":
		return hide(text, hiddenText)
	}
	return mask(p.field(key), key, secret, value)
}

func isHeader(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "proxy-authorization", "cookie", "x-api-key":
		return true
	}
	return false
}

// maskSecret hides all that a Secret holds.
func maskSecret(masked, secret map[string]any) {
	for _, part := range []string{"data", "stringData"} {
		switch entries := secret[part].(type) {
		case nil:
		case map[string]any:
			all := make(map[string]any, len(entries))
			for key, value := range entries {
				all[visible(key)] = hide(fmt.Sprint(value), hiddenText)
			}
			masked[part] = all
		default:
			masked[part] = hide(fmt.Sprint(entries), hiddenText)
		}
	}
}
