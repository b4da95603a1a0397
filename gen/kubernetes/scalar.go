package kubernetes

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/resource"

	"gitlab.com/towpath/towpath/gen/kubernetes/internal/schema"
)

// format says what a string of a format is and whether a text is one; no function means any text is. The
// checks are those of the Go types into which the API server decodes. Formats of numbers are in number.
func format(name string) (what string, valid func(string) bool) {
	switch name {
	case schema.Quantity:
		return "a quantity such as 100m, 0.5 or 128Mi", func(text string) bool {
			_, err := resource.ParseQuantity(text)
			return err == nil
		}
	case "date-time":
		return "an RFC 3339 time such as 2006-01-02T15:04:05Z", isTime(time.RFC3339)
	case schema.MicroTime:
		return "an RFC 3339 time with six digits of fraction such as 2006-01-02T15:04:05.000000Z",
			isTime("2006-01-02T15:04:05.000000Z07:00")
	case "byte":
		return "base64", func(text string) bool {
			_, err := base64.StdEncoding.DecodeString(text)
			return err == nil
		}
	case "ipv4":
		return "an IPv4 address", isAddress(netip.Addr.Is4)
	case "ipv6":
		return "an IPv6 address", isAddress(netip.Addr.Is6)
	}
	return "", nil
}

func isTime(layout string) func(string) bool {
	return func(text string) bool {
		_, err := time.Parse(layout, text)
		return err == nil
	}
}

func isAddress(family func(netip.Addr) bool) func(string) bool {
	return func(text string) bool {
		address, err := netip.ParseAddr(text)
		return err == nil && family(address)
	}
}

func (w *walk) text(s *schema.Schema, text string) {
	found := text
	if s.Format == "byte" {
		found = "" // a Secret's data, which must not reach a log or a report
	}
	if what, valid := format(s.Format); valid != nil && !valid(text) {
		w.report(BadFormat, found, []string{what}, "is not %s", what)
	}
	if s.Pattern != "" && !w.api.store.pattern(s.Pattern).MatchString(text) {
		w.report(BadFormat, found, []string{s.Pattern}, "does not match %s", s.Pattern)
	}
	w.size(utf8.RuneCountInString(text), s.MinLength, s.MaxLength, "characters")
}

// pattern compiles a regular expression once. makeschemas has tried each of them.
func (s *store) pattern(expression string) *regexp.Regexp {
	compiled, known := s.patterns.Load(expression)
	if !known {
		compiled, _ = s.patterns.LoadOrStore(expression, regexp.MustCompile(expression))
	}
	return compiled.(*regexp.Regexp)
}

func (w *walk) size(n int, least, most *int, of string) {
	if least != nil && n < *least {
		w.report(OutOfBounds, strconv.Itoa(n), []string{fmt.Sprintf("at least %d", *least)}, "has %d %s, must have at least %d", n, of, *least)
	}
	if most != nil && n > *most {
		w.report(OutOfBounds, strconv.Itoa(n), []string{fmt.Sprintf("at most %d", *most)}, "has %d %s, must have at most %d", n, of, *most)
	}
}

// The bounds of int64 as float64. The upper one rounds up to 2^63, so that nothing that fits is refused.
const (
	minInt64 = float64(math.MinInt64)
	maxInt64 = float64(math.MaxInt64)
)

func (w *walk) number(s *schema.Schema, n float64) {
	report := func(allowed string) {
		found := strconv.FormatFloat(n, 'f', -1, 64)
		w.report(OutOfBounds, found, []string{allowed}, "%s must be %s", found, allowed)
	}
	switch integer := s.Type == "integer" || s.IntOrString; {
	case s.Format == "int32" && (n < math.MinInt32 || n > math.MaxInt32):
		report(fmt.Sprintf("between %d and %d", math.MinInt32, math.MaxInt32))
	case integer && (n < minInt64 || n > maxInt64):
		report(fmt.Sprintf("between %d and %d", math.MinInt64, math.MaxInt64))
	}
	if s.Minimum != nil {
		if s.ExclusiveMinimum && n <= *s.Minimum {
			report(fmt.Sprintf("more than %v", *s.Minimum))
		} else if n < *s.Minimum {
			report(fmt.Sprintf("at least %v", *s.Minimum))
		}
	}
	if s.Maximum != nil {
		if s.ExclusiveMaximum && n >= *s.Maximum {
			report(fmt.Sprintf("less than %v", *s.Maximum))
		} else if n > *s.Maximum {
			report(fmt.Sprintf("at most %v", *s.Maximum))
		}
	}
}

// equal compares an enum's member, decoded by encoding/json, with a value from any decoder.
func equal(member, value any) bool {
	if text, isText := member.(string); isText {
		return value == text
	}
	m, _ := toNumber(member)
	v, isNumber := toNumber(value)
	return isNumber && m == v
}

// toNumber reads every number that a decoder may produce. float64 is exact enough: what is judged are types
// and bounds, none of which lies where float64 skips integers except int64's own.
func toNumber(value any) (float64, bool) {
	if number, isNumber := value.(json.Number); isNumber {
		n, err := number.Float64()
		return n, err == nil
	}
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid():
		return 0, false
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), !math.IsNaN(v.Float()) && !math.IsInf(v.Float(), 0)
	}
	return 0, false
}
