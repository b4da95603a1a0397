package diff

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// canon returns a text that is the same for values that mean the same to the API
// server, and empty for what is as good as missing.
func canon(p *place, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case *hidden:
		return "#" + hex.EncodeToString(v.sum[:])
	case map[string]any:
		var text strings.Builder
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if field := canonField(p, v, name); field != "" {
				text.WriteString(strconv.Quote(name) + ":" + field + ",")
			}
		}
		if text.Len() == 0 && !p.emptyMeans() {
			return ""
		}
		return "{" + text.String() + "}"
	case []any:
		if len(v) == 0 {
			return ""
		}
		items := canonItems(p, v)
		if kind, _ := listOf(p, v); kind != sequence && !p.pod {
			slices.Sort(items)
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	return canonScalar(p, v)
}

// canonField is canon of a field, and empty for one that is as the API server
// would fill it in.
func canonField(p *place, object map[string]any, name string) string {
	at := p.field(name)
	text := canon(at, object[name])
	if text == "" {
		return ""
	}
	if fallback := at.filled(object); fallback != nil && canon(at, fallback) == text {
		return ""
	}
	return text
}

// hasFallback reports whether the API server fills a missing field of the object in.
func hasFallback(p *place, object map[string]any, name string) bool {
	return p.field(name).filled(object) != nil
}

// isVacant reports whether canon of a struct is empty, and does not write the text
// to see it.
func isVacant(p *place, object map[string]any) bool {
	for name, value := range object {
		filled := false
		below, isStruct := value.(map[string]any)
		if isStruct && !hasFallback(p, object, name) {
			filled = !isVacant(p.field(name), below)
		} else {
			filled = canonField(p, object, name) != ""
		}
		if filled {
			return false
		}
	}
	return !p.emptyMeans()
}

// saysNothing reports whether canon of a value is empty.
func saysNothing(p *place, v any) bool {
	if object, ok := v.(map[string]any); ok {
		return isVacant(p, object)
	}
	return canon(p, v) == ""
}

func canonItems(p *place, list []any) []string {
	items := make([]string, len(list))
	for i, item := range list {
		if items[i] = canon(p.item(), item); items[i] == "" {
			items[i] = "{}" // An item is there, however little it says.
		}
	}
	return items
}

func canonScalar(p *place, v any) string {
	if p.t.IsQuantity() {
		if q, err := resource.ParseQuantity(fmt.Sprint(v)); err == nil {
			if amount, ok := new(big.Rat).SetString(q.AsDec().String()); ok {
				return amount.RatString()
			}
		}
	}
	text, isText := v.(string)
	if !isText {
		return canonNumber(v)
	}
	switch {
	case text == "" && p.t.EmptyIsAbsent():
		return ""
	case numericPorts[p.owner]:
		if n, err := strconv.Atoi(text); err == nil {
			return strconv.Itoa(n)
		}
	case durations[p.owner] || isDuration(p.t.Pattern()):
		if d, ok := milliseconds(text); ok {
			return strconv.FormatInt(d, 10) + "ms"
		}
	}
	return strconv.Quote(text)
}

// canonNumber makes one text of the types that decoders give a number.
func canonNumber(v any) string {
	text := fmt.Sprint(v)
	switch v.(type) {
	case bool:
		return text
	case json.Number, float64, float32, int, int32, int64, uint64:
		if n, ok := new(big.Rat).SetString(text); ok && len(text) < 40 {
			return n.RatString()
		}
	}
	return text
}

// isDuration recognizes the patterns of Gateway API's and Prometheus' durations.
func isDuration(pattern string) bool {
	return strings.Contains(pattern, "(h|m|s|ms)") || strings.Contains(pattern, "([0-9]+)y)?")
}

var units = map[string]int64{
	"ms": 1, "s": 1000, "m": 60_000, "h": 3600_000, "d": 24 * 3600_000, "w": 7 * 24 * 3600_000, "y": 365 * 24 * 3600_000,
}

// milliseconds reads a duration such as 1h30m or 90m.
func milliseconds(text string) (int64, bool) {
	var sum int64
	for rest := text; rest != ""; {
		digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
		rest = rest[len(digits):]
		unit := rest[:len(rest)-len(strings.TrimLeft(rest, "ymwdhs"))]
		rest = rest[len(unit):]
		n, err := strconv.ParseInt(digits, 10, 32)
		if err != nil || units[unit] == 0 {
			return 0, text == "0"
		}
		sum += n * units[unit]
	}
	return sum, text != ""
}

// listKind is what tells the items of a list apart.
type listKind int

const (
	// sequence: where they stand.
	sequence listKind = iota
	// byKey: fields of theirs. The order may mean something all the same.
	byKey
	// byValue: what they are.
	byValue
)

// listOf returns what tells the items of a list apart, and the fields that do.
func listOf(p *place, list []any) (listKind, []string) {
	keys := p.t.Keys()
	if keys == nil {
		keys = keyed[p.owner]
	}
	if keys != nil {
		if unique(p, list, keys) {
			return byKey, keys
		}
		return sequence, nil
	}
	if p.t.IsSet() || unordered[p.owner] {
		return byValue, nil
	}
	return sequence, nil
}

// aligned is listOf for two lists that are to be compared. The items of a custom
// kind that have names each are told apart by them, though their order counts.
func aligned(p *place, before, after []any) (kind listKind, keys []string, ordered bool) {
	kind, keys = listOf(p, before)
	if other, _ := listOf(p, after); other != kind {
		return sequence, nil, true
	}
	if kind == sequence && p.free && unique(p, before, []string{"name"}) && unique(p, after, []string{"name"}) {
		return byKey, []string{"name"}, true
	}
	return kind, keys, kind == sequence || p.pod
}

// unique reports whether every item has the first of the keys, and all keys
// together only once.
func unique(p *place, list []any, keys []string) bool {
	seen := map[string]bool{}
	for _, item := range list {
		object, isMap := item.(map[string]any)
		if !isMap {
			return false
		}
		key := keyOf(p, object, keys)
		if key == "" || seen[key] {
			return false
		}
		seen[key] = true
	}
	return true
}

// keyOf returns what stands in the brackets of a path: the value of the first key
// alone where the others are what they are by default.
func keyOf(p *place, object map[string]any, keys []string) string {
	var parts []string
	for i, key := range keys {
		value := object[key]
		item := p.item()
		switch {
		case value == nil && i == 0 && keyed[p.owner] == nil:
			return ""
		case value == nil, i > 0 && canonField(item, object, key) == "":
			continue
		}
		parts = append(parts, key+"="+quoteKey(fmt.Sprint(show(value))))
	}
	if parts == nil {
		return keys[0] + "="
	}
	return strings.Join(parts, ",")
}
